// One turn of evolution over a set of files: observe (read), analyse (parse, outline, what changed), assess (findings),
// validate (do the rewrites still parse?), score (policy network), persist. On the lanes the stages run side by side.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "hardware/lanes.h"
#include "index/sources.h"
#include "meta/git.h"
#include "meta/store.h"
#include "meta/watcher.h"

namespace jarvis2::index {
class Embedder;
}
namespace jarvis2::neural {
class Networks;
}

namespace jarvis2::meta {

struct CycleOptions {
  hardware::Lanes* lanes = nullptr;  // null: one stage after the other on the calling thread
  bool background = true;            // leave the performance cores alone
  bool cold = false;                 // ask the system to forget its copy of a file before it is read (benchmark)
  std::size_t batch = 256;           // files in flight at a stage, and in a transaction
};

struct CycleReport {
  std::optional<Observation> observation;  // none: nothing had changed
  std::size_t read = 0, parsed = 0, findings = 0, candidates = 0, scored = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
};

// What looks at files. look() from one thread at a time.
class Analyst {
 public:
  Analyst(const fs::path& root, MetaStore& store, const CycleOptions& options);
  ~Analyst();
  // Rules and networks; done by the first look otherwise.
  void prepare();
  // What the burst did. Files that cannot be read count as gone. Throws Interrupted with what was stored so far kept.
  CycleReport look(const Burst& burst, std::stop_token stop = {});

 private:
  struct Item;
  struct Tools;
  using Batch = std::vector<Item>;
  // Fills `changed` and `removed` with what is to be looked at.
  void find_work(const Burst& burst, std::vector<index::SourcePath>& changed, std::vector<std::string>& removed,
                 std::stop_token stop);
  void read(Item& item) const;
  void judge(Item& item) const;  // analyse, assess, validate, score
  void persist(Batch& batch, CycleReport& report, Observation& observation);
  void in_sequence(std::vector<Batch>& batches, CycleReport& report, Observation& observation, std::stop_token stop);
  void on_lanes(std::vector<Batch>& batches, CycleReport& report, Observation& observation, std::stop_token stop);

  fs::path root_;
  MetaStore& store_;
  CycleOptions options_;
  Git git_;
  std::unique_ptr<Tools> tools_;
  bool first_ = false;  // nothing is known yet
};

}  // namespace jarvis2::meta
