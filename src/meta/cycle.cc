#include "meta/cycle.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/process.h"
#include "code/model.h"
#include "edit/propose.h"
#include "engine/action_facts.h"
#include "engine/providers.h"
#include "learn/guide.h"
#include "neural/networks.h"

namespace jarvis2::meta {
namespace {

constexpr std::size_t kMostBytes = 4u << 20;  // of a file that is parsed

std::string read_whole(const fs::path& file, bool cold) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) throw Error("meta::read", file.string());
#ifdef POSIX_FADV_DONTNEED
  if (cold) ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
#else
  static_cast<void>(cold);
#endif
  std::string text;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<std::size_t>(got));
  ::close(fd);
  if (got < 0) throw Error("meta::read", file.string());
  return text;
}

}  // namespace

struct Analyst::Item {
  index::SourcePath source;
  std::string text;
  bool gone = false;       // could not be read
  bool unchanged = false;  // the bytes are those we know
  std::optional<KnownFile> before;
  KnownFile after;
  FileChange change;
  std::vector<edit::AuditFinding> findings;
  std::map<std::string, double> scores;  // by fingerprint
  std::size_t candidates = 0;
  bool parsed = false;
};

struct Analyst::Tools {
  edit::AuditRules rules;
  std::vector<std::unique_ptr<edit::Transformation>> transformations;
  std::shared_ptr<const neural::Networks> networks;
};

Analyst::Analyst(const fs::path& root, MetaStore& store, const CycleOptions& options)
    : root_(fs::canonical(root)), store_(store), options_(options), git_(root_) {}
Analyst::~Analyst() = default;

void Analyst::prepare() {
  if (tools_) return;
  std::unique_ptr<Tools> tools = std::make_unique<Tools>();
  tools->rules = edit::audit_rules(edit::default_rules_folder());
  tools->transformations = engine::all_transformations();
  tools->networks = neural::open_networks(neural::model_folders(), "");
  tools_ = std::move(tools);
}

void Analyst::find_work(const Burst& burst, std::vector<index::SourcePath>& changed, std::vector<std::string>& removed,
                        std::stop_token stop) {
  if (!burst.rescan && !first_) {
    for (const std::string& path : burst.paths) {
      std::vector<index::SourcePath> found = index::source_path(root_, path);
      if (!found.empty()) {
        changed.push_back(std::move(found.front()));
      } else if (store_.file(path)) {
        removed.push_back(path);
      }
    }
    return;
  }
  std::map<std::string, std::pair<std::uint64_t, std::int64_t>> known = store_.file_stamps();
  for (index::SourcePath& source : index::source_paths(root_, stop)) {
    const auto stamp = known.find(source.path);
    const bool same = stamp != known.end() && stamp->second == std::pair(source.size, source.modified_ns);
    if (stamp != known.end()) known.erase(stamp);
    if (!same) changed.push_back(std::move(source));
  }
  if (stop.stop_requested()) throw Interrupted();
  for (const auto& [path, stamp] : known) removed.push_back(path);
}

void Analyst::read(Item& item) const {
  try {
    item.text = read_whole(root_ / item.source.path, options_.cold);
  } catch (const Error&) {
    item.gone = true;
  }
  if (!first_) item.before = store_.file(item.source.path);
}

void Analyst::judge(Item& item) const {
  if (item.gone) {
    if (item.before) item.change = difference(item.source.path, &item.before->mark, nullptr);
    return;
  }
  item.after.size = item.source.size;
  item.after.modified_ns = item.source.modified_ns;
  if (item.before && item.before->mark.hash == hash64(item.text)) {
    item.unchanged = true;
    return;
  }
  // Analyse.
  const code::Language language = code::language_of(item.source.path);
  std::shared_ptr<const code::Tree> tree;
  if (language != code::Language::kNone && item.text.size() <= kMostBytes &&
      index::skip_reason(item.source.path, item.text).empty()) {
    tree = code::Tree::parse(language, item.text);
    item.parsed = true;
  }
  item.after.mark = mark_of(index::source_language(item.source.path), item.text, tree.get());
  item.change = difference(item.source.path, item.before ? &item.before->mark : nullptr, &item.after.mark);
  if (!tree) return;
  // Assess.
  code::Workspace workspace;
  workspace.add({item.source.path, sha256_hex(item.text), true, tree});
  item.findings = edit::audit(workspace, tools_->rules, 1);
  if (std::none_of(item.findings.begin(), item.findings.end(), [](const edit::AuditFinding& one) {
        return one.fixable && one.severity == edit::severity_name(edit::Severity::kPerformance);
      })) {
    return;
  }
  // Validate: proposals whose result does not parse, or that overlap others, don't become actions.
  const code::Model model = code::Model::build(workspace, 1);
  edit::Catalogue catalogue;
  edit::propose(tools_->transformations, workspace, model, {}, {}, catalogue);
  item.candidates = catalogue.size();
  if (catalogue.size() == 0) return;
  // Score.
  learn::Guide guide(tools_->networks);
  std::vector<std::uint32_t> legal;
  for (edit::ActionId id = 0; id < catalogue.size(); ++id) {
    learn::ActionFacts facts = engine::action_facts(catalogue.at(id), workspace, catalogue);
    facts.share = facts.line_share = 1;  // as if all the time went here: where it goes is weighed by the planner
    legal.push_back(guide.add(facts, {}));
  }
  const learn::SetQuery query{{}, legal};
  mcts::Evaluation evaluation;
  guide.evaluate({&query, 1}, {&evaluation, 1});
  for (const edit::AuditFinding& finding : item.findings) {
    for (edit::ActionId id = 0; id < catalogue.size(); ++id) {
      const edit::Action& action = catalogue.at(id);
      if (action.rule != finding.rule || action.line < finding.line || action.line > finding.end_line) continue;
      double& score = item.scores[finding.fingerprint];
      score = std::max(score,
                       static_cast<double>(evaluation.priors.at(id)) * static_cast<double>(evaluation.priors.size()));
    }
  }
}

