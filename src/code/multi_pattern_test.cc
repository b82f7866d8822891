#include "code/multi_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hs/hs.h>

#include <random>

#include "base/error.h"

namespace jarvis2::code {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<TextMatch> scan(const std::vector<TextPattern>& patterns, std::string_view text, PatternEngine engine) {
  return MultiPattern(patterns).scan(text, engine);
}

class BothEngines : public testing::TestWithParam<PatternEngine> {};
INSTANTIATE_TEST_SUITE_P(Engines, BothEngines, testing::Values(PatternEngine::kVectorscan, PatternEngine::kAutomaton));

TEST_P(BothEngines, EveryEndOnceWithTheLeftmostBegin) {
  EXPECT_THAT(scan({{"ab+"}}, "xabb", GetParam()), ElementsAre(TextMatch{0, 1, 3}, TextMatch{0, 1, 4}));
  EXPECT_THAT(scan({{"a|ba"}, {"b", true}}, "bba", GetParam()),
              ElementsAre(TextMatch{1, 0, 1}, TextMatch{1, 1, 2}, TextMatch{0, 1, 3}));
  EXPECT_THAT(distinct(scan({{"[a-z]+"}}, "ab cd", GetParam())), ElementsAre(TextMatch{0, 0, 2}, TextMatch{0, 3, 5}));
}

TEST_P(BothEngines, BoundariesOfWordsAndLines) {
  EXPECT_THAT(scan({{"\\bTODO\\b"}}, "TODO TODOS xTODO\nTODO", GetParam()),
              ElementsAre(TextMatch{0, 0, 4}, TextMatch{0, 17, 21}));
  EXPECT_THAT(scan({{"^a.$"}}, "ab\nxab\nac", GetParam()), ElementsAre(TextMatch{0, 0, 2}, TextMatch{0, 7, 9}));
  EXPECT_THAT(scan({{"a\\Bb"}, {"todo", false, true}}, "ab ToDo", GetParam()),
              ElementsAre(TextMatch{0, 0, 2}, TextMatch{1, 3, 7}));
}

TEST_P(BothEngines, AnyBytes) {
  const std::string text("\0\xff\n.*\\", 6);
  EXPECT_THAT(scan({{std::string("\0\xff", 2), true}, {".*\\", true}, {"\\xff$"}}, text, GetParam()),
              ElementsAre(TextMatch{0, 0, 2}, TextMatch{2, 1, 2}, TextMatch{1, 3, 6}));
  EXPECT_TRUE(scan({{"a"}}, "", GetParam()).empty());
  EXPECT_TRUE(scan({}, "a", GetParam()).empty());
}

TEST(MultiPattern, RefusesWhatItDoesNotUnderstand) {
  for (const char* bad :
       {"a(", "a)", "[a", "a{2", "a{3,2}", "(?=a)", "\\1", "a*", "", "x**", "\\q", "[[:alpha:]]", "a{2000}"}) {
    EXPECT_THROW(MultiPattern({{bad}}), Error) << bad;
  }
  try {
    MultiPattern({{"a"}, {"b\\p"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("b\\p"));
  }
}

TEST(MultiPattern, WhatNoAutomatonHoldsIsLeftToVectorscan) {
  const MultiPattern patterns({{"a\\s+b"}, {"ab"}, {"b.{200}c.{200}c"}});
  EXPECT_THAT(patterns.automata().left_out, ElementsAre(0, 2));  // no bound; too many states
  EXPECT_EQ(patterns.scan("a \n b ab", PatternEngine::kAutomaton),
            patterns.scan("a \n b ab", PatternEngine::kVectorscan));
  EXPECT_EQ(patterns.scan("a \n b ab", PatternEngine::kAutomaton).size(), 2u);
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned limit) { return static_cast<unsigned>(engine_() % limit); }
  std::string text(unsigned length, const std::string& letters) {
    std::string out;
    for (unsigned i = 0; i < length; ++i) out += letters[below(static_cast<unsigned>(letters.size()))];
    return out;
  }
  std::string regex(int depth) {
    switch (depth <= 0 ? below(4) : below(9)) {
      case 0:
      case 1:
        return text(1 + below(3), "ab_ ");
      case 2: {
        static const char* const kSets[] = {"[ab]", "[^a\\n]", "\\w", "\\d", ".", "[a-c_]", "\\n", "[^b]"};
        return kSets[below(8)];
      }
      case 3: {
        static const char* const kParts[] = {"\\ba", "b\\b", "^a", "b$", "a\\B"};
        return kParts[below(5)];
      }
      case 4:
      case 5:
        return regex(depth - 1) + regex(depth - 1);
      case 6:
        return "(" + regex(depth - 1) + "|" + regex(depth - 1) + ")";
      default: {
        static const char* const kTimes[] = {"?", "*", "+", "{2}", "{1,3}", "{2,}"};
        return "(" + regex(depth - 1) + ")" + kTimes[below(6)];
      }
    }
  }

 private:
  std::mt19937 engine_;
};

struct Leftmost {
  std::vector<TextMatch> matches;
};
int on_leftmost(unsigned id, unsigned long long from, unsigned long long to, unsigned, void* context) {
  static_cast<Leftmost*>(context)->matches.push_back(
      {id, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)});
  return 0;
}

// Patterns and texts by chance: the automata give what Vectorscan gives, cut up or not; begins are those of its own
// leftmost mode.
TEST(MultiPattern, AutomataEqualVectorscan) {
  Random random(7);
  int compared = 0, cut = 0, begins = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<TextPattern> patterns;
    while (patterns.size() < 1 + static_cast<std::size_t>(round % 5)) {
      TextPattern pattern{random.regex(3), false, random.below(4) == 0};
      try {
        MultiPattern alone({pattern});
      } catch (const Error&) {
        continue;  // matches the empty text, or Vectorscan has no use for it
      }
      patterns.push_back(std::move(pattern));
    }
    const MultiPattern many(patterns);
    std::string names;
    for (const TextPattern& one : patterns) names += one.expression + "   ";
    for (int i = 0; i < 4; ++i) {
      const std::string text = random.text(random.below(60), "aabbAB_ c1\n\n");
      const std::vector<TextMatch> expected = many.scan(text, PatternEngine::kVectorscan);
      ASSERT_EQ(many.scan(text, PatternEngine::kAutomaton), expected) << names << "in " << testing::PrintToString(text);
      ++compared;
      // Cut into items, as a device gets it.
      const std::uint32_t half = static_cast<std::uint32_t>(text.size() / 2),
                          size = static_cast<std::uint32_t>(text.size());
      const std::vector<std::string_view> files = {std::string_view(text).substr(0, half),
                                                   std::string_view(text).substr(half)};
      const std::vector<std::vector<TextEnd>> whole = many.ends(files, 1, PatternEngine::kVectorscan);
      std::vector<TextEnd> wanted = whole[0];
      for (const TextEnd& one : whole[1]) wanted.push_back({one.pattern, one.end + half});
      std::erase_if(wanted, [&](const TextEnd& one) {
        const std::vector<std::uint32_t>& out = many.automata().left_out;
        return std::find(out.begin(), out.end(), one.pattern) != out.end();
      });
      std::vector<TextEnd> found;
      const std::vector<std::uint32_t> file_ends = {half, size};
      for (const PatternTables& tables : many.automata().groups) {
        const std::vector<PatternItem> items = pattern_items(text, file_ends, tables.overlap, 1 + random.below(9));
        const std::vector<TextEnd> part = run_host(tables, text, items);
        found.insert(found.end(), part.begin(), part.end());
        cut += items.size() > 2 ? 1 : 0;
      }
      std::sort(wanted.begin(), wanted.end());
      std::sort(found.begin(), found.end());
      ASSERT_EQ(found, wanted) << names << "in " << testing::PrintToString(text);
      // Begins, by Vectorscan itself, where it can tell.
      hs_database_t* database = nullptr;
      hs_compile_error_t* error = nullptr;
      const unsigned flags = HS_FLAG_MULTILINE | HS_FLAG_SOM_LEFTMOST | (patterns[0].caseless ? HS_FLAG_CASELESS : 0);
      if (hs_compile(patterns[0].expression.c_str(), flags, HS_MODE_BLOCK, nullptr, &database, &error) != HS_SUCCESS) {
        hs_free_compile_error(error);
        continue;
      }
      hs_scratch_t* scratch = nullptr;
      hs_alloc_scratch(database, &scratch);
      Leftmost leftmost;
      hs_scan(database, text.data(), static_cast<unsigned>(text.size()), 0, scratch, on_leftmost, &leftmost);
      hs_free_scratch(scratch);
      hs_free_database(database);
      for (const TextMatch& one : expected) {
        if (one.pattern != 0) continue;
        std::uint32_t begin = one.end;
        for (const TextMatch& other : leftmost.matches) {
          if (other.end == one.end) begin = std::min(begin, other.begin);
        }
        EXPECT_EQ(one.begin, begin) << patterns[0].expression << " in " << testing::PrintToString(text);
        ++begins;
      }
    }
  }
  EXPECT_GT(compared, 1000);
  EXPECT_GT(cut, 500);
  EXPECT_GT(begins, 500);
}

