// Every proposal, and random sets of proposals whose ranges are disjoint, must leave a program's output as it was.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/files.h"
#include "base/hash.h"
#include "base/process.h"
#include "edit/python/rewriting.h"
#include "edit/transformation.h"

namespace jarvis2::edit::python {
namespace {

// Runs each file given on its standard input by exec in a fresh namespace; prints "<name> <digest of its output>".
constexpr const char* kDriver = R"py(
import contextlib, hashlib, io, sys
for path in sys.stdin.read().split():
    out = io.StringIO()
    with open(path) as file:
        text = file.read()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(text, path, "exec"), {"__name__": "__main__"})
    except Exception as error:
        out.write("raised " + repr(error))
    print(path, hashlib.sha256(out.getvalue().encode()).hexdigest(), flush=True)
)py";

struct Variant {
  std::string text;
  std::string what;
};

code::Workspace one_file(const std::string& text) {
  code::Workspace workspace;
  workspace.add({"m.py", sha256_hex(text), true, code::Tree::parse(code::Language::kPython, text)});
  return workspace;
}

std::vector<Proposal> all_proposals(const code::Workspace& workspace, bool single_steps = false) {
  std::vector<Proposal> all;
  for (const std::unique_ptr<Transformation>& transformation : python_transformations()) {
    if (single_steps && transformation->name() == "python/optimise-function") continue;
    for (Proposal& proposal : transformation->propose(workspace, *workspace.find("m.py"), {}))
      all.push_back(std::move(proposal));
  }
  return all;
}

std::string applied(const std::string& text, const std::vector<const Proposal*>& proposals) {
  Edits edits;
  for (const Proposal* proposal : proposals) {
    for (const Change& change : proposal->changes) edits.replace(change.range, change.text);
  }
  return edits.apply(text, {0, static_cast<std::uint32_t>(text.size())});
}

bool disjoint(const Proposal& a, const Proposal& b) {
  for (const Change& x : a.changes) {
    for (const Change& y : b.changes) {
      if (x.range.overlaps(y.range) || (x.range == y.range && x.range.size() == 0 && x.text == y.text)) return false;
      // An insertion inside a replaced range is an overlap too.
      if (x.range.size() == 0 && y.range.begin < x.range.begin && x.range.begin < y.range.end) return false;
      if (y.range.size() == 0 && x.range.begin < y.range.begin && y.range.begin < x.range.end) return false;
    }
  }
  return true;
}

// Proposals of one rule after another, each on what the last left, for some rounds.
void add_chain(const std::string& text, std::mt19937_64& random, std::vector<Variant>& variants) {
  code::Workspace workspace = one_file(text);
  std::string what;
  for (int step = 0; step < 14; ++step) {
    const std::vector<Proposal> all = all_proposals(workspace, true);
    if (all.empty()) break;
    const Proposal& chosen = all[random() % all.size()];
    const std::string now = applied(workspace.find("m.py")->tree->text(), {&chosen});
    what += chosen.title + "; ";
    workspace = one_file(now);
    variants.push_back({now, what});
  }
}

class Differential : public testing::TestWithParam<const char*> {};

TEST_P(Differential, SameOutput) {
  const std::string text =
      read_file(fs::path(JARVIS2_SOURCE_DIR) / "src/edit/python/testdata" / (std::string(GetParam()) + ".py"));
  std::vector<Variant> variants{{text, "original"}};
  const code::Workspace workspace = one_file(text);
  const std::vector<Proposal> all = all_proposals(workspace);
  ASSERT_GT(all.size(), 8u);
  std::set<std::string> rules;
  for (const Proposal& proposal : all) {
    rules.insert(proposal.rule);
    variants.push_back({applied(text, {&proposal}), proposal.rule + ": " + proposal.title});
  }
  EXPECT_GT(rules.size(), 5u);
  std::mt19937_64 random(7);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::size_t> order(all.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    std::vector<const Proposal*> chosen;
    std::string what;
    for (const std::size_t i : order) {
      const bool fits =
          std::all_of(chosen.begin(), chosen.end(), [&](const Proposal* other) { return disjoint(*other, all[i]); });
      if (!fits || (round % 2 == 0 && random() % 2 == 0)) continue;
      chosen.push_back(&all[i]);
      what += all[i].title + "; ";
    }
    variants.push_back({applied(text, chosen), what});
  }
  for (int chain = 0; chain < 6; ++chain) add_chain(text, random, variants);
  const TempDir folder;
  SpawnOptions options;
  options.argv = {"python3", "-c", kDriver};
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const fs::path path = folder.path() / (std::to_string(i) + ".py");
    write_file_atomic(path, variants[i].text);
    options.stdin_bytes += path.string() + "\n";
  }
  const ProcessResult result = run_process(options, 120);
  if (!result.ok() && result.out.empty()) GTEST_SKIP() << "no python3 here";
  std::map<std::string, std::string> digests;
  std::size_t at = 0;
  while (at < result.out.size()) {
    const std::size_t end = result.out.find('\n', at);
    const std::string line = result.out.substr(at, end - at);
    const std::size_t space = line.find(' ');
    digests[line.substr(0, space)] = line.substr(space + 1);
    at = end + 1;
  }
  ASSERT_EQ(digests.size(), variants.size()) << result.err;
  const std::string wanted = digests[(folder.path() / "0.py").string()];
  for (std::size_t i = 1; i < variants.size(); ++i) {
    EXPECT_EQ(digests[(folder.path() / (std::to_string(i) + ".py")).string()], wanted) << variants[i].what << "\n"
                                                                                       << variants[i].text;
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Differential,
                         testing::Values("vectors", "grid", "lexer", "numbers_and_trees", "arrays", "network", "trees"),
                         [](const testing::TestParamInfo<const char*>& program) { return std::string(program.param); });

}  // namespace
}  // namespace jarvis2::edit::python