void Analyst::persist(Batch& batch, CycleReport& report, Observation& observation) {
  std::vector<std::pair<std::string, std::pair<std::uint64_t, std::int64_t>>> touched;
  bool any = observation.id == 0 && observation.head_before != observation.head_after;
  for (const Item& item : batch) {
    report.bytes += item.text.size();
    report.read += 1;
    if (item.unchanged) touched.push_back({item.source.path, {item.source.size, item.source.modified_ns}});
    if (item.unchanged || (item.gone && !item.before)) continue;
    any = true;
    report.parsed += item.parsed ? 1 : 0;
    report.findings += item.findings.size();
    report.candidates += item.candidates;
    report.scored += item.scores.size();
    observation.files += 1;
    observation.symbols += item.change.symbols.size();
    observation.lines += item.change.lines_added + item.change.lines_removed;
  }
  store_.touch(touched);
  if (any) {
    observation.id = store_.observe(observation, [&](MetaStore::Writer& writer) {
      for (const Item& item : batch) {
        if (item.unchanged || (item.gone && !item.before)) continue;
        writer.put_change(item.change);
        if (item.gone) {
          writer.remove_file(item.source.path);
        } else {
          writer.put_file(item.source.path, item.after);
          writer.put_findings(item.source.path, item.findings, item.scores);
        }
      }
    });
  }
  batch.clear();
  batch.shrink_to_fit();
}

void Analyst::in_sequence(std::vector<Batch>& batches, CycleReport& report, Observation& observation,
                          std::stop_token stop) {
  for (Batch& batch : batches) {
    for (Item& item : batch) {
      if (stop.stop_requested()) throw Interrupted();
      read(item);
      judge(item);
    }
    persist(batch, report, observation);
  }
}

// While batch i is judged, batch i + 1 is read and batch i - 1 is written.
void Analyst::on_lanes(std::vector<Batch>& batches, CycleReport& report, Observation& observation,
                       std::stop_token stop) {
  hardware::TaskTraits io;
  io.io_operations = true;
  hardware::TaskTraits work;
  work.background = options_.background;
  hardware::Lanes& lanes = *options_.lanes;
  const hardware::BatchOptions options{stop, std::nullopt};
  const auto read_all = [&](Batch& batch) {
    lanes.for_each(
        batch.size(), io, [&](std::size_t i) { read(batch[i]); }, options);
  };
  if (!batches.empty()) read_all(batches.front());
  for (std::size_t step = 0; step <= batches.size(); ++step) {
    if (stop.stop_requested()) throw Interrupted();
    const std::vector<hardware::TaskTraits> traits = {work, io, io};
    std::vector<hardware::TaskState> states;
    std::vector<std::exception_ptr> errors;
    lanes.run(
        traits,
        [&](std::size_t part, const hardware::TaskContext&) {
          if (part == 0 && step < batches.size()) {
            Batch& batch = batches[step];
            lanes.for_each(
                batch.size(), work, [&](std::size_t i) { judge(batch[i]); }, options);
          } else if (part == 1 && step + 1 < batches.size()) {
            read_all(batches[step + 1]);
          } else if (part == 2 && step > 0) {
            persist(batches[step - 1], report, observation);
          }
        },
        options, states, errors);
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
    if (stop.stop_requested()) throw Interrupted();
  }
}

CycleReport Analyst::look(const Burst& burst, std::stop_token stop) {
  const std::uint64_t started = monotonic_ns();
  prepare();
  CycleReport report;
  Observation observation;
  observation.time_s = now_s();
  observation.head_before = store_.value("head");
  observation.head_after = git_.head();
  first_ = store_.value("looked").empty() && store_.file_count() == 0;
  const auto moved = [&] { return observation.head_before != observation.head_after; };
  const auto set_cause = [&] {
    observation.cause = first_ ? "first look"
                        : moved()
                            ? (git_.contains(observation.head_after, observation.head_before) ? "commit" : "switch")
                        : burst.rescan ? "rescan"
                                       : "edit";
  };
  set_cause();
  std::vector<index::SourcePath> changed;
  std::vector<std::string> removed;
  find_work(burst, changed, removed, stop);
  std::vector<Batch> batches;
  const auto slot = [&]() -> Item& {
    if (batches.empty() || batches.back().size() >= options_.batch) batches.emplace_back();
    return batches.back().emplace_back();
  };
  for (index::SourcePath& source : changed) slot().source = std::move(source);
  for (const std::string& path : removed) slot().source.path = path;
  if (batches.empty()) batches.emplace_back();
  if (options_.lanes != nullptr && changed.size() + removed.size() > 1) {
    on_lanes(batches, report, observation, stop);
  } else {
    in_sequence(batches, report, observation, stop);
  }
  // Git moves HEAD after the files: what was seen of a switch belongs to it.
  const std::string head = git_.head();
  if (observation.id != 0 && head != observation.head_after) {
    observation.head_after = head;
    set_cause();
    store_.observe(observation, [](MetaStore::Writer&) {});
  }
  if (moved()) store_.set_value("head", observation.head_after);
  if (first_) store_.set_value("looked", "yes");
  if (observation.id != 0) report.observation = observation;
  report.seconds = static_cast<double>(monotonic_ns() - started) * 1e-9;
  return report;
}

}  // namespace jarvis2::meta
