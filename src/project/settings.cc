#include "project/settings.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <regex>
#include <set>

#include "base/error.h"
#include "base/number.h"
#include "project/model_settings.h"

namespace jarvis2::project {
namespace {

constexpr std::string_view kPlace = "project::load_settings";

// One file being read: knows its name and text, for messages and for literals as written.
class Reader {
 public:
  Reader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
    try {
      table_ = toml::parse(text, name_);
    } catch (const toml::parse_error& error) {
      throw Error(kPlace, fmt::format("{}:{}: {}", name_, error.source().begin.line, error.description()));
    }
  }

  const toml::table& table() const { return table_; }

  [[noreturn]] void fail(const toml::node& node, std::string_view message) const {
    fail_at(node.source().begin.line, message);
  }
  [[noreturn]] void fail_at(std::uint32_t line, std::string_view message) const {
    throw Error(kPlace, fmt::format("{}:{}: {}", name_, line, message));
  }
  [[noreturn]] void fail_whole(std::string_view message) const {
    throw Error(kPlace, fmt::format("{}: {}", name_, message));
  }

  const toml::table* section(std::string_view key, std::initializer_list<std::string_view> known) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return nullptr;
    const toml::table* found = node->as_table();
    if (found == nullptr) fail(*node, fmt::format("{} must be a table: [{}]", key, key));
    check_keys(*found, key, known);
    return found;
  }

  void check_keys(const toml::table& table, std::string_view where,
                  std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : table) {
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      const std::string prefix = where.empty() ? "" : std::string(where) + ".";
      fail_at(key.source().begin.line, fmt::format("unknown key {}{}; known are {}", prefix, key.str(),
                                                   fmt::join(known.begin(), known.end(), ", ")));
    }
  }

  void read(const toml::table* table, std::string_view key, std::string& out) const {
    const toml::node* node = table == nullptr ? nullptr : table->get(key);
    if (node == nullptr) return;
    if (!node->is_string()) fail(*node, fmt::format("{} must be a string", key));
    out = checked_command(*node);
  }

  void read(const toml::table* table, std::string_view key, std::vector<std::string>& out) const {
    const toml::node* node = table == nullptr ? nullptr : table->get(key);
    if (node == nullptr) return;
    out.clear();
    if (node->is_string()) {
      if (const std::string command = checked_command(*node); !command.empty()) out.push_back(command);
      return;
    }
    const toml::array* list = node->as_array();
    if (list == nullptr) fail(*node, fmt::format("{} must be a string or a list of strings", key));
    for (const toml::node& item : *list) {
      if (!item.is_string()) fail(item, fmt::format("{} must hold strings only", key));
      const std::string text = checked_command(item);
      if (text.empty()) fail(item, fmt::format("{} holds an empty string", key));
      out.push_back(text);
    }
  }

  // The characters of a value as they stand in the file.
  std::string literal(const toml::node& node) const {
    const toml::source_region& region = node.source();
    const std::size_t from = offset(region.begin);
    std::size_t to = offset(region.end);
    to = std::max(from, std::min(to, text_.size()));
    std::string_view raw = text_.substr(from, to - from);
    while (!raw.empty() && std::string_view(" \t\r\n,]").find(raw.back()) != std::string_view::npos) {
      raw.remove_suffix(1);
    }
    return std::string(raw);
  }

 private:
  std::string checked_command(const toml::node& node) const {
    const std::string text = *node.value<std::string>();
    if (text.find('\0') != std::string::npos) fail(node, "a command cannot hold a zero byte");
    return text;
  }

  // toml++ counts lines and columns from 1, columns in code points.
  std::size_t offset(const toml::source_position& position) const {
    std::size_t at = 0;
    for (std::uint32_t line = 1; line < position.line; ++line) {
      const std::size_t end = text_.find('\n', at);
      if (end == std::string_view::npos) return text_.size();
      at = end + 1;
    }
    if (at == 0 && text_.starts_with("\xEF\xBB\xBF")) at = 3;
    for (std::uint32_t column = 1; column < position.column && at < text_.size(); ++column) {
      ++at;
      while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xC0) == 0x80) ++at;
    }
    return at;
  }

  std::string_view text_;
  std::string name_;
  toml::table table_;
};

