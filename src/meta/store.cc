#include "meta/store.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

namespace jarvis2::meta {
namespace {

using index::Statement;
using index::Transaction;

constexpr int kApplicationId = 0x6a32'6d65;  // "j2me"
constexpr int kVersion = 1;
constexpr const char* kSchema = R"(
CREATE TABLE file(path TEXT PRIMARY KEY, size INTEGER, modified INTEGER, hash INTEGER, language TEXT, lines BLOB,
  symbols TEXT) WITHOUT ROWID;
CREATE TABLE observation(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER, cause TEXT, head_before TEXT,
  head_after TEXT, files INTEGER, symbols INTEGER, lines INTEGER);
CREATE TABLE change(observation INTEGER, path TEXT, language TEXT, event INTEGER, added INTEGER, removed INTEGER,
  symbols TEXT);
CREATE INDEX change_observation ON change(observation);
CREATE TABLE finding(path TEXT, fingerprint TEXT, rule TEXT, severity TEXT, message TEXT, line INTEGER,
  end_line INTEGER, prior REAL, safe INTEGER, fixable INTEGER, score REAL, seen INTEGER,
  PRIMARY KEY(path, fingerprint)) WITHOUT ROWID;
CREATE TABLE plan(id INTEGER PRIMARY KEY AUTOINCREMENT, created INTEGER, updated INTEGER, not_before INTEGER,
  kind TEXT, state TEXT, title TEXT, key TEXT UNIQUE, paths TEXT, actions TEXT, budget REAL, gain REAL, risk REAL,
  value REAL, commit_id TEXT, run TEXT, branch TEXT, reason TEXT, speedup REAL, attempts INTEGER);
CREATE TABLE contribution(run TEXT PRIMARY KEY, state TEXT, base TEXT, rules TEXT, paths TEXT, findings TEXT,
  speedup REAL, fingerprint TEXT, commit_id TEXT, verified INTEGER, doubt REAL, why TEXT) WITHOUT ROWID;
CREATE TABLE hot(path TEXT, function TEXT, line INTEGER, end_line INTEGER, share REAL);
CREATE TABLE rule(name TEXT PRIMARY KEY, tried REAL, valid REAL, champions REAL, gain REAL) WITHOUT ROWID;
CREATE TABLE value(key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID;
)";

constexpr std::string_view kStates[] = {"waiting",    "running", "proposed", "applied", "holds",
                                        "taken back", "nothing", "failed",   "stale"};

std::string list_text(const std::vector<std::string>& list) {
  return Json(list).dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::vector<std::string> text_list(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  return json.is_array() ? json.get<std::vector<std::string>>() : std::vector<std::string>();
}

constexpr const char* kPlanColumns =
    "id, created, updated, not_before, kind, state, title, key, paths, actions, budget, gain, risk, value, commit_id, "
    "run, branch, reason, speedup, attempts";

Plan plan_of(const Statement& row) {
  Plan plan;
  plan.id = row.get_integer(0);
  plan.created_s = row.get_integer(1);
  plan.updated_s = row.get_integer(2);
  plan.not_before_s = row.get_integer(3);
  plan.kind = row.get_text(4);
  plan.state = plan_state_from(row.get_text(5));
  plan.title = row.get_text(6);
  plan.key = row.get_text(7);
  plan.paths = text_list(row.get_text(8));
  plan.actions = text_list(row.get_text(9));
  plan.budget_s = row.get_number(10);
  plan.gain = row.get_number(11);
  plan.risk = row.get_number(12);
  plan.value = row.get_number(13);
  plan.commit = row.get_text(14);
  plan.run = row.get_text(15);
  plan.branch = row.get_text(16);
  plan.reason = row.get_text(17);
  plan.speedup = row.get_number(18);
  plan.attempts = static_cast<int>(row.get_integer(19));
  return plan;
}

void bind(Statement& to, const Plan& plan) {
  to.integer(plan.created_s).integer(plan.updated_s).integer(plan.not_before_s).text(plan.kind);
  to.text(plan_state_name(plan.state)).text(plan.title).text(plan.key);
  to.text(list_text(plan.paths)).text(list_text(plan.actions));
  to.number(plan.budget_s).number(plan.gain).number(plan.risk).number(plan.value);
  to.text(plan.commit).text(plan.run).text(plan.branch).text(plan.reason);
  to.number(plan.speedup).integer(plan.attempts);
}

}  // namespace

std::int64_t now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string_view plan_state_name(PlanState state) {
  return kStates[static_cast<std::size_t>(state)];
}
PlanState plan_state_from(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kStates); ++i) {
    if (kStates[i] == name) return static_cast<PlanState>(i);
  }
  return PlanState::kFailed;
}

