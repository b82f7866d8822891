#include "index/sqlite.h"

#include "base/error.h"

namespace jarvis2::index {

Database::Database(const fs::path& path) {
  const int code =
      sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    const std::string reason = db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(code);
    sqlite3_close(db_);
    throw Error("index::Database", path.string() + ": " + reason);
  }
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, 30000);
}

Database::~Database() {
  sqlite3_close_v2(db_);
}

void Database::fail(int code) const {
  const std::string reason = sqlite3_errmsg(db_);
  const int primary = code & 0xff;
  // An index whose tables or columns are not ours is as unusable as a damaged one.
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || reason.starts_with("no such ") ||
      reason.starts_with("malformed")) {
    throw Corrupt(reason);
  }
  throw Error("index::Database", reason);
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Database::integer(const std::string& sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.get_integer(0) : 0;
}

Statement::Statement(Database& db, std::string_view sql) : db_(db) {
  const int code = sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
  if (code != SQLITE_OK) db_.fail(code);
}

Statement& Statement::bound(int code) {
  if (code != SQLITE_OK) db_.fail(code);
  return *this;
}

Statement& Statement::text(std::string_view value) {
  return bound(sqlite3_bind_text(statement_, ++at_, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
}
Statement& Statement::integer(std::int64_t value) {
  return bound(sqlite3_bind_int64(statement_, ++at_, value));
}
Statement& Statement::number(double value) {
  return bound(sqlite3_bind_double(statement_, ++at_, value));
}
Statement& Statement::null() {
  return bound(sqlite3_bind_null(statement_, ++at_));
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) db_.fail(code);
  return false;
}

void Statement::run() {
  step();
  reset();
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  at_ = 0;
}

std::string Statement::get_text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return text == nullptr ? "" : std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
}

}  // namespace jarvis2::index
