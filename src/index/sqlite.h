// SQLite with exceptions and owners.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/files.h"

namespace jarvis2::index {

// The file is no database or its pages contradict each other.
class Corrupt : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Statement;

// A connection; not thread-safe. Failures throw Error, damage throws Corrupt.
class Database {
 public:
  // Creates the file where it is missing.
  explicit Database(const fs::path& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  void execute(const std::string& sql);
  std::int64_t integer(const std::string& sql);  // first column of the first row; 0 when there is none
  std::int64_t last_id() const { return sqlite3_last_insert_rowid(db_); }
  sqlite3* get() const { return db_; }
  [[noreturn]] void fail(int code) const;

 private:
  sqlite3* db_ = nullptr;
};

// A prepared statement; bind in order, step, read. run() and reset() make it ready for the next use.
class Statement {
 public:
  Statement(Database& db, std::string_view sql);
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  Statement& text(std::string_view value);  // copied
  Statement& integer(std::int64_t value);
  Statement& number(double value);
  Statement& null();
  bool step();  // true while there is a row
  void run();
  void reset();
  std::int64_t get_integer(int column) const { return sqlite3_column_int64(statement_, column); }
  double get_number(int column) const { return sqlite3_column_double(statement_, column); }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::string get_text(int column) const;

 private:
  Statement& bound(int code);
  Database& db_;
  sqlite3_stmt* statement_ = nullptr;
  int at_ = 0;
};

// BEGIN IMMEDIATE; rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& db) : db_(db) { db_.execute("BEGIN IMMEDIATE"); }
  ~Transaction() {
    if (!done_) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    db_.execute("COMMIT");
    done_ = true;
  }

 private:
  Database& db_;
  bool done_ = false;
};

}  // namespace jarvis2::index
