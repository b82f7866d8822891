#include "base/number.h"

#include <cmath>
#include <locale>
#include <sstream>
#include <string>

namespace jarvis2 {

std::optional<double> parse_double(std::string_view text) {
  // Streams also take signs, spaces and hexadecimals that from_chars doesn't.
  if (text.empty() || text.front() == '+' || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) {
    return std::nullopt;
  }
  std::istringstream stream{std::string(text)};
  stream.imbue(std::locale::classic());
  double value = 0;
  if (!(stream >> value) || stream.peek() != std::istringstream::traits_type::eof() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

}  // namespace jarvis2
