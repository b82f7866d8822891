#include "verify/equivalence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/process.h"

namespace jarvis2::verify {
namespace {

constexpr double kFloatTolerance = 1e-9;
constexpr std::size_t kMostFunctions = 20;  // of a file
constexpr std::uint64_t kSeed = 20'240'229;

// One side's answer; null when the script did not get to an end.
Json ask(const Json& request, const fs::path& tree, const Plan& plan, const Workspace& workspace,
         const std::stop_token& stop, std::string& failure) {
  SpawnOptions spawn = workspace.sandboxed("exec python3 -c \"$_CHECK\"", tree, false);
  spawn.env.emplace_back("_CHECK", kPythonCheck);
  spawn.stdin_bytes = request.dump();
  const ProcessResult result = run_process(spawn, plan.generate_timeout_s, stop);
  if (result.cancelled) throw Interrupted();
  const Json answer = Json::parse(result.out, nullptr, false);
  if (answer.is_object() && answer.contains("functions")) return answer;
  failure = result.timed_out ? std::string("took too long") : result.err.substr(0, result.err.find('\n'));
  if (failure.empty()) failure = fmt::format("ended with status {}", result.exit_code);
  return nullptr;
}

std::string brief(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() > 160 ? text.substr(0, 157) + "..." : text;
}

// "returned X instead of Y", for the first part that differs.
std::string difference(const Json& base, const Json& candidate) {
  for (const auto& [key, value] : base.items()) {
    if (!candidate.contains(key)) return fmt::format("no longer {}: {}", key, brief(candidate));
    if (!same_outcome(value, candidate[key])) {
      return fmt::format("{}: {} instead of {}", key, brief(candidate[key]), brief(value));
    }
  }
  return "does more than before: " + brief(candidate);
}

}  // namespace

bool same_outcome(const Json& a, const Json& b) {
  if (a.type() != b.type() && !(a.is_number() && b.is_number())) return false;
  if (a.is_number()) {
    const double x = a.get<double>(), y = b.get<double>();
    return x == y || std::abs(x - y) <= kFloatTolerance * std::max({1.0, std::abs(x), std::abs(y)});
  }
  if (a.is_array()) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!same_outcome(a[i], b[i])) return false;
    }
    return true;
  }
  if (a.is_object()) {
    if (a.size() != b.size()) return false;
    for (const auto& [key, value] : a.items()) {
      if (!b.contains(key) || !same_outcome(value, b[key])) return false;
    }
    return true;
  }
  return a == b;
}

std::string compile_python_command(const std::vector<std::string>& paths) {
  if (paths.empty()) return {};
  std::string command = "python3 -m compileall -q";
  for (const std::string& path : paths) {
    if (path.find('\'') == std::string::npos) command += " '" + path + "'";
  }
  return command + " >/dev/null 2>&1 || true";
}

std::string check_generated_python(const Candidate& candidate, const fs::path& base_tree, const fs::path& tree,
                                   const Plan& plan, const Workspace& workspace, GeneratedCheck& result,
                                   const std::stop_token& stop) {
  Json files = Json::object();
  for (const auto& [path, text] : candidate.files) {
    std::error_code error;
    if (!text || !path.ends_with(".py") || !fs::is_regular_file(base_tree / path, error)) continue;
    const std::string before = read_file(base_tree / path);
    if (before == *text || !is_valid_utf8(before) || !is_valid_utf8(*text)) continue;
    files[path] = {{"before", before}, {"after", *text}};
  }
  if (files.empty()) return {};
  Json request = {{"mode", "generate"},
                  {"files", files},
                  {"examples", plan.generated_inputs},
                  {"most_functions", kMostFunctions},
                  {"seed", plan.measure.seed != 0 ? plan.measure.seed : kSeed},
                  {"libraries", Json::array()}};
  for (const fs::path& library : plan.libraries) request["libraries"].push_back(library.string());
  std::string failure;
  const Json drawn = ask(request, base_tree, plan, workspace, stop, failure);
  if (drawn.is_null()) {
    result.notes.push_back("no inputs were generated for Python: " + failure);
    return {};
  }
  for (const Json& note : drawn["notes"]) result.notes.push_back(note);
  if (drawn["functions"].empty()) return {};
  request = {{"mode", "run"}, {"functions", drawn["functions"]}, {"libraries", request["libraries"]}};
  const Json base = ask(request, base_tree, plan, workspace, stop, failure);
  const Json again = ask(request, base_tree, plan, workspace, stop, failure);
  if (base.is_null() || again.is_null()) {
    result.notes.push_back("the baseline's functions could not be called: " + failure);
    return {};
  }
  const Json seen = ask(request, tree, plan, workspace, stop, failure);
  if (seen.is_null()) return "called with generated inputs, the candidate " + failure;
  for (std::size_t f = 0; f < drawn["functions"].size(); ++f) {
    const Json& function = drawn["functions"][f];
    const std::string name = function["path"].get<std::string>() + "::" + function["name"].get<std::string>();
    result.functions.push_back(name);
    for (std::size_t i = 0; i < function["inputs"].size(); ++i) {
      const Json& expected = base["functions"][f].at(i);
      if (expected.contains("slow") || !same_outcome(expected, again["functions"][f].at(i))) {
        ++result.left_out;
        continue;
      }
      ++result.inputs;
      const Json& got = seen["functions"][f].size() > i ? seen["functions"][f][i] : seen["functions"][f].back();
      if (same_outcome(expected, got)) continue;
      return fmt::format("{}({}) {}", name, function["inputs"][i][1].get<std::string>(), difference(expected, got));
    }
  }
  return {};
}

std::string check_generated(const Candidate& candidate, const fs::path& base_tree, const fs::path& tree,
                            const Plan& plan, const Workspace& workspace, GeneratedCheck& result,
                            std::stop_token stop) {
  const std::string found = check_generated_python(candidate, base_tree, tree, plan, workspace, result, stop);
  if (!found.empty()) return found;
  return check_generated_c(candidate, base_tree, tree, plan, workspace, result, stop);
}

}  // namespace jarvis2::verify