void read_tune(const Reader& reader, Settings& settings) {
  const toml::node* node = reader.table().get("tune");
  if (node == nullptr) return;
  const toml::table* table = node->as_table();
  if (table == nullptr) reader.fail(*node, "tune must be a table: [tune]");
  for (const auto& [key, value] : *table) {
    const std::string_view full = key.str();
    const std::size_t colon = full.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == full.size()) {
      reader.fail_at(key.source().begin.line,
                     fmt::format("tune key \"{}\" must be \"path/to/file:NAME\"; quote it", full));
    }
    const toml::array* list = value.as_array();
    if (list == nullptr || list->empty()) {
      reader.fail(value, fmt::format("tune \"{}\" must be a list of the values to try", full));
    }
    TuneConstant constant{std::string(full.substr(0, colon)), std::string(full.substr(colon + 1)), {}};
    for (const toml::node& item : *list) {
      if (!item.is_number() && !item.is_string() && !item.is_boolean()) {
        reader.fail(item, fmt::format("tune \"{}\" may hold numbers, strings and booleans", full));
      }
      constant.values.push_back(reader.literal(item));
    }
    settings.tune.push_back(std::move(constant));
  }
}

void read_objective(const Reader& reader, Settings& settings) {
  const toml::table* table = reader.section("objective", {"metric", "min_effect"});
  if (table == nullptr) return;
  if (const toml::node* node = table->get("metric"); node != nullptr) {
    if (const toml::table* pattern = node->as_table(); pattern != nullptr) {
      reader.check_keys(*pattern, "objective.metric", {"pattern", "better"});
      std::string better;
      reader.read(pattern, "pattern", settings.metric.pattern);
      reader.read(pattern, "better", better);
      if (settings.metric.pattern.empty()) reader.fail(*node, "objective.metric needs a pattern");
      if (better != "higher" && better != "lower") {
        reader.fail(*node, "objective.metric.better must be \"higher\" or \"lower\"");
      }
      settings.metric.kind = MetricKind::kPattern;
      settings.metric.higher_is_better = better == "higher";
      try {
        if (std::regex(settings.metric.pattern).mark_count() != 1) {
          reader.fail(*node, "objective.metric.pattern must have exactly one group, around the number");
        }
      } catch (const std::regex_error& error) {
        reader.fail(*node, fmt::format("objective.metric.pattern is not a valid expression: {}", error.what()));
      }
    } else if (node->is_string()) {
      try {
        settings.metric.kind = parse_metric(*node->value<std::string>());
      } catch (const Error& error) {
        reader.fail(*node, error.message());
      }
    } else {
      reader.fail(*node, "objective.metric must be a string or { pattern = ..., better = ... }");
    }
  }
  if (const toml::node* node = table->get("min_effect"); node != nullptr) {
    settings.min_effect_given = true;
    try {
      if (node->is_string()) {
        settings.min_effect = parse_effect(*node->value<std::string>(), "objective.min_effect");
      } else if (node->is_number()) {
        settings.min_effect = parse_effect(fmt::format("{}", *node->value<double>()), "objective.min_effect");
      } else {
        throw Error(kPlace, "objective.min_effect must be like \"2%\" or 0.02");
      }
    } catch (const Error& error) {
      reader.fail(*node, error.message());
    }
  }
}

void read_verify(const Reader& reader, Settings& settings) {
  const toml::table* table = reader.section("verify", {"ignore_output", "timeout"});
  if (table == nullptr) return;
  if (const toml::node* node = table->get("ignore_output"); node != nullptr) {
    if (!node->is_boolean()) reader.fail(*node, "verify.ignore_output must be true or false");
    settings.ignore_output = *node->value<bool>();
  }
  if (const toml::node* node = table->get("timeout"); node != nullptr) {
    const std::string text = node->is_string() ? *node->value<std::string>() : "";
    const char unit = text.empty() ? '\0' : text.back();
    const std::optional<double> value =
        text.empty() ? std::nullopt : parse_double(std::string_view(text).substr(0, text.size() - 1));
    if (!value || *value <= 0 || (unit != 'x' && unit != 's' && unit != 'm')) {
      reader.fail(*node, "verify.timeout must be like \"10x\" (of the baseline), \"30s\" or \"5m\"");
    }
    if (unit == 'x' && *value < 1) reader.fail(*node, "verify.timeout must be at least \"1x\"");
    if (unit == 'x') {
      settings.timeout = {*value, 0};
    } else {
      settings.timeout.seconds = unit == 'm' ? *value * 60 : *value;
    }
  }
}

