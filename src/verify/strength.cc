#include "verify/strength.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "code/model.h"
#include "project/compile_python.h"
#include "verify/equivalence.h"
#include "verify/pairs.h"

namespace jarvis2::verify {
namespace {

constexpr std::size_t kMostMutants = 12;
constexpr std::size_t kMostLines = 3000;  // of a file, for the comparison by lines
constexpr double kCoverageShare = 0.5;    // of the budget
constexpr double kFaultTimeout = 0.3;     // of a candidate's: most faults that hang would do so for good
constexpr const char* kCoverageFolder = ".jarvis2-coverage";
constexpr const char* kAnswerMark = "@jarvis2-coverage ";

// Replacements of whole tokens.
constexpr std::array<std::pair<const char*, const char*>, 18> kSwaps = {{{"<", "<="},
                                                                         {"<=", "<"},
                                                                         {">", ">="},
                                                                         {">=", ">"},
                                                                         {"==", "!="},
                                                                         {"!=", "=="},
                                                                         {"+", "-"},
                                                                         {"-", "+"},
                                                                         {"*", "+"},
                                                                         {"+=", "-="},
                                                                         {"-=", "+="},
                                                                         {"&&", "||"},
                                                                         {"||", "&&"},
                                                                         {"and", "or"},
                                                                         {"or", "and"},
                                                                         {"%", "*"},
                                                                         {"True", "False"},
                                                                         {"False", "True"}}};

std::string swapped(const std::string& token) {
  for (const auto& [from, to] : kSwaps) {
    if (token == from) return to;
  }
  const bool digits = !token.empty() && token.size() < 10 &&
                      std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
                      (token.size() == 1 || token[0] != '0');
  return digits ? std::to_string(std::stoul(token) + 1) : std::string();
}

// Tokens of a subtree, in order; types, templates and the insides of strings are no place for a fault.
void tokens(code::Node node, std::vector<code::Node>& out) {
  const std::string_view kind = node.kind();
  if (kind == "string" || kind == "comment" || kind == "string_literal" || kind == "type" || kind == "parameter_list" ||
      kind == "parameters" || kind == "template_argument_list" || kind == "pointer_declarator" ||
      kind.starts_with("preproc")) {
    return;
  }
  if (node.child_count() == 0) {
    // A star of a type or of a dereference is none of arithmetic.
    const bool arithmetic =
        node.text() != "*" || node.parent().is("binary_operator") || node.parent().is("binary_expression");
    if (arithmetic) out.push_back(node);
    return;
  }
  for (std::uint32_t i = 0; i < node.child_count(); ++i) tokens(node.child(i), out);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::optional<std::string> base_text(const Baseline& baseline, const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(baseline.tree / path, error)) return std::nullopt;
  return read_file(baseline.tree / path);
}

// Every Python process of the tests is watched by coverage.py, started from sitecustomize.
void python_coverage(const Candidate& candidate, const std::map<std::string, std::vector<std::uint32_t>>& changed,
                     const Plan& plan, const Workspace& workspace, double limit_s, Strength& result,
                     const std::stop_token& stop) {
  if (plan.test.empty() || plan.libraries.empty() || changed.empty()) return;
  std::string setup = fmt::format(
      "c=\"$PWD/{0}\"; mkdir -p \"$c\"; "
      "printf 'import sys\\nsys.path += %s\\ntry:\\n    import coverage\\n    coverage.process_startup()\\nexcept "
      "Exception:\\n    pass\\n' \"$_LIBRARIES\" >\"$c/sitecustomize.py\"; "
      "printf '[run]\\nparallel = true\\nsource = %s\\ndata_file = %s/data\\n' \"$PWD\" \"$c\" >\"$c/rc\"; "
      "export COVERAGE_PROCESS_START=\"$c/rc\" PYTHONPATH=\"$c${{PYTHONPATH:+:$PYTHONPATH}}\"; ",
      kCoverageFolder);
  const std::string report = R"py(
import json, os, sys
sys.path += json.loads(os.environ["_LIBRARIES"])
import coverage
c = coverage.Coverage(config_file=os.environ["_RC"])
c.combine()
answer = {"tool": "coverage.py " + coverage.__version__, "files": {}}
for path in json.loads(os.environ["_FILES"]):
    try:
        _, statements, _, missing, _ = c.analysis2(os.path.abspath(path))
        answer["files"][path] = {"statements": statements, "missing": missing}
    except Exception as error:
        answer["files"][path] = {"error": str(error)}
print(os.environ["_MARK"] + json.dumps(answer))
)py";
  Json files = Json::array(), libraries = Json::array();
  for (const auto& [path, lines] : changed) files.push_back(path);
  for (const fs::path& library : plan.libraries) libraries.push_back(library.string());
  const fs::path tree = workspace.acquire();
  struct Back {
    const Workspace& workspace;
    const fs::path& tree;
    ~Back() {
      if (workspace.release) workspace.release(tree);
    }
  } const back{workspace, tree};
  for (const auto& [path, text] : candidate.files) {
    if (!text) {
      fs::remove(tree / path);
      continue;
    }
    fs::create_directories((tree / path).parent_path());
    write_file_atomic(tree / path, *text);
  }
  const std::string build = plan.build.empty() ? "" : "(" + plan.build + ") >/dev/null 2>&1; ";
  SpawnOptions spawn = workspace.sandboxed(
      fmt::format("{}{}({}) >/dev/null 2>&1; unset COVERAGE_PROCESS_START; _RC=\"$c/rc\" exec python3 -c \"$_REPORT\"",
                  build, setup, plan.test),
      tree, true);
  spawn.env.emplace_back("_LIBRARIES", libraries.dump());
  spawn.env.emplace_back("_FILES", files.dump());
  spawn.env.emplace_back("_MARK", kAnswerMark);
  spawn.env.emplace_back("_REPORT", report);
  const ProcessResult done = run_process(spawn, (plan.build.empty() ? 0 : plan.build_timeout_s) + limit_s, stop);
  if (done.cancelled) throw Interrupted();
  if (done.timed_out) {
    result.notes.push_back(
        fmt::format("coverage was not measured: the tests take longer than {:.0f} s when watched", limit_s));
    return;
  }
  const std::size_t mark = done.out.rfind(kAnswerMark);
  const Json answer = mark == std::string::npos
                          ? Json()
                          : Json::parse(done.out.substr(mark + std::string_view(kAnswerMark).size()), nullptr, false);
  if (!answer.is_object()) {
    result.notes.push_back("coverage was not measured: " +
                           done.err.substr(done.err.size() - std::min<std::size_t>(done.err.size(), 160)));
    return;
  }
  result.coverage_tool = answer["tool"];
  for (const auto& [path, lines] : changed) {
    const Json& file = answer["files"][path];
    if (!file.contains("statements")) continue;
    const std::set<std::uint32_t> statements = file["statements"], missing = file["missing"];
    for (const std::uint32_t line : lines) {
      if (!statements.contains(line)) continue;
      ++result.changed_lines;
      result.covered_lines += missing.contains(line) ? 0 : 1;
    }
  }
}

}  // namespace

