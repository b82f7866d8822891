#include "index/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <set>
#include <thread>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "index/fts_tokenizer.h"
#include "index/words.h"
#include "project/repository.h"

namespace jarvis2::index {
namespace {

constexpr int kApplicationId = 0x4A324958;  // "J2IX"
constexpr int kVersion = 2;                 // of tables, words and chunks: another one starts anew

constexpr const char* kSchema = R"(
CREATE TABLE file(id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, language TEXT NOT NULL,
  size INTEGER NOT NULL, modified INTEGER NOT NULL, hash INTEGER NOT NULL, test INTEGER NOT NULL, skipped TEXT,
  checked INTEGER NOT NULL);
CREATE TABLE symbol(file INTEGER NOT NULL, ordinal INTEGER NOT NULL, name TEXT NOT NULL, qualified TEXT NOT NULL,
  key TEXT NOT NULL, kind INTEGER NOT NULL, declaration INTEGER NOT NULL, line INTEGER NOT NULL,
  end_line INTEGER NOT NULL, parent INTEGER, complexity INTEGER NOT NULL, signature TEXT NOT NULL,
  PRIMARY KEY(file, ordinal)) WITHOUT ROWID;
CREATE INDEX symbol_key ON symbol(key);
CREATE TABLE reference(file INTEGER NOT NULL, ordinal INTEGER NOT NULL, symbol INTEGER, name TEXT NOT NULL,
  qualifier TEXT NOT NULL, kind INTEGER NOT NULL, line INTEGER NOT NULL, PRIMARY KEY(file, ordinal)) WITHOUT ROWID;
CREATE TABLE import(file INTEGER NOT NULL, ordinal INTEGER NOT NULL, module TEXT NOT NULL, name TEXT NOT NULL,
  alias TEXT NOT NULL, line INTEGER NOT NULL, PRIMARY KEY(file, ordinal)) WITHOUT ROWID;
CREATE TABLE chunk(id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, symbol INTEGER, kind TEXT NOT NULL,
  name TEXT NOT NULL, line INTEGER NOT NULL, end_line INTEGER NOT NULL, begin INTEGER NOT NULL, end INTEGER NOT NULL,
  hash INTEGER NOT NULL);
CREATE INDEX chunk_file ON chunk(file);
CREATE INDEX chunk_hash ON chunk(hash);
CREATE TABLE vector(hash INTEGER PRIMARY KEY, slot INTEGER NOT NULL UNIQUE);
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE VIRTUAL TABLE text USING fts5(name, path, doc, body, content='', tokenize='code');
INSERT INTO text(text, rank) VALUES('rank', 'bm25(6.0, 2.5, 2.0, 1.0)');
)";

std::int64_t as_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

struct KnownFile {
  std::int64_t id = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0, checked = 0;
  std::uint64_t hash = 0;
};

// What the workers make of a file.
struct Prepared {
  const SourcePath* source = nullptr;
  const KnownFile* known = nullptr;
  bool gone = false, same = false;
  std::uint64_t hash = 0;
  std::string skipped;
  std::string text;
  std::string_view language;
  code::Outline outline;
  std::vector<Chunk> chunks;
  std::int64_t checked = 0;
};

void prepare(const fs::path& root, bool cpp_headers, Prepared& file) {
  file.checked = now_ns();
  try {
    if (file.source->size > (64u << 20)) {
      file.skipped = "too large";
      return;
    }
    file.text = read_file(root / file.source->path);
  } catch (const Error&) {
    file.gone = true;
    return;
  }
  file.hash = hash64(file.text);
  if (file.known != nullptr && file.known->hash == file.hash) {
    file.same = true;
    file.text.clear();
    return;
  }
  file.language = source_language(file.source->path);
  file.skipped = skip_reason(file.source->path, file.text);
  if (!file.skipped.empty()) {
    file.text.clear();
    return;
  }
  const code::Language language = code::language_of(file.source->path, cpp_headers);
  if (language == code::Language::kNone) {
    file.chunks = chunks_of_text(file.text, file.language);
    return;
  }
  file.language = language == code::Language::kTsx ? "typescript" : code::language_name(language);
  const std::shared_ptr<const code::Tree> tree = code::Tree::parse(language, file.text);
  file.outline = code::outline_of(*tree);
  file.chunks = chunks_of(*tree, file.outline);
}

std::string symbol_key(std::string_view name) {
  std::string key;
  for (const char c : name) {
    if (c != '_') key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return key;
}

class Writer {
 public:
  explicit Writer(Database& db)
      : db_(db),
        add_file_(db,
                  "INSERT INTO file(path, language, size, modified, hash, test, skipped, checked) "
                  "VALUES(?,?,?,?,?,?,?,?) ON CONFLICT(path) DO UPDATE SET language=excluded.language, "
                  "size=excluded.size, modified=excluded.modified, hash=excluded.hash, skipped=excluded.skipped, "
                  "checked=excluded.checked RETURNING id"),
        touch_(db, "UPDATE file SET size=?, modified=?, checked=? WHERE id=?"),
        remove_file_(db, "DELETE FROM file WHERE id=?"),
        remove_symbols_(db, "DELETE FROM symbol WHERE file=?"),
        remove_references_(db, "DELETE FROM reference WHERE file=?"),
        remove_imports_(db, "DELETE FROM import WHERE file=?"),
        old_chunks_(db, "SELECT id, hash FROM chunk WHERE file=?"),
        remove_chunk_(db, "DELETE FROM chunk WHERE id=?"),
        move_chunk_(db, "UPDATE chunk SET symbol=?, line=?, end_line=?, begin=?, end=? WHERE id=?"),
        add_chunk_(db,
                   "INSERT INTO chunk(file, symbol, kind, name, line, end_line, begin, end, hash) "
                   "VALUES(?,?,?,?,?,?,?,?,?)"),
        add_text_(db, "INSERT INTO text(rowid, name, path, doc, body) VALUES(?,?,?,?,?)"),
        add_symbol_(db, "INSERT INTO symbol VALUES(?,?,?,?,?,?,?,?,?,?,?,?)"),
        add_reference_(db, "INSERT INTO reference VALUES(?,?,?,?,?,?,?)"),
        add_import_(db, "INSERT INTO import VALUES(?,?,?,?,?,?)") {}

  void touch(const Prepared& file) {
    touch_.integer(as_signed(file.source->size)).integer(file.source->modified_ns);
    touch_.integer(file.checked).integer(file.known->id).run();
  }

  void remove(std::int64_t id) {
    clear(id);
    old_chunks_.integer(id);
    std::vector<std::int64_t> ids;
    while (old_chunks_.step()) ids.push_back(old_chunks_.get_integer(0));
    old_chunks_.reset();
    for (const std::int64_t chunk : ids) remove_chunk_.integer(chunk).run();
    remove_file_.integer(id).run();
  }

  void put(const Prepared& file) {
    const std::string& path = file.source->path;
    add_file_.text(path).text(file.language).integer(as_signed(file.source->size)).integer(file.source->modified_ns);
    add_file_.integer(as_signed(file.hash)).integer(is_test_path(path) ? 1 : 0);
    if (file.skipped.empty()) {
      add_file_.null();
    } else {
      add_file_.text(file.skipped);
    }
    add_file_.integer(file.checked);
    add_file_.step();
    const std::int64_t id = add_file_.get_integer(0);
    add_file_.reset();
    if (file.known != nullptr) clear(id);
    put_outline(id, file.outline);
    put_chunks(id, file);
  }

 private:
  void clear(std::int64_t id) {
    remove_symbols_.integer(id).run();
    remove_references_.integer(id).run();
    remove_imports_.integer(id).run();
  }

  void put_outline(std::int64_t id, const code::Outline& outline) {
    for (std::size_t i = 0; i < outline.symbols.size(); ++i) {
      const code::Symbol& symbol = outline.symbols[i];
      add_symbol_.integer(id).integer(static_cast<std::int64_t>(i)).text(symbol.name).text(symbol.qualified);
      add_symbol_.text(symbol_key(symbol.name)).integer(static_cast<std::int64_t>(symbol.kind));
      add_symbol_.integer(symbol.declaration ? 1 : 0).integer(symbol.line).integer(symbol.end_line);
      optional(add_symbol_, symbol.parent);
      add_symbol_.integer(symbol.complexity).text(symbol.signature).run();
    }
    for (std::size_t i = 0; i < outline.references.size(); ++i) {
      const code::Reference& one = outline.references[i];
      add_reference_.integer(id).integer(static_cast<std::int64_t>(i));
      optional(add_reference_, one.symbol);
      add_reference_.text(one.name).text(one.qualifier).integer(static_cast<std::int64_t>(one.kind));
      add_reference_.integer(one.line).run();
    }
    for (std::size_t i = 0; i < outline.imports.size(); ++i) {
      const code::Import& one = outline.imports[i];
      add_import_.integer(id).integer(static_cast<std::int64_t>(i)).text(one.module).text(one.name).text(one.alias);
      add_import_.integer(one.line).run();
    }
  }

  static void optional(Statement& statement, std::uint32_t symbol) {
    if (symbol == code::kNoSymbol) {
      statement.null();
    } else {
      statement.integer(symbol);
    }
  }

  // Chunks that did not change keep their row, their words and their vector, even where they moved.
  void put_chunks(std::int64_t id, const Prepared& file) {
    std::unordered_multimap<std::uint64_t, std::int64_t> old;
    if (file.known != nullptr) {
      old_chunks_.integer(id);
      while (old_chunks_.step())
        old.emplace(static_cast<std::uint64_t>(old_chunks_.get_integer(1)), old_chunks_.get_integer(0));
      old_chunks_.reset();
    }
    for (const Chunk& chunk : file.chunks) {
      const std::string_view text = std::string_view(file.text).substr(chunk.range.begin, chunk.range.size());
      const std::uint64_t hash = chunk_hash(chunk.name, text);
      if (const auto found = old.find(hash); found != old.end()) {
        optional(move_chunk_, chunk.symbol);
        move_chunk_.integer(chunk.line).integer(chunk.end_line).integer(chunk.range.begin).integer(chunk.range.end);
        move_chunk_.integer(found->second).run();
        old.erase(found);
        continue;
      }
      add_chunk_.integer(id);
      optional(add_chunk_, chunk.symbol);
      add_chunk_.text(chunk.kind).text(chunk.name).integer(chunk.line).integer(chunk.end_line);
      add_chunk_.integer(chunk.range.begin).integer(chunk.range.end).integer(as_signed(hash)).run();
      const std::int64_t row = db_.last_id();
      std::string names = chunk.name;
      // What is defined in it without being a chunk of its own: fields, constants, prototypes.
      for (const code::Symbol& symbol : file.outline.symbols) {
        if (symbol.range.begin >= chunk.range.end) break;
        if (symbol.range.begin < chunk.range.begin || symbol.qualified == chunk.name) continue;
        if (names.size() < 2000) names += " " + symbol.name;
      }
      std::string body(text);
      std::string doc;
      if (chunk.doc.size() > 0) {
        doc = file.text.substr(chunk.doc.begin, chunk.doc.size());
        body = file.text.substr(chunk.range.begin, chunk.doc.begin - chunk.range.begin) +
               file.text.substr(chunk.doc.end, chunk.range.end - chunk.doc.end);
      }
      add_text_.integer(row).text(names).text(file.source->path).text(doc).text(body).run();
    }
    for (const auto& [hash, row] : old) remove_chunk_.integer(row).run();
  }

  Database& db_;
  Statement add_file_, touch_, remove_file_, remove_symbols_, remove_references_, remove_imports_, old_chunks_,
      remove_chunk_, move_chunk_, add_chunk_, add_text_, add_symbol_, add_reference_, add_import_;
};

}  // namespace

Store::WriterLock::WriterLock(const fs::path& state) {
  const fs::path path = state / "index.lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd_ < 0) throw Error("index::Store::lock", fmt::format("{}: {}", path.string(), std::strerror(errno)));
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  log::info("another process is updating the index; waiting");
  while (::flock(fd_, LOCK_EX) != 0) {
    if (errno == EINTR) {
      check_interrupt();
      continue;
    }
    const int reason = errno;
    ::close(fd_);
    throw Error("index::Store::lock", fmt::format("{}: {}", path.string(), std::strerror(reason)));
  }
}

Store::WriterLock::~WriterLock() {
  ::close(fd_);
}

std::uint64_t chunk_hash(std::string_view name, std::string_view text) {
  return hash64(text, hash64(name));
}

Store::Store(const fs::path& root) : root_(root) {
  state_ = root_ / ".jarvis2";
  std::error_code error;
  if (!fs::is_directory(state_, error)) {
    try {
      state_ = project::Repository::open(root_).state_dir();
    } catch (const Error&) {  // not a repository, or one without a commit
      fs::create_directories(state_, error);
      if (error) throw Error("index::Store", fmt::format("{}: {}", state_.string(), error.message()));
    }
  }
  try {
    open();
  } catch (const Corrupt&) {
    rebuild();
  }
}

void Store::open() {
  db_ = std::make_unique<Database>(file());
  db_->execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;"
      "PRAGMA mmap_size=4294967296; PRAGMA temp_store=MEMORY;");
  register_code_tokenizer(*db_);
  if (db_->integer("PRAGMA application_id") == 0 && db_->integer("SELECT count(*) FROM sqlite_schema") == 0) {
    Transaction transaction(*db_);
    if (db_->integer("SELECT count(*) FROM sqlite_schema") == 0) {  // nobody was faster
      db_->execute(kSchema);
      db_->execute(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, kVersion));
    }
    transaction.commit();
  }
  if (db_->integer("PRAGMA application_id") != kApplicationId || db_->integer("PRAGMA user_version") != kVersion)
    throw Corrupt("not an index of this version");
}