void check_globs(const Reader& reader, const Settings& settings) {
  for (const std::string& glob : settings.edit) {
    if (glob.starts_with('/') || glob.starts_with("../") || glob.find("/../") != std::string::npos) {
      reader.fail_whole(fmt::format("project.edit \"{}\" must stay inside the repository", glob));
    }
  }
}

std::string toml_string(const std::string& text) {
  // A literal string where possible: shell commands are full of double quotes and backslashes.
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' && c != 0x7F;
  });
  if (plain) return '"' + text + '"';
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
  if (printable && text.find('\'') == std::string::npos) return '\'' + text + '\'';
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string quoted_list(const std::vector<std::string>& items) {
  std::vector<std::string> parts;
  parts.reserve(items.size());
  for (const std::string& item : items) parts.push_back(toml_string(item));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

}  // namespace

std::string metric_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::kTime:
      return "time";
    case MetricKind::kInstructions:
      return "instructions";
    case MetricKind::kPeakMemory:
      return "peak_memory";
    case MetricKind::kSize:
      return "size";
    case MetricKind::kPattern:
      return "pattern";
  }
  return "time";
}

MetricKind parse_metric(std::string_view text) {
  for (const MetricKind kind :
       {MetricKind::kTime, MetricKind::kInstructions, MetricKind::kPeakMemory, MetricKind::kSize}) {
    if (text == metric_name(kind)) return kind;
  }
  throw Error("project::parse_metric",
              fmt::format("metric \"{}\" is unknown; use time, instructions, peak_memory, size or a pattern", text));
}

double parse_effect(std::string_view text, const std::string& what) {
  std::string_view digits = text;
  const bool percent = digits.ends_with('%');
  if (percent) digits.remove_suffix(1);
  while (digits.ends_with(' ')) digits.remove_suffix(1);
  const std::optional<double> value = parse_double(digits);
  const double fraction = value ? (percent ? *value / 100 : *value) : -1;
  if (!(fraction > 0 && fraction < 1)) {
    throw Error("project::parse_effect",
                fmt::format("{} is \"{}\"; it must be like \"2%\" or 0.02, above 0 and below 100%", what, text));
  }
  return fraction;
}

double Timeout::limit_s(double baseline_s) const {
  return std::max(1.0, seconds > 0 ? seconds : factor * baseline_s);
}

Settings parse_settings(std::string_view text, const std::string& name) {
  const Reader reader(text, name);
  reader.check_keys(reader.table(), "", {"project", "tune", "objective", "verify", "model"});
  Settings settings;
  settings.origin = name;
  const toml::table* project = reader.section("project", {"setup", "build", "test", "bench", "holdout", "edit"});
  if (project == nullptr) reader.fail_whole("no [project] table; it needs at least test and bench");
  reader.read(project, "setup", settings.setup);
  reader.read(project, "build", settings.build);
  reader.read(project, "test", settings.test);
  reader.read(project, "bench", settings.bench);
  reader.read(project, "holdout", settings.holdout);
  reader.read(project, "edit", settings.edit);
  if (settings.test.empty()) {
    reader.fail(*project, "project.test is missing; give the command that exits with 0 when the code is correct");
  }
  if (settings.bench.empty()) {
    reader.fail(*project, "project.bench is missing; give the command whose time is to be improved");
  }
  std::set<std::string> seen;
  for (const std::vector<std::string>* list : {&settings.bench, &settings.holdout}) {
    for (const std::string& command : *list) {
      if (!seen.insert(command).second) {
        reader.fail(*project, fmt::format("\"{}\" is listed twice in bench and holdout", command));
      }
    }
  }
  read_tune(reader, settings);
  read_objective(reader, settings);
  read_verify(reader, settings);
  parse_model_settings(text, name);  // read by whoever asks a model; its mistakes are told here too
  check_globs(reader, settings);
  return settings;
}

