// What the meta system knows of a repository: .jarvis2/meta.sqlite (WAL). Every step is one transaction, so that a kill
// at any moment leaves the state before it or after it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "edit/audit.h"
#include "index/sqlite.h"
#include "meta/changes.h"

namespace jarvis2::meta {

// A file as it was last looked at.
struct KnownFile {
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  FileMark mark;
};

// What one burst of changes did.
struct Observation {
  std::int64_t id = 0;
  std::int64_t time_s = 0;  // since 1970
  std::string cause;        // "first look", "edit", "commit", "switch", "rescan"
  std::string head_before, head_after;
  std::size_t files = 0, symbols = 0, lines = 0;  // changed; lines added and removed
};

struct StoredFinding {
  std::string fingerprint, rule, path, severity, message;
  std::uint32_t line = 0, end_line = 0;
  double prior_ratio = 1;
  bool safe = false;  // always safe
  bool fixable = false;
  double score = 0;       // of the policy network; 0: none
  std::int64_t seen = 0;  // observation
};

enum class PlanState {
  kWaiting,  // for its turn, or for a quiet machine
  kRunning,
  kProposed,  // a branch and its evidence wait for the user
  kApplied,
  kHolds,  // of a check: the gain is still there
  kTakenBack,
  kNothing,  // ended without gain
  kFailed,
  kStale,  // what it was made for is gone
};
std::string_view plan_state_name(PlanState state);
PlanState plan_state_from(std::string_view name);

struct Plan {
  std::int64_t id = 0;
  std::int64_t created_s = 0, updated_s = 0, not_before_s = 0;
  std::string kind;  // "improve", "check"
  PlanState state = PlanState::kWaiting;
  std::string title;
  std::string key;                   // what it is about, contents included: tried once
  std::vector<std::string> paths;    // it may change
  std::vector<std::string> actions;  // rules that promise something
  double budget_s = 0;
  double gain = 0;   // expected log speed-up of the benchmark
  double risk = 0;   // probability that no candidate is correct
  double value = 0;  // of information: expected log speed-up worth claiming, an hour
  std::string commit, run, branch, reason;
  double speedup = 0;  // found; 0: none
  int attempts = 0;
};

// A change that was applied, and what it is worth keeping.
struct Contribution {
  std::string run;
  std::string state;  // "applied", "taken back", "superseded"
  std::string base;   // commit it was made for
  std::vector<std::string> rules, paths;
  std::vector<std::string> findings;  // fingerprints that it answered
  double speedup = 0;                 // when last verified
  std::string fingerprint;            // of compiler and hardware, then
  std::string commit;                 // then
  std::int64_t verified_s = 0;
  double doubt = 0;  // from 1 on it is verified again
  std::string why;   // the doubt
};

struct RuleHistory {
  double tried = 0;  // candidates that were measured or rejected
  double valid = 0;  // of these, correct
  double gain = 0;   // mean log speed-up where it was part of a champion
  double champions = 0;
};

// Thread-safe.
class MetaStore {
 public:
  // Opens or makes it. A damaged or foreign file is set aside (meta.sqlite.damaged) and begun anew. Throws Error.
  explicit MetaStore(const fs::path& file);

  // One transaction: a new observation (id 0) or a further part of one, its counts as they are now, and what `fill`
  // writes. Returns the id.
  class Writer;
  std::int64_t observe(const Observation& observation, const std::function<void(Writer&)>& fill);
  std::vector<Observation> observations(std::size_t most);  // newest first
  std::int64_t observation_count();
  std::vector<FileChange> changes(std::int64_t observation, std::size_t most);

  std::map<std::string, std::pair<std::uint64_t, std::int64_t>> file_stamps();  // size, modified
  std::optional<KnownFile> file(const std::string& path);
  std::size_t file_count();
  // Files that were written with the content they had.
  void touch(const std::vector<std::pair<std::string, std::pair<std::uint64_t, std::int64_t>>>& stamps);

  std::vector<StoredFinding> findings();
  std::size_t finding_count();

  // Plans.
  std::int64_t add(const Plan& plan);  // the id; a known key is not added twice: 0
  void update(const Plan& plan);
  std::optional<Plan> plan(std::int64_t id);
  std::vector<Plan> plans(std::size_t most);  // newest first
  std::vector<Plan> plans_in(PlanState state);
  bool knows(const std::string& key);

  void put(const Contribution& contribution);
  std::vector<Contribution> contributions();

  // Profile shares by path and function line, of the newest run; replaces what was there.
  struct HotSpot {
    std::string path, function;
    std::uint32_t line = 0, end_line = 0;
    double share = 0;
  };
  void set_hot_spots(const std::string& commit, const std::vector<HotSpot>& spots);
  std::vector<HotSpot> hot_spots();

  void count(const std::string& rule, bool valid, std::optional<double> log_gain);
  std::map<std::string, RuleHistory> rule_history();

  std::string value(const std::string& key);
  void set_value(const std::string& key, const std::string& text);

  // Forgets the oldest beyond what is worth keeping.
  void trim(std::size_t observations = 10000, std::size_t changes = 200000, std::size_t plans = 1000);
  // Throws Error where its parts contradict each other (tests).
  void check();

 private:
  void open();
  fs::path file_;
  std::mutex mutex_;
  std::unique_ptr<index::Database> db_;
};

// Inside MetaStore::observe.
class MetaStore::Writer {
 public:
  void put_file(const std::string& path, const KnownFile& file);
  void remove_file(const std::string& path);
  void put_change(const FileChange& change);
  // Replaces those of the file.
  void put_findings(const std::string& path, const std::vector<edit::AuditFinding>& findings,
                    const std::map<std::string, double>& scores = {});
  std::int64_t id() const { return id_; }

 private:
  friend class MetaStore;
  Writer(index::Database& db, std::int64_t id);
  std::int64_t id_;
  index::Statement file_, remove_, change_, forget_findings_, finding_;
};

std::int64_t now_s();

}  // namespace jarvis2::meta