MetaStore::MetaStore(const fs::path& file) : file_(file) {
  fs::create_directories(file.parent_path());
  try {
    open();
  } catch (const index::Corrupt& error) {
    log::warning("{}: {}; it is set aside and begun anew", file.string(), error.what());
    db_.reset();
    std::error_code ignored;
    fs::rename(file, fs::path(file) += ".damaged", ignored);
    for (const char* end : {"-wal", "-shm"}) fs::remove(fs::path(file) += end, ignored);
    open();
  }
}

void MetaStore::open() {
  db_ = std::make_unique<index::Database>(file_);
  const std::int64_t tables = db_->integer("SELECT count(*) FROM sqlite_master");
  const bool ours = db_->integer("PRAGMA application_id") == kApplicationId;
  if (tables > 0 && !ours) throw index::Corrupt("is a database, but not ours");
  if (ours && db_->integer("PRAGMA user_version") != kVersion) throw index::Corrupt("has another version");
  db_->execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
      "PRAGMA journal_size_limit=16777216;");
  if (tables > 0) {
    db_->integer("SELECT count(*) FROM plan");
    return;
  }
  Transaction transaction(*db_);
  db_->execute(kSchema);
  db_->execute(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, kVersion));
  transaction.commit();
}

MetaStore::Writer::Writer(index::Database& db, std::int64_t id)
    : id_(id),
      file_(db, "INSERT OR REPLACE INTO file VALUES (?,?,?,?,?,?,?)"),
      remove_(db, "DELETE FROM file WHERE path = ?"),
      change_(db, "INSERT INTO change VALUES (?,?,?,?,?,?,?)"),
      forget_findings_(db, "DELETE FROM finding WHERE path = ?"),
      finding_(db, "INSERT OR REPLACE INTO finding VALUES (?,?,?,?,?,?,?,?,?,?,?,?)") {}

void MetaStore::Writer::put_file(const std::string& path, const KnownFile& file) {
  file_.text(path).integer(static_cast<std::int64_t>(file.size)).integer(file.modified_ns);
  file_.integer(static_cast<std::int64_t>(file.mark.hash)).text(file.mark.language);
  file_.text(encode_lines(file.mark)).text(encode_symbols(file.mark)).run();
}

void MetaStore::Writer::remove_file(const std::string& path) {
  remove_.text(path).run();
  forget_findings_.text(path).run();
}

void MetaStore::Writer::put_change(const FileChange& change) {
  Json symbols = Json::array();
  for (const SymbolChange& one : change.symbols) {
    symbols.push_back({{"name", one.name},
                       {"kind", one.kind},
                       {"event", symbol_event_name(one.event)},
                       {"line", one.line},
                       {"added", one.lines_added},
                       {"removed", one.lines_removed},
                       {"complexity", one.complexity}});
  }
  change_.integer(id_).text(change.path).text(change.language).integer(static_cast<int>(change.event));
  change_.integer(change.lines_added).integer(change.lines_removed);
  change_.text(symbols.dump(-1, ' ', false, Json::error_handler_t::replace)).run();
}

void MetaStore::Writer::put_findings(const std::string& path, const std::vector<edit::AuditFinding>& findings,
                                     const std::map<std::string, double>& scores) {
  forget_findings_.text(path).run();
  for (const edit::AuditFinding& one : findings) {
    const auto score = scores.find(one.fingerprint);
    finding_.text(path).text(one.fingerprint).text(one.rule).text(one.severity).text(one.message);
    finding_.integer(one.line).integer(one.end_line).number(one.prior_ratio);
    finding_.integer(one.safety == edit::Safety::kAlwaysSafe ? 1 : 0).integer(one.fixable ? 1 : 0);
    finding_.number(score != scores.end() ? score->second : 0).integer(id_).run();
  }
}