void Store::rebuild() {
  chunk_.reset();
  db_.reset();
  std::error_code ignored;
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(file().string() + end, ignored);
  open();
}

bool Store::empty() {
  return db_->integer("SELECT 1 FROM file LIMIT 1") == 0;
}

std::size_t Store::chunk_count() {
  // Counting reads the whole table: the last update has written it down.
  const std::int64_t known = db_->integer("SELECT value FROM meta WHERE key='chunks'");
  return static_cast<std::size_t>(known > 0 ? known : db_->integer("SELECT count(*) FROM chunk"));
}

UpdateReport Store::update(const UpdateOptions& options, std::stop_token stop) {
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  UpdateReport report;
  forget_texts();
  const WriterLock lock(state_);
  try {
    if (options.paths.empty()) {
      Statement check(*db_, "PRAGMA quick_check(1)");
      if (check.step() && check.get_text(0) != "ok") throw Corrupt(check.get_text(0));
      // Words of chunks that are gone stay in the full text until it is made anew.
      const std::int64_t live = db_->integer("SELECT count(*) FROM chunk");
      const std::int64_t words = db_->integer("SELECT count(*) FROM text_docsize");
      if (words < live) throw Corrupt("chunks without words");
      if (words > 2 * live + 5000) throw Corrupt("");
    }
    apply(options, report, stop);
  } catch (const Corrupt& damage) {
    if (*damage.what() != '\0') log::warning("the index was damaged ({}): rebuilding it", damage.what());
    report = {};
    report.rebuilt = true;
    rebuild();
    apply(options, report, stop);
  }
  report.files = static_cast<std::size_t>(db_->integer("SELECT count(*) FROM file WHERE skipped IS NULL"));
  report.chunks = static_cast<std::size_t>(db_->integer("SELECT count(*) FROM chunk"));
  if (report.added + report.changed + report.removed > 0 || report.chunks != chunk_count()) {
    const std::int64_t have = db_->integer("SELECT count(*) FROM chunk c JOIN vector v ON v.hash = c.hash");
    Transaction transaction(*db_);
    db_->execute(
        fmt::format("INSERT OR REPLACE INTO meta VALUES('chunks', '{}'), ('vectors.have', '{}')", report.chunks, have));
    transaction.commit();
  }
  report.symbols = static_cast<std::size_t>(db_->integer("SELECT count(*) FROM symbol"));
  {
    Statement reasons(*db_, "SELECT skipped, count(*) FROM file WHERE skipped IS NOT NULL GROUP BY skipped");
    while (reasons.step()) report.skipped[reasons.get_text(0)] = static_cast<std::size_t>(reasons.get_integer(1));
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

void Store::apply(const UpdateOptions& options, UpdateReport& report, std::stop_token stop) {
  std::vector<SourcePath> paths;
  if (options.paths.empty()) {
    paths = source_paths(root_, stop);
  } else {
    for (const std::string& path : options.paths) {
      for (SourcePath& one : source_path(root_, path)) paths.push_back(std::move(one));
    }
  }
  std::unordered_map<std::string, KnownFile> known;
  {
    const bool all = options.paths.empty();
    const char* sql = "SELECT path, id, size, modified, hash, checked FROM file";
    Statement rows(*db_, all ? sql : std::string(sql) + " WHERE path=?");
    const auto read = [&] {
      while (rows.step()) {
        KnownFile one;
        one.id = rows.get_integer(1);
        one.size = static_cast<std::uint64_t>(rows.get_integer(2));
        one.modified = rows.get_integer(3);
        one.hash = static_cast<std::uint64_t>(rows.get_integer(4));
        one.checked = rows.get_integer(5);
        known.emplace(rows.get_text(0), one);
      }
      rows.reset();
    };
    if (all) read();
    for (const std::string& path : options.paths) {
      rows.text(path);
      read();
    }
  }
  bool cpp = db_->integer("SELECT 1 FROM file WHERE language='cpp' LIMIT 1") != 0;
  std::set<std::string> present;
  std::vector<Prepared> work;
  for (const SourcePath& source : paths) {
    cpp = cpp || source_language(source.path) == "cpp";
    present.insert(source.path);
    const auto found = known.find(source.path);
    if (found != known.end() && found->second.size == source.size && found->second.modified == source.modified_ns &&
        // A file changed within the clock's grain of our last look may have changed again since.
        found->second.modified + 50'000'000 < found->second.checked) {
      ++report.unchanged;
      continue;
    }
    Prepared one;
    one.source = &source;
    one.known = found == known.end() ? nullptr : &found->second;
    work.push_back(std::move(one));
  }
  std::vector<std::int64_t> gone;
  for (const auto& [path, file] : known) {
    if (!present.contains(path)) gone.push_back(file.id);
  }

  const unsigned threads = options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  constexpr std::size_t kFiles = 200;
  constexpr std::uint64_t kBatchBytes = 16u << 20;
  const auto batch_end = [&](std::size_t begin) {
    std::uint64_t bytes = 0;
    std::size_t end = begin;
    for (; end < work.size() && end - begin < kFiles && bytes < kBatchBytes; ++end) bytes += work[end].source->size;
    return end;
  };
  const auto prepare_batch = [&](std::size_t begin, std::size_t end) {
    std::atomic<std::size_t> next{begin};
    const auto run = [&] {
      for (std::size_t i; !stop.stop_requested() && (i = next.fetch_add(1)) < end;) prepare(root_, cpp, work[i]);
    };
    std::vector<std::jthread> pool;
    for (unsigned i = 1; i < threads && begin + i < end; ++i) pool.emplace_back(run);
    run();
  };

  Writer writer(*db_);
  if (!gone.empty()) {
    Transaction transaction(*db_);
    for (const std::int64_t id : gone) writer.remove(id);
    transaction.commit();
    report.removed = gone.size();
  }
  // One batch is written while the next is read and parsed.
  std::size_t begin = 0, end = batch_end(0);
  prepare_batch(begin, end);
  while (begin < end) {
    const std::size_t next_end = batch_end(end);
    std::future<void> ahead;
    if (next_end > end && !stop.stop_requested()) {
      ahead = std::async(std::launch::async, prepare_batch, end, next_end);
    }
    if (stop.stop_requested()) throw Interrupted();
    Transaction transaction(*db_);
    for (std::size_t i = begin; i < end; ++i) {
      Prepared& file = work[i];
      report.bytes += file.source->size;
      if (file.gone) {
        if (file.known != nullptr) writer.remove(file.known->id);
      } else if (file.same) {
        writer.touch(file);
        ++report.unchanged;
      } else {
        writer.put(file);
        ++(file.known != nullptr ? report.changed : report.added);
      }
      file = {};
    }
    transaction.commit();
    if (options.progress) options.progress(end, work.size());
    if (ahead.valid()) ahead.get();
    begin = end;
    end = next_end;
  }
}

std::optional<StoredChunk> Store::chunk(std::int64_t id) {
  if (!chunk_) {
    chunk_ = std::make_unique<Statement>(
        *db_,
        "SELECT c.id, c.file, f.path, f.language, c.kind, c.name, c.line, c.end_line, c.begin, c.end, c.hash, f.test "
        "FROM chunk c JOIN file f ON f.id = c.file WHERE c.id = ?");
  }
  Statement& row = *chunk_;
  row.reset();
  row.integer(id);
  if (!row.step()) {
    row.reset();
    return std::nullopt;
  }
  StoredChunk one;
  one.id = row.get_integer(0);
  one.file = row.get_integer(1);
  one.path = row.get_text(2);
  one.language = row.get_text(3);
  one.kind = row.get_text(4);
  one.name = row.get_text(5);
  one.line = static_cast<std::uint32_t>(row.get_integer(6));
  one.end_line = static_cast<std::uint32_t>(row.get_integer(7));
  one.range = {static_cast<std::uint32_t>(row.get_integer(8)), static_cast<std::uint32_t>(row.get_integer(9))};
  one.hash = static_cast<std::uint64_t>(row.get_integer(10));
  one.test = row.get_integer(11) != 0;
  row.reset();
  return one;
}

std::vector<StoredChunk> Store::chunks_of_file(const std::string& path) {
  std::vector<std::int64_t> ids;
  {
    Statement rows(*db_, "SELECT c.id FROM chunk c JOIN file f ON f.id = c.file WHERE f.path = ? ORDER BY c.begin");
    rows.text(path);
    while (rows.step()) ids.push_back(rows.get_integer(0));
  }
  std::vector<StoredChunk> out;
  for (const std::int64_t id : ids) {
    if (std::optional<StoredChunk> one = chunk(id)) out.push_back(std::move(*one));
  }
  return out;
}

std::optional<std::string> Store::text(const StoredChunk& chunk) {
  if (texts_.size() > 64) texts_.clear();
  const auto [at, fresh] = texts_.try_emplace(chunk.path);
  if (fresh) {
    try {
      at->second = read_file(root_ / chunk.path);
    } catch (const Error&) {
      // Removed since: the index does not know yet.
    }
  }
  if (!at->second || chunk.range.end > at->second->size() || chunk.range.begin > chunk.range.end) return std::nullopt;
  std::string text = at->second->substr(chunk.range.begin, chunk.range.size());
  if (chunk_hash(chunk.name, text) != chunk.hash) return std::nullopt;
  return text;
}

}  // namespace jarvis2::index
