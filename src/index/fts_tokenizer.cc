#include "index/fts_tokenizer.h"

#include "base/error.h"
#include "index/words.h"

namespace jarvis2::index {
namespace {

int create(void*, const char**, int, Fts5Tokenizer** out) {
  static char state;  // there is none, but FTS5 wants an address
  *out = reinterpret_cast<Fts5Tokenizer*>(&state);
  return SQLITE_OK;
}

void destroy(Fts5Tokenizer*) {}

int tokenize(Fts5Tokenizer*, void* context, int, const char* text, int size,
             int (*take)(void*, int, const char*, int, int, int)) {
  int code = SQLITE_OK;
  try {
    for_each_word({text, static_cast<std::size_t>(size)}, [&](const Word& word) {
      if (code != SQLITE_OK) return;
      code = take(context, 0, word.text.data(), static_cast<int>(word.text.size()), static_cast<int>(word.begin),
                  static_cast<int>(word.end));
    });
  } catch (...) {  // SQLite is C
    return SQLITE_NOMEM;
  }
  return code;
}

}  // namespace

void register_code_tokenizer(Database& db) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db.get(), "SELECT fts5(?1)", -1, &statement, nullptr) == SQLITE_OK) {
    sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  if (api == nullptr) throw Error("index::register_code_tokenizer", "this SQLite was built without FTS5");
  fts5_tokenizer tokenizer = {create, destroy, tokenize};
  const int code = api->xCreateTokenizer(api, "code", nullptr, &tokenizer, nullptr);
  if (code != SQLITE_OK) db.fail(code);
}

}  // namespace jarvis2::index
