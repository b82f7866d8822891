#include "hardware/text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <sstream>

#include "base/number.h"

namespace jarvis2::hardware {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> result = split(text, '\n');
  for (std::string& line : result) {
    if (line.ends_with('\r')) line.pop_back();
  }
  if (!result.empty() && result.back().empty()) result.pop_back();
  return result;
}

std::optional<std::uint64_t> number(std::string_view text) {
  text = trim(text);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t value = 0;
  const std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint64_t leading_number(std::string_view text) {
  text = trim(text);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<std::uint64_t> size_bytes(std::string_view text) {
  text = trim(text);
  std::size_t end = 0;
  while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) != 0 || text[end] == '.')) ++end;
  if (end == 0) return std::nullopt;
  const std::optional<double> value = parse_double(text.substr(0, end));
  if (!value) return std::nullopt;
  const std::string unit = lower(trim(text.substr(end)));
  constexpr std::string_view kUnits = "kmgtp";
  double factor = 1;
  if (!unit.empty() && unit.front() != 'b') {
    const std::size_t power = kUnits.find(unit.front());
    if (power == std::string_view::npos) return std::nullopt;
    factor = std::pow(1024.0, static_cast<double>(power + 1));
  }
  if (factor == 1 && text.substr(0, end).find('.') == std::string_view::npos) return number(text.substr(0, end));
  return static_cast<std::uint64_t>(std::llround(*value * factor));
}

std::optional<std::vector<int>> cpu_list(std::string_view text) {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  std::vector<int> cpus;
  for (const std::string& part : split(text, ',')) {
    const std::size_t dash = part.find('-');
    const std::optional<std::uint64_t> first = number(part.substr(0, dash));
    const std::optional<std::uint64_t> last = dash == std::string::npos ? first : number(part.substr(dash + 1));
    if (!first || !last || *last < *first || *last > 1 << 20) return std::nullopt;
    for (std::uint64_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<int>(cpu));
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::optional<std::pair<std::string, std::string>> key_value(std::string_view line, std::string_view separators) {
  const std::size_t at = line.find_first_of(separators);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view key = trim(line.substr(0, at));
  if (key.empty()) return std::nullopt;
  return std::pair{std::string(key), std::string(trim(line.substr(at + 1)))};
}

}  // namespace jarvis2::hardware
