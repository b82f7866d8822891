#include "code/text_regex.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace jarvis2::code {
namespace {

using Kind = TextRegex::Kind;
using Regex = std::unique_ptr<TextRegex>;
constexpr std::uint32_t kMostRepetitions = 1000;
constexpr int kMostNesting = 100;

bool is_word(unsigned c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Regex make(Kind kind) {
  Regex regex = std::make_unique<TextRegex>();
  regex->kind = kind;
  return regex;
}

std::uint32_t plus(std::uint32_t a, std::uint32_t b) {
  return a == TextRegex::kUnlimited || b == TextRegex::kUnlimited || a > TextRegex::kUnlimited - b
             ? TextRegex::kUnlimited
             : a + b;
}

std::uint32_t times(std::uint32_t a, std::uint32_t b) {
  if (a == 0 || b == 0) return 0;
  const std::uint64_t product = static_cast<std::uint64_t>(a) * b;
  return a == TextRegex::kUnlimited || b == TextRegex::kUnlimited || product >= TextRegex::kUnlimited
             ? TextRegex::kUnlimited
             : static_cast<std::uint32_t>(product);
}

class Parser {
 public:
  Parser(std::string_view text, bool caseless) : text_(text), caseless_(caseless) {}

  Regex parse() {
    if (text_.find('\0') != std::string_view::npos) fail("a zero byte (write \\x00)");
    Regex regex = alternatives();
    if (at_ < text_.size()) fail("an unmatched )");
    return regex;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error("code::parse_text_regex", fmt::format("{}: {} at byte {}", text_, what, at_));
  }
  bool more() const { return at_ < text_.size(); }
  bool eat(char c) {
    if (!more() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Regex alternatives() {
    if (++depth_ > kMostNesting) fail("groups nested too deeply");
    std::vector<Regex> all;
    all.push_back(sequence());
    while (eat('|')) all.push_back(sequence());
    --depth_;
    if (all.size() == 1) return std::move(all[0]);
    Regex regex = make(Kind::kAlternate);
    regex->parts = std::move(all);
    return regex;
  }

  Regex sequence() {
    Regex regex = make(Kind::kConcat);
    while (more() && text_[at_] != '|' && text_[at_] != ')') {
      Regex part = atom();
      for (;;) {
        std::uint32_t least = 0, most = 0;
        if (!repetition(least, most)) break;
        if (part->kind == Kind::kAssert) fail("a repeated assertion");
        if (part->kind == Kind::kRepeat) fail("a repetition of a repetition");
        Regex repeat = make(Kind::kRepeat);
        repeat->least = least;
        repeat->most = most;
        repeat->parts.push_back(std::move(part));
        part = std::move(repeat);
        eat('?');  // as few as possible: the set of all matches is the same
      }
      regex->parts.push_back(std::move(part));
    }
    return regex;
  }

  bool repetition(std::uint32_t& least, std::uint32_t& most) {
    if (!more()) return false;
    switch (text_[at_]) {
      case '*':
        least = 0, most = TextRegex::kUnlimited;
        break;
      case '+':
        least = 1, most = TextRegex::kUnlimited;
        break;
      case '?':
        least = 0, most = 1;
        break;
      case '{':
        return counted(least, most);
      default:
        return false;
    }
    ++at_;
    return true;
  }

  std::uint32_t number() {
    if (!more() || text_[at_] < '0' || text_[at_] > '9') fail("a number is missing");
    std::uint32_t value = 0;
    while (more() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + static_cast<std::uint32_t>(text_[at_++] - '0');
      if (value > kMostRepetitions) fail("more than 1000 repetitions");
    }
    return value;
  }

  bool counted(std::uint32_t& least, std::uint32_t& most) {
    ++at_;
    least = most = number();
    if (eat(',')) most = more() && text_[at_] != '}' ? number() : TextRegex::kUnlimited;
    if (!eat('}')) fail("a repetition that does not end");
    if (most < least || most == 0) fail("a repetition that can't be");
    return true;
  }

  Regex of_set(std::bitset<256> set) const {
    if (caseless_) {
      for (unsigned c = 'a'; c <= 'z'; ++c) {
        if (set[c] || set[c - 32]) set[c] = set[c - 32] = true;
      }
    }
    Regex regex = make(Kind::kSet);
    regex->set = set;
    return regex;
  }
  Regex of_byte(unsigned char c) const {
    std::bitset<256> set;
    set[c] = true;
    return of_set(set);
  }
  Regex of(TextAssertion assertion) const {
    Regex regex = make(Kind::kAssert);
    regex->assertion = assertion;
    return regex;
  }

  Regex atom() {
    const char c = text_[at_++];
    switch (c) {
      case '(': {
        if (eat('?') && !eat(':')) fail("a kind of group that is not known");
        Regex inner = alternatives();
        if (!eat(')')) fail("a group that does not end");
        // A group of one repetition may be repeated.
        Regex group = make(Kind::kConcat);
        group->parts.push_back(std::move(inner));
        return group;
      }
      case '[':
        return bracket();
      case '.': {
        std::bitset<256> set;
        set.set();
        set['\n'] = false;
        return of_set(set);
      }
      case '^':
        return of(TextAssertion::kLineBegin);
      case '$':
        return of(TextAssertion::kLineEnd);
      case '*':
      case '+':
      case '?':
      case '{':
        --at_;
        fail("nothing to repeat");
      case '\\':
        if (!more()) fail("a lone backslash");
        if (text_[at_] == 'b' || text_[at_] == 'B') {
          return of(text_[at_++] == 'b' ? TextAssertion::kWordBoundary : TextAssertion::kNotWordBoundary);
        }
        return of_set(escape());
      default:
        return of_byte(static_cast<unsigned char>(c));
    }
  }

  // What follows a backslash.
  std::bitset<256> escape() {
    std::bitset<256> set;
    const char c = text_[at_++];
    const auto hex = [&](char digit) -> int {
      if (digit >= '0' && digit <= '9') return digit - '0';
      if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
      return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
    };
    switch (c) {
      case 'd':
      case 'D':
        for (unsigned x = '0'; x <= '9'; ++x) set[x] = true;
        break;
      case 'w':
      case 'W':
        for (unsigned x = 0; x < 256; ++x) set[x] = is_word(x);
        break;
      case 's':
      case 'S':
        for (const char x : std::string_view(" \t\n\v\f\r")) set[static_cast<unsigned char>(x)] = true;
        break;
      case 'n':
        set['\n'] = true;
        break;
      case 't':
        set['\t'] = true;
        break;
      case 'r':
        set['\r'] = true;
        break;
      case 'f':
        set['\f'] = true;
        break;
      case 'x': {
        const int high = at_ < text_.size() ? hex(text_[at_]) : -1;
        const int low = at_ + 1 < text_.size() ? hex(text_[at_ + 1]) : -1;
        if (high < 0 || low < 0) fail("\\x needs two digits");
        at_ += 2;
        set[static_cast<std::size_t>(high * 16 + low)] = true;
        break;
      }
      default:
        if (is_word(static_cast<unsigned char>(c))) fail(fmt::format("\\{} is not known", c));
        set[static_cast<unsigned char>(c)] = true;
    }
    if (c == 'D' || c == 'W' || c == 'S') set.flip();
    return set;
  }

  Regex bracket() {
    std::bitset<256> set;
    const bool negated = eat('^');
    bool first = true;
    for (;; first = false) {
      if (!more()) fail("a class that does not end");
      if (!first && eat(']')) break;
      unsigned low = 0;
      const std::bitset<256> one = item(low);
      if (one.count() == 1 && at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        ++at_;
        unsigned high = 0;
        if (item(high).count() != 1 || high < low) fail("a range that can't be");
        for (unsigned x = low; x <= high; ++x) set[x] = true;
      } else {
        set |= one;
      }
    }
    if (caseless_) set = of_set(set)->set;
    if (negated) set.flip();
    if (set.none()) fail("a class of nothing");
    Regex regex = make(Kind::kSet);
    regex->set = set;
    return regex;
  }

  std::bitset<256> item(unsigned& byte) {
    if (!more()) fail("a class that does not end");
    const char c = text_[at_++];
    std::bitset<256> set;
    if (c == '[' && more() && (text_[at_] == ':' || text_[at_] == '.' || text_[at_] == '=')) fail("a named class");
    if (c == '\\') {
      if (!more()) fail("a lone backslash");
      if (text_[at_] == 'b' || text_[at_] == 'B') fail("\\b in a class");
      set = escape();
    } else {
      set[static_cast<unsigned char>(c)] = true;
    }
    for (unsigned x = 0; x < 256; ++x) {
      if (set[x]) byte = x;
    }
    return set;
  }

  std::string_view text_;
  bool caseless_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

const std::array<std::uint8_t, 256>& text_contexts() {
  static const std::array<std::uint8_t, 256> kContexts = [] {
    std::array<std::uint8_t, 256> contexts{};
    for (unsigned c = 0; c < 256; ++c) contexts[c] = is_word(c) ? kWordByte : c == '\n' ? kNewline : kOtherByte;
    return contexts;
  }();
  return kContexts;
}

bool holds(TextAssertion assertion, std::uint8_t before, std::uint8_t after) {
  switch (assertion) {
    case TextAssertion::kLineBegin:
      return before == kNewline;
    case TextAssertion::kLineEnd:
      return after == kNewline;
    case TextAssertion::kWordBoundary:
      return (before == kWordByte) != (after == kWordByte);
    case TextAssertion::kNotWordBoundary:
      return (before == kWordByte) == (after == kWordByte);
  }
  return false;
}

std::uint32_t TextRegex::min_length() const {
  std::uint32_t length = 0;
  switch (kind) {
    case Kind::kSet:
      return 1;
    case Kind::kConcat:
      for (const Regex& part : parts) length = plus(length, part->min_length());
      return length;
    case Kind::kAlternate:
      length = kUnlimited;
      for (const Regex& part : parts) length = std::min(length, part->min_length());
      return length;
    case Kind::kRepeat:
      return times(least, parts[0]->min_length());
    default:
      return 0;
  }
}

std::uint32_t TextRegex::max_length() const {
  std::uint32_t length = 0;
  switch (kind) {
    case Kind::kSet:
      return 1;
    case Kind::kConcat:
      for (const Regex& part : parts) length = plus(length, part->max_length());
      return length;
    case Kind::kAlternate:
      for (const Regex& part : parts) length = std::max(length, part->max_length());
      return length;
    case Kind::kRepeat:
      return times(most, parts[0]->max_length());
    default:
      return 0;
  }
}

bool TextRegex::can_hold_newline() const {
  if (kind == Kind::kSet) return set['\n'];
  return std::any_of(parts.begin(), parts.end(), [](const Regex& part) { return part->can_hold_newline(); });
}

std::unique_ptr<TextRegex> parse_text_regex(std::string_view expression, bool caseless) {
  Regex regex = Parser(expression, caseless).parse();
  if (regex->min_length() == 0) {
    throw Error("code::parse_text_regex", fmt::format("{}: matches the empty text", expression));
  }
  return regex;
}

std::string escaped_regex(std::string_view literal) {
  std::string out;
  for (const char c : literal) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (is_word(byte) || byte == ' ') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  return out;
}

void TextNfa::add(const TextRegex& regex, std::uint32_t pattern, bool backwards) {
  Node accept;
  accept.kind = Kind::kAccept;
  accept.pattern = pattern;
  nodes.push_back(accept);
  starts.push_back(build(regex, static_cast<std::uint32_t>(nodes.size() - 1), backwards));
}

// The entry of an automaton for `regex` that goes on at `next`.
std::uint32_t TextNfa::build(const TextRegex& regex, std::uint32_t next, bool backwards) {
  if (nodes.size() > 100000) throw Error("code::TextNfa", "the patterns are too large");
  const auto push = [&](Node node) {
    nodes.push_back(node);
    return static_cast<std::uint32_t>(nodes.size() - 1);
  };
  switch (regex.kind) {
    case TextRegex::Kind::kEmpty:
      return next;
    case TextRegex::Kind::kSet: {
      Node node;
      node.kind = Kind::kSet;
      node.set = static_cast<std::uint32_t>(sets.size());
      node.out = next;
      sets.push_back(regex.set);
      return push(node);
    }
    case TextRegex::Kind::kAssert: {
      Node node;
      node.kind = Kind::kAssert;
      node.assertion = regex.assertion;
      if (backwards && regex.assertion == TextAssertion::kLineBegin) node.assertion = TextAssertion::kLineEnd;
      if (backwards && regex.assertion == TextAssertion::kLineEnd) node.assertion = TextAssertion::kLineBegin;
      node.out = next;
      return push(node);
    }
    case TextRegex::Kind::kConcat:
      if (backwards) {
        for (const auto& part : regex.parts) next = build(*part, next, backwards);
      } else {
        for (auto part = regex.parts.rbegin(); part != regex.parts.rend(); ++part)
          next = build(**part, next, backwards);
      }
      return next;
    case TextRegex::Kind::kAlternate: {
      std::uint32_t entry = kNone;
      for (const auto& part : regex.parts) {
        const std::uint32_t branch = build(*part, next, backwards);
        if (entry == kNone) {
          entry = branch;
          continue;
        }
        Node node;
        node.out = entry;
        node.other = branch;
        entry = push(node);
      }
      return entry;
    }
    case TextRegex::Kind::kRepeat: {
      if (regex.most == TextRegex::kUnlimited) {
        const std::uint32_t loop = push({});
        const std::uint32_t body = build(*regex.parts[0], loop, backwards);
        nodes[loop].out = body;
        nodes[loop].other = next;
        next = loop;
      } else {
        const std::uint32_t after = next;
        for (std::uint32_t i = regex.least; i < regex.most; ++i) {
          Node node;
          node.out = build(*regex.parts[0], next, backwards);
          node.other = after;
          next = push(node);
        }
      }
      for (std::uint32_t i = 0; i < regex.least; ++i) next = build(*regex.parts[0], next, backwards);
      return next;
    }
  }
  return next;
}

std::vector<std::uint32_t> TextNfa::reach(const std::vector<std::uint32_t>& from) const {
  std::vector<std::uint32_t> found, open = from;
  std::vector<bool> seen(nodes.size(), false);
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (at == kNone || seen[at]) continue;
    seen[at] = true;
    if (nodes[at].kind != Kind::kSplit) {
      found.push_back(at);
      continue;
    }
    open.push_back(nodes[at].out);
    open.push_back(nodes[at].other);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::uint32_t> TextNfa::pass(const std::vector<std::uint32_t>& from, std::uint8_t before,
                                         std::uint8_t after) const {
  std::vector<std::uint32_t> found, open = from;
  std::vector<bool> seen(nodes.size(), false);
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (at == kNone || seen[at]) continue;
    seen[at] = true;
    const Node& node = nodes[at];
    if (node.kind == Kind::kSplit) {
      open.push_back(node.out);
      open.push_back(node.other);
    } else if (node.kind == Kind::kAssert) {
      if (holds(node.assertion, before, after)) open.push_back(node.out);
    } else {
      found.push_back(at);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace jarvis2::code
