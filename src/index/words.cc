#include "index/words.h"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace jarvis2::index {
namespace {

constexpr std::size_t kLongest = 64;

enum class Class { kOther, kLower, kUpper, kDigit };

Class class_of(char c) {
  if ((c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80) return Class::kLower;
  if (c >= 'A' && c <= 'Z') return Class::kUpper;
  if (c >= '0' && c <= '9') return Class::kDigit;
  return Class::kOther;
}

bool in_identifier(char c) {
  return class_of(c) != Class::kOther || c == '_';
}

// In nearly every chunk of some language: they cost space and time and tell nothing.
bool is_keyword(std::string_view word) {
  static const std::unordered_set<std::string_view> kWords = {
      "if",    "else",   "for",  "in",   "is",   "it",    "of",   "or",      "and",  "not",  "the",    "to",
      "an",    "as",     "at",   "be",   "by",   "do",    "on",   "def",     "self", "this", "return", "int",
      "const", "void",   "char", "none", "true", "false", "null", "nullptr", "var",  "let",  "func",   "fn",
      "pub",   "public", "elif", "end",  "then", "with",  "from", "static",  "std",  "that", "are"};
  return kWords.contains(word);
}

bool vowel(char c) {
  return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

bool has_vowel(std::string_view text) {
  return std::any_of(text.begin(), text.end(), vowel);
}

}  // namespace

std::string stem(std::string word) {
  if (word.size() < 4 || word.find_first_of("0123456789") != std::string::npos) return word;
  if (word.ends_with("sses")) {
    word.resize(word.size() - 2);
  } else if (word.ends_with("ies") && word.size() > 4) {
    word.resize(word.size() - 3);
    word += 'y';
  } else if (word.ends_with("s") && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is")) {
    word.pop_back();
  }
  bool cut = false;
  for (const std::string_view ending : {"ing", "ed"}) {
    if (word.size() >= ending.size() + 3 && word.ends_with(ending) &&
        has_vowel(std::string_view(word).substr(0, word.size() - ending.size()))) {
      word.resize(word.size() - ending.size());
      cut = true;
      break;
    }
  }
  if (cut && word.size() > 3 && word.back() == word[word.size() - 2] && !vowel(word.back()) && word.back() != 'l' &&
      word.back() != 's' && word.back() != 'z') {
    word.pop_back();
  }
  // "parse" and "parsing", "cache" and "caching" meet without the e.
  if (word.size() > 3 && word.back() == 'e') word.pop_back();
  return word;
}

void for_each_word(std::string_view text, const std::function<void(const Word&)>& take) {
  Word word;
  for (std::size_t at = 0; at < text.size();) {
    if (!in_identifier(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && in_identifier(text[end])) ++end;
    const std::size_t begin = at;
    at = end;
    if (end - begin > 4 * kLongest) continue;  // encoded data, not a name
    std::string whole;
    std::size_t parts = 0;
    for (std::size_t i = begin; i < end;) {
      if (text[i] == '_') {
        ++i;
        continue;
      }
      // A part: capitals with the small letters after the last of them, digits included ("utf8", "sha256").
      std::size_t j = i + 1;
      const bool upper_run = class_of(text[i]) == Class::kUpper && j < end && class_of(text[j]) == Class::kUpper;
      for (; j < end && text[j] != '_'; ++j) {
        const Class before = class_of(text[j - 1]), now = class_of(text[j]);
        if (now == Class::kUpper && before == Class::kLower) break;
        if (now == Class::kUpper && before == Class::kDigit && !upper_run) break;
        if (now == Class::kUpper && before == Class::kUpper && j + 1 < end && class_of(text[j + 1]) == Class::kLower)
          break;
      }
      std::string part(text.substr(i, j - i));
      for (char& c : part) c = class_of(c) == Class::kUpper ? static_cast<char>(c - 'A' + 'a') : c;
      whole += part;
      ++parts;
      if (part.size() > 1 && part.size() <= kLongest && !is_keyword(part)) {
        word.text = stem(std::move(part));
        word.begin = i;
        word.end = j;
        word.whole = false;
        take(word);
      }
      i = j;
    }
    if (parts > 1 && whole.size() <= kLongest && whole.size() > 2) {
      word.text = std::move(whole);
      word.begin = begin;
      word.end = end;
      word.whole = true;
      take(word);
    }
  }
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for_each_word(text, [&](const Word& word) { words.push_back(word.text); });
  return words;
}

bool is_question_word(std::string_view word) {
  static const std::unordered_set<std::string> kWords = [] {
    std::unordered_set<std::string> words;
    for (const char* one : {"how",
                            "does",
                            "do",
                            "did",
                            "where",
                            "what",
                            "which",
                            "when",
                            "why",
                            "who",
                            "can",
                            "could",
                            "would",
                            "should",
                            "will",
                            "shall",
                            "may",
                            "there",
                            "their",
                            "them",
                            "they",
                            "have",
                            "has",
                            "had",
                            "was",
                            "were",
                            "been",
                            "being",
                            "we",
                            "you",
                            "your",
                            "its",
                            "these",
                            "those",
                            "using",
                            "used",
                            "use",
                            "uses",
                            "code",
                            "function",
                            "functions",
                            "method",
                            "methods",
                            "implement",
                            "implements",
                            "implemented",
                            "implementation",
                            "defined",
                            "definition",
                            "find",
                            "show",
                            "all",
                            "any",
                            "some",
                            "into",
                            "over",
                            "than",
                            "between",
                            "about",
                            "after",
                            "before",
                            "while",
                            "during",
                            "also",
                            "only",
                            "each",
                            "such",
                            "so",
                            "but",
                            "via",
                            "given",
                            "like",
                            "just",
                            "other",
                            "work",
                            "works",
                            "handle",
                            "handles",
                            "handled",
                            "handling",
                            "logic",
                            "get",
                            "me",
                            "my",
                            "our"})
      words.insert(stem(one));
    return words;
  }();
  return kWords.contains(std::string(word));
}

}  // namespace jarvis2::index
