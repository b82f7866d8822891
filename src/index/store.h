// The index of a repository on disk: one SQLite file (WAL: many readers, one writer) for files, symbols, references,
// imports, chunks and full text. Everything in it can be made again from the sources: a damaged or foreign file is
// thrown away, never believed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "code/outline.h"
#include "index/sources.h"
#include "index/sqlite.h"

namespace jarvis2::index {

struct UpdateOptions {
  std::vector<std::string> paths;  // only these (relative to the root); empty: all
  unsigned threads = 0;            // 0: as many as CPUs
  std::function<void(std::size_t done, std::size_t all)> progress;
};

struct UpdateReport {
  std::size_t files = 0;  // indexed, after the update
  std::size_t added = 0, changed = 0, removed = 0, unchanged = 0;
  std::map<std::string, std::size_t> skipped;  // by reason
  std::uint64_t bytes = 0;                     // read in this run
  std::size_t chunks = 0, symbols = 0;         // after the update
  bool rebuilt = false;                        // the old index was damaged or of another version
  double seconds = 0;
};

struct StoredChunk {
  std::int64_t id = 0, file = 0;
  std::string path, language, kind, name;  // name: qualified symbol, empty between symbols
  std::uint32_t line = 0, end_line = 0;
  code::Range range;
  std::uint64_t hash = 0;  // of name and text
  bool test = false;
};

// A reader or the writer of one repository's index; not thread-safe, one object a thread.
class Store {
 public:
  // Opens <root>/.jarvis2/index.sqlite, made where it is missing. A file that is no index of this version is removed
  // and begun anew. Throws Error when the folder can't be written.
  explicit Store(const fs::path& root);
  const fs::path& root() const { return root_; }
  fs::path file() const { return state_ / "index.sqlite"; }
  const fs::path& state_dir() const { return state_; }
  bool empty();

  // Brings the index up to date with the files, in transactions of some hundred files: what is committed stays after a
  // kill. One writer at a time; another waits. A damaged index is rebuilt.
  UpdateReport update(const UpdateOptions& options, std::stop_token stop = {});

  Database& db() { return *db_; }
  std::optional<StoredChunk> chunk(std::int64_t id);
  std::vector<StoredChunk> chunks_of_file(const std::string& path);
  // The chunk's text as it is on disk now; nothing when it is not what was indexed.
  std::optional<std::string> text(const StoredChunk& chunk);
  // text() reads each file once until this.
  void forget_texts() { texts_.clear(); }
  std::size_t chunk_count();
  // Removes and begins anew.
  void rebuild();

  // One writer a repository at a time; the kernel frees it when the process ends.
  class WriterLock {
   public:
    explicit WriterLock(const fs::path& state);
    ~WriterLock();
    WriterLock(const WriterLock&) = delete;
    WriterLock& operator=(const WriterLock&) = delete;

   private:
    int fd_ = -1;
  };
  WriterLock lock() const { return WriterLock(state_); }  // waits

 private:
  void open();
  void apply(const UpdateOptions& options, UpdateReport& report, std::stop_token stop);

  fs::path root_, state_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<Statement> chunk_;                         // preparing costs more than asking; gone before db_ is
  std::map<std::string, std::optional<std::string>> texts_;  // of files read for text(), by path
};

std::uint64_t chunk_hash(std::string_view name, std::string_view text);

}  // namespace jarvis2::index
