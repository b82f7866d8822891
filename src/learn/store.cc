#include "learn/store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "learn/sum_tree.h"

namespace jarvis2::learn {
namespace {

constexpr int kApplicationId = 0x4A324558;  // "J2EX"

// Step n takes a store from version n to n+1. Never change one that has been released: append.
constexpr std::array<const char*, 2> kMigrations = {
    R"(CREATE TABLE experience (
         id INTEGER PRIMARY KEY AUTOINCREMENT,
         added TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
         run TEXT NOT NULL, project TEXT NOT NULL, program TEXT NOT NULL, commit_id TEXT NOT NULL,
         machine TEXT NOT NULL, actions TEXT NOT NULL, rules TEXT NOT NULL, embedder TEXT NOT NULL,
         policy_features BLOB, value_features BLOB, baseline REAL NOT NULL,
         stage INTEGER NOT NULL, ok INTEGER NOT NULL,
         instructions REAL, log_speedup REAL, variance REAL,
         digest TEXT NOT NULL UNIQUE);
       CREATE INDEX experience_program ON experience(program);)",
    R"(ALTER TABLE experience ADD COLUMN priority REAL NOT NULL DEFAULT 1;)",
};

class Statement {
 public:
  Statement(sqlite3* db, const std::string& sql) : db_(db) {
    if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement_, nullptr) != SQLITE_OK) fail();
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& text(const std::string& value) {
    return bound(sqlite3_bind_text(statement_, ++at_, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
  }
  Statement& number(double value) { return bound(sqlite3_bind_double(statement_, ++at_, value)); }
  Statement& integer(std::int64_t value) { return bound(sqlite3_bind_int64(statement_, ++at_, value)); }
  Statement& maybe(const std::optional<double>& value) {
    return value ? number(*value) : bound(sqlite3_bind_null(statement_, ++at_));
  }
  Statement& floats(const std::vector<float>& values) {
    if (values.empty()) return bound(sqlite3_bind_null(statement_, ++at_));
    return bound(sqlite3_bind_blob(statement_, ++at_, values.data(), static_cast<int>(values.size() * sizeof(float)),
                                   SQLITE_TRANSIENT));
  }
  // True while there is a row.
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) fail();
    return false;
  }
  void run() {
    step();
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
    at_ = 0;
  }
  std::string get_text(int column) const {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    return text == nullptr ? "" : reinterpret_cast<const char*>(text);
  }
  double get_number(int column) const { return sqlite3_column_double(statement_, column); }
  std::int64_t get_integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::optional<double> get_maybe(int column) const {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return get_number(column);
  }
  std::vector<float> get_floats(int column) const {
    const void* blob = sqlite3_column_blob(statement_, column);
    const std::size_t bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    std::vector<float> values(bytes / sizeof(float));
    if (blob != nullptr && !values.empty()) std::memcpy(values.data(), blob, values.size() * sizeof(float));
    return values;
  }

 private:
  Statement& bound(int code) {
    if (code != SQLITE_OK) fail();
    return *this;
  }
  [[noreturn]] void fail() const { throw Error("learn::store", sqlite3_errmsg(db_)); }
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
  int at_ = 0;
};

void execute(sqlite3* db, const std::string& sql) {
  char* message = nullptr;
  if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message) != SQLITE_OK) {
    const std::string text = message != nullptr ? message : sqlite3_errmsg(db);
    sqlite3_free(message);
    throw Error("learn::store", text);
  }
}

std::int64_t pragma(sqlite3* db, const char* name) {
  Statement statement(db, std::string("PRAGMA ") + name);
  return statement.step() ? statement.get_integer(0) : 0;
}

// Rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(sqlite3* db) : db_(db) { execute(db_, "BEGIN IMMEDIATE"); }
  ~Transaction() {
    if (!done_) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    execute(db_, "COMMIT");
    done_ = true;
  }

 private:
  sqlite3* db_;
  bool done_ = false;
};

