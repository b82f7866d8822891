// Staged verification of one candidate, cheap first: applies, builds, tests, output, instructions, a few pairs, the
// sequential test, confirmation. A self-contained job: what goes in and what comes out is all there is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json_fwd.h"
#include "verify/measure.h"

namespace jarvis2::verify {

// What a candidate changes: whole files of the base commit. nullopt deletes the file.
struct Candidate {
  std::string id;
  std::map<std::string, std::optional<std::string>> files;  // path in the repository, '/' separated -> bytes
  std::map<std::string, std::string> build_env;
};

enum class Stage { kApply, kBuild, kTest, kOutput, kInstructions, kPairs, kSequential, kConfirm, kDone };
std::string stage_name(Stage stage);  // "apply", "build", "test", "output", "instructions", "pairs", "sequential", ...

// A tree to work in and a way to run commands in it. `sandboxed` wraps a shell command so that it runs confined in
// `tree`; `writable` is true for builds and tests, false for measured runs. Both are called from several threads.
struct Workspace {
  std::function<fs::path()> acquire;             // a clean tree of the base commit, ours until released
  std::function<void(const fs::path&)> release;  // hand it back; its content is the workspace's business
  std::function<SpawnOptions(const std::string& command, const fs::path& tree, bool writable)> sandboxed;
  // A second tree with the content of `tree`, released like it: the tests run there, so that what is measured is what
  // was built and nothing that the tests left. Empty: they run in `tree`.
  std::function<fs::path(const fs::path& tree)> copy = {};
};

struct Plan {
  std::string build, test;                    // shell commands; empty build: nothing to build
  std::string compile;                        // run after the build wherever setup_compiled.py lies; empty: never
  std::vector<std::string> bench;             // searched on and judged
  std::vector<std::string> holdout;           // judged only; the claim is made on them when there are any
  std::map<std::string, std::string> pinned;  // path -> sha256: tests, drivers, build scripts; checked after each step
  std::vector<std::string> editable;          // globs a candidate may touch; empty: all but the pinned
  double build_timeout_s = 600, test_timeout_s = 600;
  bool ignore_output = false;
  bool instruction_screen = false;
  double instruction_limit = 1.05;  // screened out when it executes this many times the baseline's instructions
  std::size_t screen_pairs = 6;     // the "few pairs" stage; a candidate that is clearly slower stops there
  // Fresh inputs for the functions of the changed files, from kSequential on: how many each, 0 for none; what is to be
  // importable for drawing them (Hypothesis); the seconds a step may take.
  std::size_t generated_inputs = 60;
  std::vector<fs::path> libraries;
  double generate_timeout_s = 60;
  double layout_budget_s = 30;    // of each arm, for linking it in other orders before a confirmation
  bool min_effect_given = false;  // by the user: else native code in one layout has to gain 5 %
  MeasureOptions measure;
};

// The untouched commit, built in `tree`: the other arm. Kept by the caller for as long as it verifies.
struct Baseline {
  fs::path tree;
  std::map<std::string, std::uint64_t> output_hash;   // by command; empty: taken from a run
  std::map<std::string, std::uint64_t> instructions;  // by command; empty: counted when a screen asks for it
  std::map<std::string, Profile> profiles;            // by command; empty: found out for each candidate
  // Of a build that links (lay_out_baseline): what it links, other trees with that linked in other orders, and why
  // there are fewer than there should be.
  bool native = false;
  std::vector<std::string> linked;
  std::vector<fs::path> layouts;
  std::string layouts_missing;
};

// What was called with fresh inputs, in both arms.
struct GeneratedCheck {
  std::vector<std::string> functions;  // "path::name"
  std::size_t inputs = 0;              // compared
  std::size_t left_out = 0;            // the baseline itself was slow, failed its sanitizer or varied on them
  std::vector<std::string> notes;      // what could not be called, and why
};

struct StageTime {
  Stage stage = Stage::kApply;
  double seconds = 0;
};

struct Verification {
  Verdict verdict = Verdict::kUndecided;
  Stage stage = Stage::kApply;  // where it ended; kDone when judged to the end
  std::string reason;
  std::optional<GeneratedCheck> generated;
  std::optional<Screen> screen;
  std::optional<double> instruction_ratio;  // baseline over candidate; above 1 is better
  std::optional<Judgement> judgement;       // over the judged commands; its parts are the commands
  std::optional<Estimate> speedup;          // the claim: the judgement's estimate
  std::vector<StageTime> times;
  std::string log;  // tail of the output of the step that failed
  bool accepted() const { return verdict == Verdict::kFaster; }
};
void to_json(Json& json, const Candidate& candidate);
void to_json(Json& json, const Plan& plan);
void to_json(Json& json, const Verification& verification);

// How far to go. The search screens many (kPairs) and judges few (kSequential); the champion is confirmed.
struct Depth {
  Stage last = Stage::kSequential;
  int confirmation = 1;  // k of the session's error budget, for kConfirm
};

// Runs every benchmark of the plan twice and fills in output_hash and profiles, so that candidates need not. Throws
// Error when a run fails or the output changes.
void profile_baseline(Baseline& baseline, const Plan& plan, const Workspace& workspace, std::stop_token stop = {});

// Never throws for what the candidate does; throws Error when the baseline or the machine fails, Interrupted when
// `stop` is requested. Thread-safe: builds and tests of several candidates run side by side, measurements take turns.
Verification verify_candidate(const Candidate& candidate, const Baseline& baseline, const Plan& plan,
                              const Workspace& workspace, const Depth& depth, std::stop_token stop = {});

}  // namespace jarvis2::verify
