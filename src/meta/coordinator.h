// Decides what to do next and sees it through: plans, their execution, proposals, and what became of applied changes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "meta/conditions.h"
#include "meta/executor.h"
#include "meta/git.h"
#include "meta/planner.h"
#include "meta/store.h"
#include "meta/supervisor.h"

namespace jarvis2::meta {

struct CoordinatorOptions {
  PlanOptions plan;
  Limits limits;
  double check_budget_s = 120;  // for verifying an applied change again
  double auto_apply = 0;        // confidence from which a proposal is applied; 0: never
  std::size_t verifications = 0;
  std::uint64_t seed = 1;
};

// How programs are started; replaced in tests.
using Execute = std::function<ExecutorResult(const std::vector<std::string>& args, const ExecutorOptions& options,
                                             std::stop_token stop)>;

// Compilers, interpreters and hardware: a gain holds for these.
std::string environment_fingerprint();

// From one thread at a time.
class Coordinator {
 public:
  Coordinator(const fs::path& root, MetaStore& store, const CoordinatorOptions& options, Execute execute);
  ~Coordinator();

  // One turn: takes notice of what the user did with proposals, makes plans, and carries the best one out. Returns how
  // long nothing will be due. Throws Interrupted.
  std::chrono::seconds step(std::stop_token stop, Beat* beat);
  // Brings back to order what a killed process left: plans that were running.
  void recover();

 private:
  struct Applied;
  void notice_applied();
  void doubt();
  void plan_checks();
  void plan_improvements();
  void drop_stale();
  std::optional<Plan> next() const;
  void run(Plan plan, std::stop_token stop);
  void improve(Plan& plan, std::stop_token stop);
  void check(Plan& plan, std::stop_token stop);
  void learn(const Json& result);
  void propose(Plan& plan, const Json& result);
  void apply(Plan& plan);
  void take_back(Plan& plan, Contribution& one, const std::string& branch_commit);
  void settle(Plan& plan, PlanState state, const std::string& reason);
  bool put_off(Plan& plan, const ExecutorResult& result);
  std::optional<Contribution> contribution(const std::string& run);
  ExecutorResult execute(const std::vector<std::string>& args, double limit_s, bool measures, std::stop_token stop);

  fs::path root_;
  fs::path state_dir_;
  MetaStore& store_;
  CoordinatorOptions options_;
  Execute execute_;
  std::unique_ptr<ConditionSampler> conditions_;
  std::string environment_;
};

}  // namespace jarvis2::meta