std::string digest_of(const Experience& e) {
  const Json json = {e.project,
                     e.commit,
                     e.machine,
                     e.actions,
                     e.embedder,
                     static_cast<int>(e.stage),
                     e.ok,
                     e.instructions.value_or(-99),
                     e.log_speedup.value_or(-99),
                     e.variance.value_or(-99)};
  return sha256_hex(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

constexpr const char* kColumns =
    "id, run, project, program, commit_id, machine, actions, rules, embedder, policy_features, value_features, "
    "baseline, stage, ok, instructions, log_speedup, variance, priority";

StoredExperience row_of(const Statement& row) {
  StoredExperience stored;
  stored.id = row.get_integer(0);
  Experience& e = stored.experience;
  e.run = row.get_text(1);
  e.project = row.get_text(2);
  e.program = row.get_text(3);
  e.commit = row.get_text(4);
  e.machine = row.get_text(5);
  e.actions = Json::parse(row.get_text(6)).get<std::vector<std::string>>();
  e.rules = Json::parse(row.get_text(7)).get<std::vector<std::string>>();
  e.embedder = row.get_text(8);
  e.policy_features = row.get_floats(9);
  e.value_features = row.get_floats(10);
  e.baseline = static_cast<float>(row.get_number(11));
  e.stage = static_cast<Stage>(std::clamp<std::int64_t>(row.get_integer(12), 0, static_cast<int>(Stage::kVerified)));
  e.ok = row.get_integer(13) != 0;
  e.instructions = row.get_maybe(14);
  e.log_speedup = row.get_maybe(15);
  e.variance = row.get_maybe(16);
  stored.priority = row.get_number(17);
  return stored;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_number(const std::optional<double>& value) {
  return value ? fmt::format("{:.17g}", *value) : "";
}

void check_features(const std::vector<float>& features, const char* what) {
  if (!features.empty() && features.size() != neural::kInputs) {
    throw Error("learn::add", fmt::format("{} features of {} numbers, not {}", what, features.size(), neural::kInputs));
  }
}

}  // namespace

struct ExperienceStore::Impl {
  sqlite3* db = nullptr;
  mutable std::mutex mutex;

  ~Impl() { sqlite3_close(db); }

  std::int64_t insert(const Experience& e) {
    check_features(e.policy_features, "policy");
    check_features(e.value_features, "value");
    const std::string digest = digest_of(e);
    Statement known(db, "SELECT id FROM experience WHERE digest = ?");
    if (known.text(digest).step()) return known.get_integer(0);
    Statement insert(db,
                     "INSERT INTO experience (run, project, program, commit_id, machine, actions, rules, embedder, "
                     "policy_features, value_features, baseline, stage, ok, instructions, log_speedup, variance, "
                     "digest) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    insert.text(e.run).text(e.project).text(e.program).text(e.commit).text(e.machine);
    insert.text(Json(e.actions).dump()).text(Json(e.rules).dump()).text(e.embedder);
    insert.floats(e.policy_features).floats(e.value_features).number(e.baseline);
    insert.integer(static_cast<int>(e.stage)).integer(e.ok ? 1 : 0);
    insert.maybe(e.instructions).maybe(e.log_speedup).maybe(e.variance).text(digest);
    insert.run();
    return sqlite3_last_insert_rowid(db);
  }

  std::vector<StoredExperience> select(const std::string& where) const {
    std::vector<StoredExperience> rows;
    Statement statement(db, std::string("SELECT ") + kColumns + " FROM experience " + where);
    while (statement.step()) rows.push_back(row_of(statement));
    return rows;
  }

  std::int64_t count() const {
    Statement statement(db, "SELECT count(*) FROM experience");
    statement.step();
    return statement.get_integer(0);
  }
};

ExperienceStore::ExperienceStore(const fs::path& path) : impl_(std::make_unique<Impl>()) {
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  const auto fail = [&](const std::string& what) -> void {
    throw Error("learn::ExperienceStore", path.string() + ": " + what);
  };
  if (sqlite3_open_v2(path.c_str(), &impl_->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
                      nullptr) != SQLITE_OK) {
    fail(impl_->db != nullptr ? sqlite3_errmsg(impl_->db) : "out of memory");
  }
  sqlite3* db = impl_->db;
  sqlite3_busy_timeout(db, 20'000);
  try {
    // Looked at before anything is written: the file may be somebody else's.
    {
      Statement tables(db, "SELECT count(*) FROM sqlite_master");
      tables.step();
      if (tables.get_integer(0) > 0 && pragma(db, "application_id") != kApplicationId) {
        fail("is a database, but not an experience store");
      }
    }
    execute(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
    Transaction transaction(db);
    const std::int64_t version = pragma(db, "user_version");
    if (version > static_cast<std::int64_t>(kMigrations.size())) {
      fail(fmt::format("has version {}; this program knows up to {}: update jarvis2", version, kMigrations.size()));
    }
    for (std::size_t step = static_cast<std::size_t>(version); step < kMigrations.size(); ++step) {
      execute(db, kMigrations[step]);
    }
    execute(db, fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", kApplicationId, kMigrations.size()));
    transaction.commit();
  } catch (const Error& error) {
    if (error.message().find(path.string()) != std::string::npos) throw;
    fail(error.message());
  }
}

ExperienceStore::~ExperienceStore() = default;

std::int64_t ExperienceStore::add(const Experience& experience) {
  return add(std::span<const Experience>(&experience, 1)).front();
}

std::vector<std::int64_t> ExperienceStore::add(std::span<const Experience> experiences) {
  const std::lock_guard<std::mutex> guard(impl_->mutex);
  std::vector<std::int64_t> ids;
  Transaction transaction(impl_->db);
  for (const Experience& experience : experiences) ids.push_back(impl_->insert(experience));
  transaction.commit();
  return ids;
}

std::size_t ExperienceStore::size() const {
  const std::lock_guard<std::mutex> guard(impl_->mutex);
  return static_cast<std::size_t>(impl_->count());
}

std::vector<StoredExperience> ExperienceStore::all() const {
  const std::lock_guard<std::mutex> guard(impl_->mutex);
  return impl_->select("ORDER BY id");
}

std::vector<std::string> ExperienceStore::programs() const {
  const std::lock_guard<std::mutex> guard(impl_->mutex);
  std::vector<std::string> programs;
  Statement statement(impl_->db, "SELECT DISTINCT program FROM experience ORDER BY program");
  while (statement.step()) programs.push_back(statement.get_text(0));
  return programs;
}

std::vector<StoredExperience> ExperienceStore::sample(std::size_t count, std::mt19937_64& random, double alpha,
                                                      double beta) {
  const std::lock_guard<std::mutex> guard(impl_->mutex);
  std::vector<std::int64_t> ids;
  std::vector<double> weights;
  {
    Statement statement(impl_->db, "SELECT id, priority FROM experience ORDER BY id");
    while (statement.step()) {
      ids.push_back(statement.get_integer(0));
      weights.push_back(std::pow(std::max(statement.get_number(1), 1e-6), alpha));
    }
  }
  std::vector<StoredExperience> drawn;
  if (ids.empty()) return drawn;
  SumTree tree(ids.size());
  for (std::size_t i = 0; i < weights.size(); ++i) tree.set(i, weights[i]);
  Statement by_id(impl_->db, std::string("SELECT ") + kColumns + " FROM experience WHERE id = ?");
  // One draw from each of `count` equal strata.
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double unit = static_cast<double>(random() >> 11) * 0x1.0p-53;
    const double position = tree.total() * (static_cast<double>(i) + unit) / static_cast<double>(count);
    const std::size_t index = std::min(tree.find(position), ids.size() - 1);
    if (!by_id.integer(ids[index]).step()) continue;
    drawn.push_back(row_of(by_id));
    by_id.run();
    const double probability = tree.at(index) / tree.total();
    drawn.back().weight = std::pow(static_cast<double>(ids.size()) * probability, -beta);
    largest = std::max(largest, drawn.back().weight);
  }
  for (StoredExperience& row : drawn) row.weight /= largest;
  return drawn;
}

void ExperienceStore::set_priorities(std::span<const std::int64_t> ids, std::span<const double> priorities) {
  if (ids.size() != priorities.size()) {
    throw Error("learn::set_priorities", fmt::format("{} ids, {} priorities", ids.size(), priorities.size()));
  }
  const std::lock_guard<std::mutex> guard(impl_->mutex);
  Transaction transaction(impl_->db);
  Statement update(impl_->db, "UPDATE experience SET priority = ? WHERE id = ?");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!std::isfinite(priorities[i]) || priorities[i] < 0) {
      throw Error("learn::set_priorities", fmt::format("priority {} of row {}", priorities[i], ids[i]));
    }
    update.number(priorities[i]).integer(ids[i]).run();
  }
  transaction.commit();
}

std::size_t ExperienceStore::trim(std::size_t rows) {
  const std::lock_guard<std::mutex> guard(impl_->mutex);
  Transaction transaction(impl_->db);
  std::map<std::string, std::size_t> by_program;
  std::size_t total = 0;
  {
    Statement statement(impl_->db, "SELECT program, count(*) FROM experience GROUP BY program");
    while (statement.step()) {
      by_program[statement.get_text(0)] = static_cast<std::size_t>(statement.get_integer(1));
      total += by_program[statement.get_text(0)];
    }
  }
  // The common level down to which the most common programs are cut.
  std::size_t level = 0;
  std::size_t low = 0;
  std::size_t high = total;
  const auto kept = [&](std::size_t most) {
    std::size_t sum = 0;
    for (const auto& [program, count] : by_program) sum += std::min(count, most);
    return sum;
  };
  while (low <= high) {
    const std::size_t middle = (low + high) / 2;
    if (kept(middle) <= rows) {
      level = middle;
      low = middle + 1;
    } else {
      if (middle == 0) break;
      high = middle - 1;
    }
  }
  std::size_t deleted = 0;
  if (total > rows) {
    Statement erase(
        impl_->db,
        "DELETE FROM experience WHERE id IN (SELECT id FROM experience WHERE program = ? ORDER BY id LIMIT ?)");
    for (const auto& [program, count] : by_program) {
      if (count <= level) continue;
      erase.text(program).integer(static_cast<std::int64_t>(count - level)).run();
      deleted += count - level;
    }
  }
  transaction.commit();
  return deleted;
}

void ExperienceStore::export_csv(const fs::path& path) const {
  std::string text =
      "id,run,project,program,commit,machine,actions,rules,baseline,stage,ok,instructions,log_speedup,variance,"
      "priority\n";
  const std::lock_guard<std::mutex> guard(impl_->mutex);
  for (const StoredExperience& row : impl_->select("ORDER BY id")) {
    const Experience& e = row.experience;
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", row.id, csv_field(e.run),
                        csv_field(e.project), csv_field(e.program), csv_field(e.commit), csv_field(e.machine),
                        csv_field(fmt::format("{}", fmt::join(e.actions, " "))),
                        csv_field(fmt::format("{}", fmt::join(e.rules, " "))), e.baseline, static_cast<int>(e.stage),
                        e.ok ? 1 : 0, csv_number(e.instructions), csv_number(e.log_speedup), csv_number(e.variance),
                        row.priority);
  }
  write_file_atomic(path, text);
}

fs::path default_store_path() {
  if (const char* path = std::getenv("JARVIS2_EXPERIENCE"); path != nullptr && *path != '\0') return path;
  return user_cache_dir() / "experience.sqlite";
}

}  // namespace jarvis2::learn