// Vectorscan 5.4.9 finds nothing here once the text is longer than a vector.
TEST(MultiPattern, AutomataFindWhatVectorscanMisses) {
  const std::string pad(100, ' ');
  for (const char* regex : {"\\?[^:?\\n]{1,40}:", "\\?[^:?\\n]+:"}) {
    const std::string text = pad + "? ++__idx : ++__ctr;" + pad;
    EXPECT_THAT(scan({{regex}}, text, PatternEngine::kAuto), ElementsAre(TextMatch{0, 100, 111})) << regex;
  }
}

TEST(MultiPattern, SmallTablesMakeMoreGroups) {
  Random random(3);
  std::vector<std::unique_ptr<TextRegex>> regexes;
  std::vector<TextPattern> patterns;
  for (int i = 0; i < 60; ++i) {
    patterns.push_back({random.text(4 + random.below(6), "abc_"), true});
    regexes.push_back(parse_text_regex(patterns.back().expression, false));
  }
  const TextAutomata one = make_automata(regexes), many = make_automata(regexes, 40);
  EXPECT_EQ(one.groups.size(), 1u);
  EXPECT_GT(many.groups.size(), 4u);
  const std::string text = random.text(3000, "abc_");
  const std::uint32_t size = static_cast<std::uint32_t>(text.size());
  const std::vector<PatternItem> items = pattern_items(text, {&size, 1}, 0, 100);
  std::vector<TextEnd> a = run_host(one.groups[0], text, items), b;
  for (const PatternTables& tables : many.groups) {
    const std::vector<TextEnd> part = run_host(tables, text, items);
    b.insert(b.end(), part.begin(), part.end());
  }
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  EXPECT_EQ(a, b);
  EXPECT_FALSE(a.empty());
}

TEST(MultiPattern, DeviceGivesTheSame) {
  set_pattern_device({"host twin", [](const PatternTables& tables, std::string_view text,
                                      std::span<const PatternItem> items) { return run_host(tables, text, items); }});
  const MultiPattern patterns({{"\\bdef [a-z]+"}, {"TODO", true}, {"x\\s+y"}});
  const std::vector<std::string_view> texts = {"def a\nTODO x", "", "y def bc TODO", "x\n\ny"};
  EXPECT_EQ(patterns.scan_all(texts, 2, PatternEngine::kDevice),
            patterns.scan_all(texts, 2, PatternEngine::kVectorscan));
  set_pattern_device({});
  EXPECT_THROW(patterns.scan_all(texts, 1, PatternEngine::kDevice), Error);
}

}  // namespace
}  // namespace jarvis2::code