std::int64_t MetaStore::observe(const Observation& observation, const std::function<void(Writer&)>& fill) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Transaction transaction(*db_);
  std::int64_t id = observation.id;
  if (id == 0) {
    Statement insert(*db_,
                     "INSERT INTO observation (time, cause, head_before, head_after, files, symbols, lines) "
                     "VALUES (?,?,?,?,0,0,0)");
    insert.integer(observation.time_s).text(observation.cause).text(observation.head_before);
    insert.text(observation.head_after).run();
    id = db_->last_id();
  }
  {
    Statement counts(
        *db_, "UPDATE observation SET files = ?, symbols = ?, lines = ?, cause = ?, head_after = ? WHERE id = ?");
    counts.integer(static_cast<std::int64_t>(observation.files));
    counts.integer(static_cast<std::int64_t>(observation.symbols));
    counts.integer(static_cast<std::int64_t>(observation.lines)).text(observation.cause);
    counts.text(observation.head_after).integer(id).run();
  }
  {
    Writer writer(*db_, id);
    fill(writer);
  }
  transaction.commit();
  return id;
}

std::vector<Observation> MetaStore::observations(std::size_t most) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Observation> found;
  Statement rows(*db_,
                 "SELECT id, time, cause, head_before, head_after, files, symbols, lines FROM observation "
                 "ORDER BY id DESC LIMIT ?");
  rows.integer(static_cast<std::int64_t>(most));
  while (rows.step()) {
    Observation one;
    one.id = rows.get_integer(0);
    one.time_s = rows.get_integer(1);
    one.cause = rows.get_text(2);
    one.head_before = rows.get_text(3);
    one.head_after = rows.get_text(4);
    one.files = static_cast<std::size_t>(rows.get_integer(5));
    one.symbols = static_cast<std::size_t>(rows.get_integer(6));
    one.lines = static_cast<std::size_t>(rows.get_integer(7));
    found.push_back(std::move(one));
  }
  return found;
}

std::int64_t MetaStore::observation_count() {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Old ones are forgotten, their number is not.
  return db_->integer("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'observation'");
}

std::vector<FileChange> MetaStore::changes(std::int64_t observation, std::size_t most) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<FileChange> found;
  Statement rows(*db_,
                 "SELECT path, language, event, added, removed, symbols FROM change WHERE observation = ? LIMIT ?");
  rows.integer(observation).integer(static_cast<std::int64_t>(most));
  while (rows.step()) {
    FileChange change;
    change.path = rows.get_text(0);
    change.language = rows.get_text(1);
    change.event = static_cast<FileEvent>(rows.get_integer(2));
    change.lines_added = static_cast<std::uint32_t>(rows.get_integer(3));
    change.lines_removed = static_cast<std::uint32_t>(rows.get_integer(4));
    for (const Json& one : Json::parse(rows.get_text(5))) {
      SymbolChange symbol;
      symbol.name = one.at("name");
      symbol.kind = one.at("kind");
      for (const SymbolEvent event : {SymbolEvent::kAdded, SymbolEvent::kRemoved, SymbolEvent::kRenamed,
                                      SymbolEvent::kSignature, SymbolEvent::kBody}) {
        if (symbol_event_name(event) == one.at("event").get<std::string>()) symbol.event = event;
      }
      symbol.line = one.at("line");
      symbol.lines_added = one.at("added");
      symbol.lines_removed = one.at("removed");
      symbol.complexity = one.at("complexity");
      change.symbols.push_back(std::move(symbol));
    }
    found.push_back(std::move(change));
  }
  return found;
}

std::map<std::string, std::pair<std::uint64_t, std::int64_t>> MetaStore::file_stamps() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::map<std::string, std::pair<std::uint64_t, std::int64_t>> stamps;
  Statement rows(*db_, "SELECT path, size, modified FROM file");
  while (rows.step()) {
    stamps.emplace(rows.get_text(0), std::pair(static_cast<std::uint64_t>(rows.get_integer(1)), rows.get_integer(2)));
  }
  return stamps;
}

std::optional<KnownFile> MetaStore::file(const std::string& path) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement row(*db_, "SELECT size, modified, hash, language, lines, symbols FROM file WHERE path = ?");
  if (!row.text(path).step()) return std::nullopt;
  KnownFile known;
  known.size = static_cast<std::uint64_t>(row.get_integer(0));
  known.modified_ns = row.get_integer(1);
  known.mark.hash = static_cast<std::uint64_t>(row.get_integer(2));
  known.mark.language = row.get_text(3);
  decode(row.get_text(4), row.get_text(5), known.mark);
  return known;
}

std::size_t MetaStore::file_count() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<std::size_t>(db_->integer("SELECT count(*) FROM file"));
}

