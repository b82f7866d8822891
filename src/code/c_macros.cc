#include "code/c_macros.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace jarvis2::code {
namespace {

struct Token {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool word = false;
  bool line_start = false;  // nothing but blanks before it in its line
  int depth = 0;            // of braces around it, those of namespaces and extern "C" left out
};

template <std::size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Words that begin a type.
constexpr std::array<std::string_view, 16> kTypes = {"void",   "char",   "int",    "short", "long",  "unsigned",
                                                     "signed", "float",  "double", "bool",  "_Bool", "size_t",
                                                     "struct", "static", "inline", "extern"};
constexpr std::array<std::string_view, 38> kKeywords = {
    "return", "else",   "case",   "goto",  "new",     "delete",    "sizeof",    "typedef",  "operator", "throw",
    "do",     "using",  "if",     "while", "for",     "switch",    "namespace", "public",   "private",  "protected",
    "static", "extern", "inline", "const", "virtual", "constexpr", "volatile",  "register", "explicit", "friend",
    "struct", "class",  "union",  "enum",  "auto",    "mutable",   "template",  "typename"};
constexpr std::array<std::string_view, 14> kNoPrefix = {"return", "else",    "case",      "goto",    "new",
                                                        "delete", "sizeof",  "throw",     "do",      "operator",
                                                        "using",  "typedef", "namespace", "template"};

bool is_type_word(std::string_view text) {
  return one_of(text, kTypes);
}
bool is_keyword(std::string_view text) {
  return one_of(text, kKeywords) || is_type_word(text);
}

// TINYXML2_LIB, ZEXPORT, LUA_API
bool is_capital(std::string_view word) {
  if (word.size() < 3) return false;
  bool letter = false;
  for (const char c : word) {
    if (std::islower(static_cast<unsigned char>(c)) != 0) return false;
    letter |= std::isupper(static_cast<unsigned char>(c)) != 0;
  }
  return letter;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    bool line_start = true;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        line_start = true;
        ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
        ++at_;
      } else if (c == '#' && line_start) {
        directive();
      } else if (text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_).starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else if (c == '"' || c == '\'') {
        literal(c);
        line_start = false;
      } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
        const std::size_t begin = at_;
        while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
          ++at_;
        const bool number = std::isdigit(static_cast<unsigned char>(c)) != 0;
        if (!number && at_ < text_.size() && text_[at_] == '"' && text_.substr(begin, at_ - begin).ends_with("R")) {
          raw_string();
        } else {
          tokens_.push_back({begin, at_, !number, line_start, depth_});
        }
        line_start = false;
      } else {
        if (c == '{') open();
        if (c == '}') close();
        tokens_.push_back({at_, at_ + 1, false, line_start, depth_});
        ++at_;
        line_start = false;
      }
    }
    return std::move(tokens_);
  }

 private:
  // Both branches of a condition may open a brace: depths are as before it after the last.
  void directive() {
    std::size_t word = at_ + 1;
    while (word < text_.size() && (text_[word] == ' ' || text_[word] == '\t')) ++word;
    const std::string_view rest = text_.substr(word);
    if (rest.starts_with("if")) conditions_.push_back(braces_);
    if ((rest.starts_with("else") || rest.starts_with("elif")) && !conditions_.empty()) {
      std::swap(braces_, conditions_.back());
      conditions_.back() = braces_;
    }
    if (rest.starts_with("endif") && !conditions_.empty()) conditions_.pop_back();
    count();
    while (at_ < text_.size() && text_[at_] != '\n') {
      if (text_.substr(at_).starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
        continue;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        if (text_[at_] == '\r' && at_ + 1 < text_.size()) ++at_;
      }
      ++at_;
    }
    at_ = std::min(at_, text_.size());
  }

  void literal(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, text_.size());
    tokens_.push_back({at_, at_, false, false, depth_});
  }

  void raw_string() {
    const std::size_t open = text_.find('(', at_);
    if (open == std::string_view::npos || open - at_ > 18) return literal('"');
    const std::string close = ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + "\"";
    const std::size_t end = text_.find(close, open);
    at_ = end == std::string_view::npos ? text_.size() : end + close.size();
    tokens_.push_back({at_, at_, false, false, depth_});
  }

  // The brace of a namespace or of extern "C" (a literal has no bytes as token) keeps what is in it at file level.
  void open() {
    bool transparent = false;
    for (std::size_t back = tokens_.size(), steps = 0; back-- > 0 && steps < 6; ++steps) {
      const std::string_view one = text_.substr(tokens_[back].begin, tokens_[back].end - tokens_[back].begin);
      if (one == "namespace" || (one == "extern" && steps == 1)) transparent = true;
      if (one == ";" || one == "}" || one == "{" || one == ")") break;
    }
    braces_.push_back(transparent);
    count();
  }
  void close() {
    if (!braces_.empty()) braces_.pop_back();
    count();
  }
  void count() { depth_ = static_cast<int>(std::count(braces_.begin(), braces_.end(), false)); }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  std::vector<bool> braces_;
  std::vector<std::vector<bool>> conditions_;
  int depth_ = 0;
};

}  // namespace

