// One baseline and the trees its candidates are built in: the door that every candidate goes through, ours, a person's
// patch and a language model's alike.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "project/baseline.h"
#include "verify/stages.h"
#include "verify/strength.h"

namespace jarvis2::engine {

struct VerifierOptions {
  verify::MeasureOptions measure;
  std::size_t screen_pairs = 6;
  bool instruction_screen = false;
  std::uint64_t most_processes = 4096;   // of one command
  std::uint64_t tmp_bytes = 1ull << 30;  // it may leave in /tmp, and in its home
  std::uint64_t memory_bytes = 0;        // it may take; 0: what the baseline's commands may
};

// Why a candidate may not change one of these files; empty when it may. `build_files`: build scripts are meant. A
// setup_compiled.py as improve writes it may name what may be changed.
std::string forbidden_change(const project::Settings& settings, const project::Texts& texts, bool build_files);

// verify() is thread-safe; the rest is not.
class Verifier {
 public:
  Verifier(project::Baseline baseline, VerifierOptions options);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // The texts a candidate makes, judged to `depth`. Build scripts among them are meant (our own
  // options, a person who said so); to commands in the sandbox they stay read-only. Throws what verify_candidate
  // throws.
  verify::Verification verify(const std::string& id, const project::Texts& texts,
                              const std::map<std::string, std::string>& build_env, const verify::Depth& depth,
                              std::stop_token stop);
  // What the tests and the output check see of these changes; they have passed both.
  verify::Strength strength(const project::Texts& texts, const std::map<std::string, std::string>& build_env,
                            double budget_s, std::stop_token stop);
  // A candidate built once, to measure others against: what an action contributes is the champion without it, against
  // the champion. Valid as long as the verifier.
  class Arm {
   public:
    ~Arm() { owner_.release(base_.tree); }
    Arm(const Arm&) = delete;
    Arm& operator=(const Arm&) = delete;

   private:
    friend class Verifier;
    Arm(Verifier& owner, verify::Baseline base) : owner_(owner), base_(std::move(base)) {}
    Verifier& owner_;
    verify::Baseline base_;
  };
  // Throws Error when it does not build (it did before).
  std::unique_ptr<Arm> build_arm(const project::Texts& texts, const std::map<std::string, std::string>& build_env,
                                 std::stop_token stop);
  // `texts` screened with `pairs` pairs against the arm.
  verify::Verification verify_against(const Arm& arm, const std::string& id, const project::Texts& texts,
                                      const std::map<std::string, std::string>& build_env, std::size_t pairs,
                                      std::stop_token stop);

  const project::Baseline& baseline() const { return baseline_; }
  const verify::Plan& plan() const { return plan_; }
  verify::MeasureOptions& measure() { return plan_.measure; }
  // Measured runs can't write to their tree (off where the benchmark itself needs to).
  bool measured_runs_read_only() const { return read_only_; }
  // The commands that the claim is made on: the holdout when there is one.
  std::vector<std::string> judged_commands() const;

 private:
  fs::path acquire();
  void release(const fs::path& tree);
  fs::path copy(const fs::path& tree);
  void compile_python();
  void lay_out(const std::stop_token& stop);
  verify::Plan plan_for(const project::Texts& texts) const;
  SpawnOptions sandboxed(const std::string& command, const fs::path& tree, bool writable);

  project::Baseline baseline_;
  verify::Plan plan_;
  verify::Baseline base_arm_;
  verify::Workspace workspace_;
  bool read_only_ = true;
  std::uint64_t most_processes_;
  std::uint64_t tmp_bytes_;
  std::uint64_t memory_bytes_;
  std::mutex mutex_;
  std::mutex layouts_mutex_;
  bool laid_out_ = false;
  std::unique_ptr<project::Worktree> base_tree_;
  std::vector<std::unique_ptr<project::Worktree>> trees_;
  std::vector<fs::path> free_;
  std::map<std::pair<std::string, bool>, std::unique_ptr<project::Sandbox>> sandboxes_;
};

}  // namespace jarvis2::engine