void MetaStore::touch(const std::vector<std::pair<std::string, std::pair<std::uint64_t, std::int64_t>>>& stamps) {
  if (stamps.empty()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  Transaction transaction(*db_);
  Statement update(*db_, "UPDATE file SET size = ?, modified = ? WHERE path = ?");
  for (const auto& [path, stamp] : stamps) {
    update.integer(static_cast<std::int64_t>(stamp.first)).integer(stamp.second).text(path).run();
  }
  transaction.commit();
}

std::vector<StoredFinding> MetaStore::findings() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<StoredFinding> found;
  Statement rows(*db_,
                 "SELECT path, fingerprint, rule, severity, message, line, end_line, prior, safe, fixable, score, seen "
                 "FROM finding");
  while (rows.step()) {
    StoredFinding one;
    one.path = rows.get_text(0);
    one.fingerprint = rows.get_text(1);
    one.rule = rows.get_text(2);
    one.severity = rows.get_text(3);
    one.message = rows.get_text(4);
    one.line = static_cast<std::uint32_t>(rows.get_integer(5));
    one.end_line = static_cast<std::uint32_t>(rows.get_integer(6));
    one.prior_ratio = rows.get_number(7);
    one.safe = rows.get_integer(8) != 0;
    one.fixable = rows.get_integer(9) != 0;
    one.score = rows.get_number(10);
    one.seen = rows.get_integer(11);
    found.push_back(std::move(one));
  }
  return found;
}

std::size_t MetaStore::finding_count() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<std::size_t>(db_->integer("SELECT count(*) FROM finding"));
}

std::int64_t MetaStore::add(const Plan& plan) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement insert(*db_,
                   "INSERT OR IGNORE INTO plan (created, updated, not_before, kind, state, title, key, paths, actions, "
                   "budget, gain, risk, value, commit_id, run, branch, reason, speedup, attempts) "
                   "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  bind(insert, plan);
  insert.run();
  return sqlite3_changes(db_->get()) > 0 ? db_->last_id() : 0;
}

void MetaStore::update(const Plan& plan) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement change(*db_,
                   "UPDATE plan SET created = ?, updated = ?, not_before = ?, kind = ?, state = ?, title = ?, key = ?, "
                   "paths = ?, actions = ?, budget = ?, gain = ?, risk = ?, value = ?, commit_id = ?, run = ?, "
                   "branch = ?, reason = ?, speedup = ?, attempts = ? WHERE id = ?");
  bind(change, plan);
  change.integer(plan.id).run();
}

std::optional<Plan> MetaStore::plan(std::int64_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement row(*db_, fmt::format("SELECT {} FROM plan WHERE id = ?", kPlanColumns));
  if (!row.integer(id).step()) return std::nullopt;
  return plan_of(row);
}

std::vector<Plan> MetaStore::plans(std::size_t most) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Plan> found;
  Statement rows(*db_, fmt::format("SELECT {} FROM plan ORDER BY id DESC LIMIT ?", kPlanColumns));
  rows.integer(static_cast<std::int64_t>(most));
  while (rows.step()) found.push_back(plan_of(rows));
  return found;
}

std::vector<Plan> MetaStore::plans_in(PlanState state) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Plan> found;
  Statement rows(*db_, fmt::format("SELECT {} FROM plan WHERE state = ? ORDER BY value DESC, id", kPlanColumns));
  rows.text(plan_state_name(state));
  while (rows.step()) found.push_back(plan_of(rows));
  return found;
}

bool MetaStore::knows(const std::string& key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement row(*db_, "SELECT 1 FROM plan WHERE key = ?");
  return row.text(key).step();
}

void MetaStore::put(const Contribution& one) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement insert(*db_, "INSERT OR REPLACE INTO contribution VALUES (?,?,?,?,?,?,?,?,?,?,?,?)");
  insert.text(one.run).text(one.state).text(one.base).text(list_text(one.rules)).text(list_text(one.paths));
  insert.text(list_text(one.findings)).number(one.speedup).text(one.fingerprint).text(one.commit);
  insert.integer(one.verified_s).number(one.doubt).text(one.why).run();
}