Settings load_settings(const fs::path& dir) {
  const fs::path file = dir / kSettingsFile;
  const std::string text = read_file(file);
  if (!is_valid_utf8(text)) throw Error(kPlace, fmt::format("{}: is not UTF-8", file.string()));
  return parse_settings(text, std::string(kSettingsFile));
}

std::string to_toml(const Settings& settings, const std::vector<KeyComment>& comments) {
  std::string out;
  const auto above = [&](std::string_view key) {
    for (const KeyComment& comment : comments) {
      if (comment.key != key) continue;
      std::size_t at = 0;
      while (at <= comment.text.size()) {
        const std::size_t end = std::min(comment.text.find('\n', at), comment.text.size());
        const std::string line = comment.text.substr(at, end - at);
        out += line.empty() ? "#\n" : "# " + line + "\n";
        at = end + 1;
      }
    }
  };
  const auto line = [&](std::string_view key, std::string_view explanation, const std::string& value, bool given) {
    above(fmt::format("project.{}", key));
    out += fmt::format("# {}\n{}{} = {}\n", explanation, given ? "" : "# ", key, value);
  };
  const auto one_or_list = [](const std::vector<std::string>& commands) {
    return commands.size() == 1 ? toml_string(commands[0]) : quoted_list(commands);
  };
  out += "# How jarvis2 builds, checks and measures this project.\n";
  above("");
  out += "\n[project]\n";
  line("setup", "Prepares dependencies once, with network, before the sandbox closes.", toml_string(settings.setup),
       !settings.setup.empty());
  line("build", "Builds the project; runs without network. Leave it out for interpreted code.",
       toml_string(settings.build), !settings.build.empty());
  line("test", "Exit status 0 means the code is correct.", toml_string(settings.test), !settings.test.empty());
  line("bench", "The whole process is timed and its output must not change. May be a list.",
       settings.bench.empty() ? "\"\"" : one_or_list(settings.bench), !settings.bench.empty());
  line("holdout", "The same with other inputs, kept from profile and search: claims are made on these.",
       settings.holdout.empty() ? "[]" : one_or_list(settings.holdout), !settings.holdout.empty());
  line("edit", "What may be changed. Without it: sources outside tests, benchmarks and build scripts.",
       settings.edit.empty() ? "[\"src/**\"]" : quoted_list(settings.edit), !settings.edit.empty());
  out += "\n[tune]\n# Constants that may change, and to what; nothing else may.\n";
  above("tune");
  if (settings.tune.empty()) out += "# \"src/config.py:BLOCK\" = [16, 32, 64, 128]\n";
  for (const TuneConstant& constant : settings.tune) {
    out +=
        fmt::format("{} = [{}]\n", toml_string(constant.path + ":" + constant.name), fmt::join(constant.values, ", "));
  }
  out += "\n[objective]\n";
  above("objective.metric");
  out += "# time, instructions, peak_memory, size, or { pattern = \"ops/s: ([0-9.]+)\", better = \"higher\" }\n";
  if (settings.metric.kind == MetricKind::kPattern) {
    out += fmt::format("metric = {{ pattern = {}, better = \"{}\" }}\n", toml_string(settings.metric.pattern),
                       settings.metric.higher_is_better ? "higher" : "lower");
  } else {
    out += fmt::format("metric = \"{}\"\n", metric_name(settings.metric.kind));
  }
  const bool given = settings.min_effect_given || settings.min_effect != Settings{}.min_effect;
  out += fmt::format(
      "# Smaller gains are not called faster. Default: 2%, or 5% where native code can't be linked anew.\n"
      "{}min_effect = \"{:.4g}%\"\n",
      given ? "" : "# ", settings.min_effect * 100);
  out += "\n[verify]\n";
  above("verify.ignore_output");
  out += fmt::format("# true when the benchmark prints timings or other things that change.\nignore_output = {}\n",
                     settings.ignore_output);
  const std::string timeout = settings.timeout.seconds > 0 ? fmt::format("{:g}s", settings.timeout.seconds)
                                                           : fmt::format("{:g}x", settings.timeout.factor);
  out += fmt::format("# Of the baseline's own time, or like \"30s\".\ntimeout = \"{}\"\n", timeout);
  return out;
}

}  // namespace jarvis2::project