std::optional<double> Strength::mutation_score() const {
  if (mutants == 0) return std::nullopt;
  return static_cast<double>(noticed) / static_cast<double>(mutants);
}

bool Strength::weakly_checked() const {
  if (mutants >= kLeastMutants && *mutation_score() < kLeastMutationScore) return true;
  return changed_lines > 0 && covered_lines == 0 && inputs == 0;
}

std::vector<std::uint32_t> changed_lines(const std::string& before, const std::string& after) {
  const std::vector<std::string> a = lines_of(before), b = lines_of(after);
  std::vector<std::uint32_t> changed;
  if (a.size() > kMostLines || b.size() > kMostLines) {
    const std::set<std::string> known(a.begin(), a.end());
    for (std::size_t i = 0; i < b.size(); ++i) {
      if (!known.contains(b[i])) changed.push_back(static_cast<std::uint32_t>(i + 1));
    }
    return changed;
  }
  std::vector<std::vector<std::uint16_t>> common(a.size() + 1, std::vector<std::uint16_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i][j] = a[i] == b[j] ? static_cast<std::uint16_t>(common[i + 1][j + 1] + 1)
                                  : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::size_t i = 0;
  for (std::size_t j = 0; j < b.size();) {
    if (i < a.size() && a[i] == b[j]) {
      ++i;
      ++j;
    } else if (i < a.size() && common[i + 1][j] >= common[i][j + 1]) {
      ++i;
    } else {
      changed.push_back(static_cast<std::uint32_t>(++j));
    }
  }
  return changed;
}

