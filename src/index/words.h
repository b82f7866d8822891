// Words of code: identifiers and the words in them ("getHTTPResponse" → get, http, response), stemmed.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace jarvis2::index {

struct Word {
  std::string text;       // lower case, stemmed; a whole identifier is not stemmed and has no '_'
  std::size_t begin = 0;  // bytes in the source text
  std::size_t end = 0;
  bool whole = false;  // a compound identifier as a whole, given after its parts
};

// Calls `take` for every word in order. Keywords and words of one letter are left out, numbers of one digit too. Any
// bytes are accepted; bytes above 127 count as letters.
void for_each_word(std::string_view text, const std::function<void(const Word&)>& take);
std::vector<std::string> words_of(std::string_view text);
// Plural and verb endings off [after Porter 1980, step 1]: "queries" → "query", "parsing" → "parse"-like "pars".
std::string stem(std::string word);
// "how", "does", "where", ...: words of a question that say nothing about code.
bool is_question_word(std::string_view word);

}  // namespace jarvis2::index
