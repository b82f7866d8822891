#pragma once

#include "index/sqlite.h"

namespace jarvis2::index {

// Makes the tokenizer "code" known to FTS5 on this connection: the words of index/words.h.
void register_code_tokenizer(Database& db);

}  // namespace jarvis2::index