std::vector<Contribution> MetaStore::contributions() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Contribution> found;
  Statement rows(*db_,
                 "SELECT run, state, base, rules, paths, findings, speedup, fingerprint, commit_id, verified, doubt, "
                 "why FROM contribution ORDER BY run");
  while (rows.step()) {
    Contribution one;
    one.run = rows.get_text(0);
    one.state = rows.get_text(1);
    one.base = rows.get_text(2);
    one.rules = text_list(rows.get_text(3));
    one.paths = text_list(rows.get_text(4));
    one.findings = text_list(rows.get_text(5));
    one.speedup = rows.get_number(6);
    one.fingerprint = rows.get_text(7);
    one.commit = rows.get_text(8);
    one.verified_s = rows.get_integer(9);
    one.doubt = rows.get_number(10);
    one.why = rows.get_text(11);
    found.push_back(std::move(one));
  }
  return found;
}

void MetaStore::set_hot_spots(const std::string& commit, const std::vector<HotSpot>& spots) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Transaction transaction(*db_);
  db_->execute("DELETE FROM hot");
  Statement insert(*db_, "INSERT INTO hot VALUES (?,?,?,?,?)");
  for (const HotSpot& one : spots) {
    insert.text(one.path).text(one.function).integer(one.line).integer(one.end_line).number(one.share).run();
  }
  Statement at(*db_, "INSERT OR REPLACE INTO value VALUES ('profiled', ?)");
  at.text(commit).run();
  transaction.commit();
}

std::vector<MetaStore::HotSpot> MetaStore::hot_spots() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<HotSpot> found;
  Statement rows(*db_, "SELECT path, function, line, end_line, share FROM hot ORDER BY share DESC");
  while (rows.step()) {
    found.push_back({rows.get_text(0), rows.get_text(1), static_cast<std::uint32_t>(rows.get_integer(2)),
                     static_cast<std::uint32_t>(rows.get_integer(3)), rows.get_number(4)});
  }
  return found;
}

void MetaStore::count(const std::string& rule, bool valid, std::optional<double> log_gain) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement insert(*db_, "INSERT OR IGNORE INTO rule VALUES (?, 0, 0, 0, 0)");
  insert.text(rule).run();
  Statement change(*db_,
                   "UPDATE rule SET tried = tried + 1, valid = valid + ?, gain = (gain * champions + ?) / "
                   "max(1, champions + ?), champions = champions + ? WHERE name = ?");
  change.integer(valid ? 1 : 0).number(log_gain.value_or(0)).integer(log_gain ? 1 : 0).integer(log_gain ? 1 : 0);
  change.text(rule).run();
}

std::map<std::string, RuleHistory> MetaStore::rule_history() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::map<std::string, RuleHistory> found;
  Statement rows(*db_, "SELECT name, tried, valid, champions, gain FROM rule");
  while (rows.step()) {
    found[rows.get_text(0)] = {rows.get_number(1), rows.get_number(2), rows.get_number(4), rows.get_number(3)};
  }
  return found;
}

std::string MetaStore::value(const std::string& key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement row(*db_, "SELECT text FROM value WHERE key = ?");
  return row.text(key).step() ? row.get_text(0) : std::string();
}

void MetaStore::set_value(const std::string& key, const std::string& text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement insert(*db_, "INSERT OR REPLACE INTO value VALUES (?, ?)");
  insert.text(key).text(text).run();
}

void MetaStore::trim(std::size_t observations, std::size_t changes, std::size_t plans) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Transaction transaction(*db_);
  db_->execute(fmt::format(
      "DELETE FROM observation WHERE id <= (SELECT max(id) FROM observation) - {};"
      "DELETE FROM change WHERE observation NOT IN (SELECT id FROM observation);"
      "DELETE FROM change WHERE rowid <= (SELECT max(rowid) FROM change) - {};"
      "DELETE FROM plan WHERE id <= (SELECT max(id) FROM plan) - {} AND state NOT IN ('waiting', 'running')",
      observations, changes, plans));
  transaction.commit();
}

void MetaStore::check() {
  const std::lock_guard<std::mutex> lock(mutex_);
  Statement integrity(*db_, "PRAGMA integrity_check");
  integrity.step();
  const std::string answer = integrity.get_text(0);
  if (answer != "ok") throw Error("meta::MetaStore", file_.string() + ": " + answer);
  const std::int64_t orphans =
      db_->integer("SELECT count(*) FROM change WHERE observation NOT IN (SELECT id FROM observation)");
  const std::int64_t homeless = db_->integer("SELECT count(*) FROM finding WHERE path NOT IN (SELECT path FROM file)");
  if (orphans > 0 || homeless > 0) {
    throw Error("meta::MetaStore", fmt::format("{}: {} changes without observation, {} findings without file",
                                               file_.string(), orphans, homeless));
  }
}

}  // namespace jarvis2::meta