std::vector<Mutant> mutants_of(const std::string& path, const std::string& before, const std::string& after,
                               std::size_t most) {
  const auto parsed = [&](const std::string& text) { return code::parse_workspace({{path, text}}, 1, {true}); };
  const code::Workspace old_files = parsed(before), new_files = parsed(after);
  const code::SourceFile* file = new_files.find(path);
  if (file == nullptr) return {};
  const code::Model old_model = code::Model::build(old_files, 1), model = code::Model::build(new_files, 1);
  std::map<std::string, std::string> known;
  for (const code::Function& function : old_model.functions()) {
    known[function.qualified] = before.substr(function.range.begin, function.range.size());
  }
  std::vector<code::Node> places;
  for (const code::Function& function : model.functions()) {
    const auto found = known.find(function.qualified);
    if (found != known.end() && found->second == after.substr(function.range.begin, function.range.size())) continue;
    std::vector<code::Node> all;
    tokens(file->tree->at(function.body), all);
    for (const code::Node& token : all) {
      const bool inside = function.body.contains(token.range());
      const bool twice = std::any_of(places.begin(), places.end(), [&](const code::Node& one) { return one == token; });
      if (inside && !twice && !swapped(std::string(token.text())).empty()) places.push_back(token);
    }
  }
  std::vector<Mutant> result;
  const std::size_t count = std::min(most, places.size());
  for (std::size_t i = 0; i < count; ++i) {
    const code::Node& token = places[i * places.size() / count];
    const std::string from(token.text()), to = swapped(from);
    std::string text = after;
    text.replace(token.range().begin, token.range().size(), to);
    result.push_back({path, token.line(), fmt::format("`{}` for `{}`", to, from), std::move(text)});
  }
  return result;
}

Strength measure_strength(const Candidate& given, const Baseline& baseline, const Plan& plan,
                          const Workspace& workspace, double budget_s, std::stop_token stop) {
  Candidate candidate = given;
  candidate.files.erase(project::kCompileScript);  // the sources run as they are: it is the tests that are asked
  Strength result;
  const double until_s = monotonic_s() + budget_s;
  std::map<std::string, std::vector<std::uint32_t>> python, native;
  std::vector<Mutant> mutants;
  std::size_t files = 0;
  for (const auto& [path, text] : candidate.files) {
    files += text && code::language_of(path) != code::Language::kNone ? 1 : 0;
  }
  for (const auto& [path, text] : candidate.files) {
    if (!text || code::language_of(path) == code::Language::kNone || !is_valid_utf8(*text)) continue;
    const std::string before = base_text(baseline, path).value_or("");
    if (path.ends_with(".py")) python[path] = changed_lines(before, *text);
    const code::Language language = code::language_of(path);
    if (language == code::Language::kC || language == code::Language::kCpp) native[path] = changed_lines(before, *text);
    for (Mutant& mutant : mutants_of(path, before, *text, std::max<std::size_t>(2, kMostMutants / files))) {
      mutants.push_back(std::move(mutant));
    }
  }
  python_coverage(candidate, python, plan, workspace, kCoverageShare * budget_s, result, stop);
  native_coverage(candidate, native, plan, workspace, kCoverageShare * budget_s, result, stop);
  Plan quick = plan;
  quick.generated_inputs = 0;
  quick.test_timeout_s = kFaultTimeout * plan.test_timeout_s + 1;
  quick.measure.run_timeout_s = kFaultTimeout * plan.measure.run_timeout_s + 1;
  for (const Mutant& mutant : mutants) {
    if (monotonic_s() > until_s) {
      result.notes.push_back(
          fmt::format("{} of {} faults tried in the time there was", result.mutants, mutants.size()));
      break;
    }
    Candidate faulty = candidate;
    faulty.id += " with a fault";
    faulty.files[mutant.path] = mutant.text;
    const Verification seen = verify_candidate(faulty, baseline, quick, workspace, {Stage::kOutput, 1}, stop);
    const bool refused = seen.verdict == Verdict::kRejected;
    if (refused && (seen.stage == Stage::kApply || seen.stage == Stage::kBuild)) continue;  // no fault that could run
    ++result.mutants;
    result.noticed += refused ? 1 : 0;
    if (!refused) result.missed.push_back(fmt::format("{}:{}: {}", mutant.path, mutant.line, mutant.what));
  }
  return result;
}

void to_json(Json& json, const Strength& strength) {
  const std::optional<double> score = strength.mutation_score();
  json = {{"weakly_checked", strength.weakly_checked()},
          {"changed_lines", strength.changed_lines},
          {"covered_lines", strength.covered_lines},
          {"coverage_tool", strength.coverage_tool.empty() ? Json() : Json(strength.coverage_tool)},
          {"mutants", strength.mutants},
          {"noticed", strength.noticed},
          {"mutation_score", score ? Json(*score) : Json()},
          {"generated_inputs", strength.inputs},
          {"missed", strength.missed},
          {"notes", strength.notes}};
}

}  // namespace jarvis2::verify