std::string mask_macros(std::string_view text) {
  std::string result(text);
  std::vector<Token> tokens = Scanner(text).run();
  const auto spelled = [&](std::size_t i) {
    return i < tokens.size() ? text.substr(tokens[i].begin, tokens[i].end - tokens[i].begin) : std::string_view();
  };
  const auto word = [&](std::size_t i) { return i < tokens.size() && tokens[i].word; };
  std::vector<bool> masked(tokens.size(), false);
  const auto blank = [&](std::size_t i) {
    std::fill(result.begin() + static_cast<std::ptrdiff_t>(tokens[i].begin),
              result.begin() + static_cast<std::ptrdiff_t>(tokens[i].end), ' ');
    masked[i] = true;
  };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].word || masked[i]) continue;
    const std::string_view one = spelled(i);
    // class API Name {, class API Name : public Base, class API Name;
    if (i > 0 && (spelled(i - 1) == "class" || spelled(i - 1) == "struct" || spelled(i - 1) == "union") &&
        is_capital(one) && word(i + 1) && !is_keyword(spelled(i + 1))) {
      const std::string_view after = spelled(i + 2);
      const bool scope = after == ":" && spelled(i + 3) == ":";
      if (spelled(i + 1) != "final" && (after == "{" || (after == ":" && !scope) || after == "final" ||
                                        (after == ";" && spelled(i - 1) == "class"))) {
        blank(i);
        continue;
      }
    }
    // A capital word alone in its line, at file level.
    const bool alone = i + 1 == tokens.size() || tokens[i + 1].line_start;
    if (tokens[i].line_start && alone && tokens[i].depth == 0 && is_capital(one) && one.find('_') != one.npos) {
      const std::string_view before = i == 0 ? std::string_view(";") : spelled(i - 1);
      if (before == ";" || before == "}" || before == "{" || masked[i == 0 ? 0 : i - 1]) {
        blank(i);
        continue;
      }
    }
    // int API name( : the capital word is between a type and a name.
    if (i > 0 && is_capital(one) && word(i + 1) && !is_keyword(spelled(i + 1)) && spelled(i + 2) == "(" &&
        ((word(i - 1) && !one_of(spelled(i - 1), kNoPrefix) && !masked[i - 1]) || spelled(i - 1) == "*")) {
      const bool declares =
          word(i - 1) ? (is_type_word(spelled(i - 1)) && spelled(i - 1) != "struct" && spelled(i - 1) != "static" &&
                         spelled(i - 1) != "inline" && spelled(i - 1) != "extern") ||
                            (tokens[i].depth == 0 && !is_keyword(spelled(i - 1)))
                      : tokens[i].depth == 0;
      if (declares) {
        blank(i);
        continue;
      }
    }
    // API int name( and API type *name(, at a line's begin or after static and the like.
    const bool leads = tokens[i].line_start || (i > 0 && (spelled(i - 1) == "static" || spelled(i - 1) == "extern"));
    if (!leads || is_keyword(one) || !word(i + 1)) continue;
    if (tokens[i].depth == 0 && is_type_word(spelled(i + 1))) {
      blank(i);
      continue;
    }
    if (!is_capital(one) || (tokens[i].depth > 0 && one.find('_') == one.npos)) continue;
    std::size_t next = i + 1;
    while (spelled(next) == "const" || spelled(next) == "unsigned" || spelled(next) == "struct") ++next;
    if (!word(next) || (is_keyword(spelled(next)) && !is_type_word(spelled(next)))) continue;
    ++next;
    while (spelled(next) == ":" || (next > 0 && spelled(next - 1) == ":" && word(next))) ++next;
    while (spelled(next) == "*" || spelled(next) == "&" || spelled(next) == "const") ++next;
    const bool plain = word(next) && !is_keyword(spelled(next)) &&
                       (spelled(next + 1) == "(" || spelled(next + 1) == ";" || is_capital(spelled(next)));
    const bool in_parens = tokens[i].depth == 0 && spelled(next) == "(" && word(next + 1) && spelled(next + 2) == ")" &&
                           spelled(next + 3) == "(";
    if ((plain && (spelled(next + 1) == "(" || is_capital(spelled(next)) || tokens[i].depth == 0)) || in_parens)
      blank(i);
  }
  return result;
}

}  // namespace jarvis2::code
