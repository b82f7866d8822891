// Loops, attributes, moves and small operations: before, after, and what must be left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/files.h"
#include "base/process.h"
#include "edit/cpp/test_support.h"

namespace jarvis2::edit::cpp {
namespace {

using testing::HasSubstr;

std::string made(const std::string& rule, const std::string& text, const std::string& path) {
  const std::vector<Proposal> list = proposals({{path, text}}, rule);
  if (list.size() != 1) return "proposed " + std::to_string(list.size());
  return patched({{path, text}}, list[0].changes).at(path);
}
std::string c(const std::string& rule, const std::string& text) {
  return made(rule, text, "a.c");
}
std::string cc(const std::string& rule, const std::string& text) {
  return made(rule, text, "a.cc");
}
constexpr const char* kNone = "proposed 0";

TEST(CppLoops, DotProductsBecomeRowUpdates) {
  const std::string text =
      "void f(int n, double a[9][9], double b[9][9], double c[9][9]) {\n  for (int i = 0; i < n; i++)\n    for (int j "
      "= 0; j < n; j++) {\n"
      "      double s = 0;\n      for (int k = 0; k < n; k++) s += a[i][k] * b[k][j];\n      c[i][j] = s;\n    }\n}\n";
  const std::string result = c("c/dot-to-rows", text);
  EXPECT_THAT(result, HasSubstr("for (int j = 0; j < n; j++) c[i][j] = 0;"));
  EXPECT_THAT(result, HasSubstr("for (int j = 0; j < n; j++) c[i][j] += a[i][k] * b[k][j];"));
  EXPECT_EQ(c("c/dot-to-rows",
              "void f(int n, double a[9][9], double c[9][9]) { for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) "
              "{ double s = 0; "
              "for (int k = 0; k < n; k++) s += a[i][k] * c[k][j]; c[i][j] = s; } }"),
            kNone);
}

TEST(CppLoops, ColumnsAreWalkedAlongRows) {
  EXPECT_THAT(
      c("c/loop-interchange",
        "void f(int n, int a[9][9]) { for (int j = 0; j < n; j++) for (int i = 0; i < n; i++) a[i][j] = i + j; }"),
      HasSubstr("for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) a[i][j] = i + j;"));
  EXPECT_EQ(c("c/loop-interchange",
              "void f(int n, int a[9][9]) { for (int i = 0; i < n; i++) for (int j = 0; j < n; j++) a[i][j] = 1; }"),
            kNone);
  EXPECT_EQ(c("c/loop-interchange",
              "void f(int n, int a[9][9]) { for (int j = 0; j < n; j++) for (int i = 0; i < j; i++) a[i][j] = 1; }"),
            kNone);
  EXPECT_EQ(c("c/loop-interchange",
              "void f(int n, int a[9][9]) { for (int j = 0; j < n; j++) for (int i = 1; i < n; i++) a[i][j] = a[i - "
              "1][j + 1]; }"),
            kNone);
  EXPECT_EQ(c("c/loop-interchange",
              "double f(int n, double a[9][9]) { double s = 0; for (int j = 0; j < n; j++) for (int i = 0; i < n; i++) "
              "s += a[i][j]; return s; }"),
            kNone)
      << "the order of a floating point sum";
}

TEST(CppLoops, NeighboursAreFused) {
  EXPECT_THAT(c("c/loop-fusion",
                "void f(int n, int *a, int *b) {\n  for (int i = 0; i < n; i++) {\n    a[i] = i;\n  }\n  for (int i = "
                "0; i < n; i++) {\n    b[i] = a[i];\n  }\n}"),
              HasSubstr("    a[i] = i;\n    b[i] = a[i];\n  }\n}"));
  EXPECT_EQ(c("c/loop-fusion",
              "void f(int n, int *a, int *b) { for (int i = 0; i < n; i++) { a[i] = i; } for (int i = 0; i < n; i++) { "
              "b[i] = a[i + 1]; } }"),
            kNone);
  EXPECT_EQ(c("c/loop-fusion",
              "void f(int n) { for (int i = 0; i < n; i++) { g(i); } for (int i = 0; i < n; i++) { h(i); } }"),
            kNone);
}

TEST(CppLoops, CopiesAndConcatenationsUseTheLibrary) {
  EXPECT_THAT(c("c/loop-to-memcpy", "void f(int n, int *d, const int *s) { for (int i = 0; i < n; i++) d[i] = s[i]; }"),
              HasSubstr("if (n > 0) memcpy(d, s, (size_t)n * sizeof d[0]);"));
  EXPECT_EQ(c("c/loop-to-memcpy", "void f(int n, int *d, const char *s) { for (int i = 0; i < n; i++) d[i] = s[i]; }"),
            kNone);
  EXPECT_THAT(c("c/strcat-to-end",
                "void f(char *o, char **w, int n) {\n  for (int i = 0; i < n; i++) {\n    strcat(o, w[i]);\n  }\n}"),
              HasSubstr("  char *o_end_2 = o + strlen(o);\n  for (int i = 0; i < n; i++) {\n    strcpy(o_end_2, w[i]); "
                        "o_end_2 += strlen(o_end_2);\n"));
  EXPECT_EQ(c("c/strcat-to-end",
              "void f(char *o, char **w, int n) { for (int i = 0; i < n; i++) { strcat(o, w[i]); o[0] = 0; } }"),
            kNone);
}

TEST(CppLoops, PragmasKnowTheirLimits) {
  EXPECT_THAT(c("c/unroll",
                "int f(const int *a, int n) {\n  int s = 0;\n  for (int i = 0; i < n; i++) s += a[i];\n  return s;\n}"),
              HasSubstr("  #pragma GCC unroll 4\n  for (int i"));
  EXPECT_EQ(c("c/unroll", "void f(int n) {\n  for (int i = 0; i < n; i++) if (g(i)) break;\n}"), kNone);
  EXPECT_THAT(c("c/ivdep", "void f(int *d, const int *s, int n) {\n  for (int i = 0; i < n; i++) d[i] = s[i] * 2;\n}"),
              HasSubstr("#pragma GCC ivdep"));
  EXPECT_EQ(
      c("c/ivdep", "void f(int *d, const int *s, int n) {\n  for (int i = 1; i < n; i++) d[i] = d[i - 1] + s[i];\n}"),
      kNone);
}

TEST(CppFunctions, LinkageAndAttributes) {
  EXPECT_THAT(c("c/internal-linkage", "int help(int x) { return x; }\nint main(void) { return help(1); }\n"),
              HasSubstr("static int help(int x)"));
  EXPECT_TRUE(proposals({{"a.c", "int help(int x) { return x; }\nint use(void) { return help(1); }"},
                         {"b.c", "int help(int); int g(void) { return help(2); }"}},
                        "c/internal-linkage")
                  .empty());
  EXPECT_THAT(c("c/always-inline",
                "static int h(int x) { return x * 3; }\nint f(int n) { int s = 0; for (int i = 0; i < n; i++) s += "
                "h(i); return s; }"),
              HasSubstr("__attribute__((always_inline)) inline static int h"));
  EXPECT_EQ(c("c/always-inline",
              "static int h(int x) { return x ? h(x - 1) : 0; }\nint f(int n) { int s = 0; for (int i = 0; i < n; i++) "
              "s += h(i); return s; }"),
            kNone);
  EXPECT_THAT(
      c("c/restrict", "void f(double *d, const double *s, int n) { for (int i = 0; i < n; i++) d[i] += s[i]; }"),
      HasSubstr("double * __restrict d, const double * __restrict s"));
  EXPECT_EQ(c("c/restrict",
              "void f(double *d, const double *s, int n) { for (int i = 0; i < n; i++) d[i] += s[i]; }\nvoid g(double "
              "*x) { f(x, x + 1, 3); }"),
            kNone);
  EXPECT_THAT(
      c("c/cold-error-path", "void die(const char *m) { puts(m); exit(1); }\nvoid f(int x) { if (x) die(\"x\"); }"),
      HasSubstr("__attribute__((cold, noinline)) void die"));
}

TEST(CppOperations, SmallOnes) {
  EXPECT_THAT(c("c/modulo-to-compare",
                "void f(int n, int m) { int p = 0; for (int i = 0; i < m; i++) { p = (p + 1) % n; use(p); } }"),
              HasSubstr("p = (p + 1 == n ? 0 : p + 1);"));
  EXPECT_EQ(
      c("c/modulo-to-compare", "void f(int n, int m) { int p = 0; for (int i = 0; i < m; i++) p = (p + 2) % n; }"),
      kNone);
  EXPECT_THAT(
      c("c/branch-to-select",
        "int f(const int *a, int n) { int m = 0; for (int i = 0; i < n; i++) if (a[i] > m) m = a[i]; return m; }"),
      HasSubstr("m = a[i] > m ? a[i] : m;"));
  EXPECT_EQ(c("c/branch-to-select",
              "void f(const int *a, int n, int *m) { for (int i = 0; i < n; i++) if (a[i] > *m) *m = a[i]; }"),
            kNone);
  EXPECT_THAT(c("c/count-without-branch",
                "int f(const int *a, int n) { int k = 0; for (int i = 0; i < n; i++) if (a[i] > 3) k++; return k; }"),
              HasSubstr("k += (a[i] > 3);"));
  EXPECT_THAT(c("c/popcount", "int f(unsigned x) { int k = 0; while (x) { k += x & 1; x >>= 1; } return k; }"),
              HasSubstr("{ k += __builtin_popcount(x); x = 0; }"));
  EXPECT_EQ(c("c/popcount", "int f(int x) { int k = 0; while (x) { k += x & 1; x >>= 1; } return k; }"), kNone)
      << "a negative number never ends";
  EXPECT_THAT(c("c/float-literal", "float f(float x) { return x * 0.5; }"), HasSubstr("x * 0.5f"));
  EXPECT_EQ(c("c/float-literal", "double f(double x) { return x * 0.5; }"), kNone);
  EXPECT_THAT(
      c("c/unlikely", "int f(int *a, int n) { for (int i = 0; i < n; i++) { if (a[i] < 0) return -1; } return 0; }"),
      HasSubstr("if (__builtin_expect(!!(a[i] < 0), 0)) return -1;"));
  EXPECT_THAT(c("c/prefetch-next",
                "struct n { struct n *next; int v; };\nint f(struct n *p) { int s = 0; while (p) { s += p->v; p = "
                "p->next; } return s; }"),
              HasSubstr("__builtin_prefetch(p->next);"));
}

TEST(CppObjects, MoveAndBuildInPlace) {
  EXPECT_THAT(cc("cpp/move-last-use",
                 "#include <vector>\nvoid f(std::vector<std::string>& v, int n) { for (int i = 0; i < n; i++) { "
                 "std::string s = g(i); v.push_back(s); } }"),
              HasSubstr("v.push_back(std::move(s));"));
  EXPECT_EQ(cc("cpp/move-last-use",
               "void f(std::vector<std::string>& v) { std::string s = g(); v.push_back(s); use(s.size()); }"),
            kNone);
  EXPECT_EQ(cc("cpp/move-last-use",
               "void f(std::vector<std::string>& v, int n) { std::string s = g(); for (int i = 0; i < n; i++) "
               "v.push_back(s); }"),
            kNone);
  EXPECT_THAT(
      cc("cpp/emplace",
         "struct P { P(int a, int b) : x(a + b) {} int x; };\nvoid f(std::vector<P>& v) { v.push_back(P(1, 2)); }"),
      HasSubstr("v.emplace_back(1, 2);"));
  EXPECT_EQ(cc("cpp/emplace", "struct P { int a, b; };\nvoid f(std::vector<P>& v) { v.push_back(P{1, 2}); }"), kNone);
  EXPECT_THAT(cc("cpp/noexcept-move", "struct S { S(S&& o) : p(std::move(o.p)) {} std::string p; };"),
              HasSubstr("S(S&& o) noexcept : p"));
  EXPECT_THAT(cc("cpp/final-class", "struct B { virtual int f(); };\nstruct D : B { int f() override { return 1; } };"),
              HasSubstr("struct D final : B"));
  EXPECT_EQ(
      cc("cpp/final-class", "struct B { virtual int f(); };\nstruct D : B { int f() override; };\nstruct E : D {};")
          .find("struct D final"),
      std::string::npos);
}

TEST(CppAlgorithms, LessWorkForTheSameElement) {
  EXPECT_THAT(cc("cpp/sort-to-nth-element",
                 "int f(std::vector<int> v) { std::sort(v.begin(), v.end()); return v[v.size() / 2]; }"),
              HasSubstr("std::nth_element(v.begin(), v.begin() + (v.size() / 2), v.end());"));
  EXPECT_EQ(
      cc("cpp/sort-to-nth-element", "int f(std::vector<int> v) { std::sort(v.begin(), v.end()); return v[0] + v[1]; }"),
      kNone);
  EXPECT_EQ(cc("cpp/sort-to-nth-element", "int f(std::vector<int>& v) { std::sort(v.begin(), v.end()); return v[1]; }"),
            kNone)
      << "the caller sees the order";
  EXPECT_THAT(cc("cpp/at-to-subscript",
                 "int f(const std::vector<int>& v) { int s = 0; for (size_t i = 0; i < v.size(); i++) s += v.at(i); "
                 "return s; }"),
              HasSubstr("s += v[i];"));
  EXPECT_EQ(
      cc("cpp/at-to-subscript",
         "int f(const std::vector<int>& v, int n) { int s = 0; for (int i = 0; i < n; i++) s += v.at(i); return s; }"),
      kNone);
  EXPECT_THAT(cc("cpp/function-to-template",
                 "static int f(const std::function<int(int)>& g) { return g(1); }\nint h() { return f([](int x) { "
                 "return x; }); }"),
              HasSubstr("template <typename Callable>\nstatic int f(const Callable& g)"));
}

// Programs that print a digest: built as they are, with everything applied, and with random combinations.
const Texts& programs() {
  static const Texts texts = {
      {"words.c",
       "#include <ctype.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nstruct bag { int n, cap; "
       "unsigned *h; };\n"
       "unsigned hash(const char *w) {\n  unsigned h = 7;\n  for (size_t i = 0; i < strlen(w); i++) h = h * 31 + "
       "(unsigned char)w[i];\n  return h;\n}\n"
       "void lower(char *w) {\n  for (size_t i = 0; i < strlen(w); i++) w[i] = (char)tolower((unsigned char)w[i]);\n}\n"
       "void add(struct bag *b, unsigned h) {\n  if (b->n == b->cap) {\n    b->cap += 16;\n    b->h = realloc(b->h, "
       "b->cap * sizeof *b->h);\n  }\n  b->h[b->n++] = h;\n}\n"
       "int common(const char **list, int n, const char *w) {\n  for (int i = 0; i < n; i++) {\n    if "
       "(strcmp(list[i], w) == 0) return i;\n  }\n  return -1;\n}\n"
       "void scale(double *out, const double *in, int n, double *sum) {\n  for (int i = 0; i < n; i++) out[i] = in[i] "
       "* 1.5;\n  for (int i = 0; i < n; i++) {\n    *sum += out[i];\n  }\n}\n"
       "int main(void) {\n  const char *list[] = {\"the\", \"cat\", \"sat\", \"mat\"};\n  char text[64];\n  struct bag "
       "b = {0, 0, NULL};\n  double in[50], out[50], sum = 0;\n"
       "  static double m[20][20], p[20][20], q[20][20];\n  unsigned bits = 0xf0f0u, wrap = 0, n = 7;\n  int ones = 0, "
       "best = 0;\n"
       "  for (int i = 0; i < 200; i++) {\n    snprintf(text, sizeof text, \"%sWORD%d\", list[i % 4], i % 23);\n    "
       "lower(text);\n    add(&b, hash(text) + (unsigned)common(list, 4, list[i % 4]));\n  }\n"
       "  for (int i = 0; i < 50; i++) in[i] = i * 0.25;\n  scale(out, in, 50, &sum);\n"
       "  for (int i = 0; i < 20; i++)\n    for (int j = 0; j < 20; j++) {\n      m[i][j] = i * 0.5 + j;\n      "
       "p[i][j] = i - j * 0.25;\n    }\n"
       "  for (int i = 0; i < 20; i++)\n    for (int j = 0; j < 20; j++) {\n      double s = 0;\n      for (int k = 0; "
       "k < 20; k++) s += m[i][k] * p[k][j];\n      q[i][j] = s;\n    }\n"
       "  while (bits) {\n    bits &= bits - 1;\n    ones++;\n  }\n  for (int i = 0; i < b.n; i++) {\n    wrap = (wrap "
       "+ 1) % n;\n    if ((int)(b.h[i] % 100) > best) best = (int)(b.h[i] % 100);\n  }\n"
       "  unsigned digest = 0;\n  for (int i = 0; i < b.n; i++) digest = digest * 31 + b.h[i];\n  for (int i = 0; i < "
       "20; i++) sum += q[i][19 - i];\n"
       "  printf(\"%u %d %u %d %.17g\\n\", digest, ones, wrap, best, sum);\n  free(b.h);\n  return 0;\n}\n"},
      {"shop.cc",
       "#include <algorithm>\n#include <iostream>\n#include <list>\n#include <map>\n#include <set>\n#include "
       "<string>\n#include <vector>\n"
       "struct Item { std::string name; int price = 0; std::vector<int> days; };\n"
       "class Shop {\n public:\n  void add(Item item) { items_[item.name] = item; }\n  Item item(std::string name) "
       "const { return items_.at(name); }\n"
       "  int total(std::string name) {\n    if (items_.count(name) == 0) return 0;\n    int sum = 0;\n    for (auto d "
       ": items_.at(name).days) sum += d;\n    return sum;\n  }\n"
       "  std::vector<std::string> names() const {\n    std::vector<std::string> result;\n    for (auto entry : "
       "items_) result.push_back(entry.first);\n    return result;\n  }\n"
       " private:\n  std::map<std::string, Item> items_;\n};\n"
       "std::string join(std::vector<std::string> parts, std::string by) {\n  std::string text;\n  for (size_t i = 0; "
       "i < parts.size(); i++) {\n    if (i > 0) text = text + by;\n    text = text + parts.at(i);\n  }\n  return "
       "text;\n}\n"
       "bool starts(std::string a, std::string b) { return a.substr(0, b.size()) == b; }\n"
       "int main() {\n  Shop shop;\n  std::map<int, int> seen;\n  std::set<int> once;\n  std::list<int> queue;\n  "
       "std::vector<bool> flags(100, false);\n"
       "  for (int i = 0; i < 60; i++) {\n    Item item;\n    item.name = \"n\" + std::to_string(i * 7 % 40);\n    for "
       "(int d = 0; d < i % 5; d++) item.days.push_back(d * i);\n    shop.add(item);\n"
       "    seen[i % 9] += i;\n    if (seen[i % 9] > 50) seen[i % 9] -= 3;\n    once.insert(i * i % 31);\n    "
       "queue.push_back(i);\n    if (i % 3 == 0) queue.pop_front();\n    flags[i * 3 % 100] = true;\n  }\n"
       "  int sum = 0, set = 0;\n  std::vector<std::string> names = shop.names();\n  for (auto name : names) {\n    "
       "sum += shop.total(name) + static_cast<int>(shop.item(name).days.size());\n    if (starts(name, \"n1\")) "
       "sum++;\n  }\n"
       "  for (int i = 0; i < 100; i++) {\n    if (flags[i]) set++;\n  }\n  for (int q : queue) sum += q;\n"
       "  std::sort(names.begin(), names.end(), [](std::string a, std::string b) { return b < a; });\n  "
       "std::vector<int> prices;\n  for (int i = 0; i < 9; i++) prices.push_back(seen[i]);\n"
       "  std::sort(prices.begin(), prices.end());\n  std::cout << join(names, \",\") << std::endl;\n  std::cout << "
       "sum << ' ' << set << ' ' << once.size() << ' ' << prices[4] << std::endl;\n  return 0;\n}\n"}};
  return texts;
}

std::string run(const std::string& path, const std::string& text) {
  TempDir dir;
  write_file_atomic(dir.path() / path, text);
  SpawnOptions build;
  build.argv = {
      "sh", "-c",
      (path.ends_with(".c") ? "cc -std=gnu11 -O2 -w " : "c++ -std=c++17 -O1 -w ") + path + " -o p -lm && ./p"};
  build.cwd = dir.path();
  const ProcessResult result = run_process(build, 120);
  return result.ok() ? result.out : "failed: " + result.err + text;
}

TEST(CppDifferential, CombinationsPrintTheSame) {
  if (find_program("cc").empty() || find_program("c++").empty()) GTEST_SKIP() << "no compiler";
  std::mt19937 random(20251122);
  for (const auto& [path, text] : programs()) {
    const std::string expected = run(path, text);
    ASSERT_EQ(expected.find("failed"), std::string::npos) << expected;
    std::vector<Proposal> list = proposals({{path, text}}, "");
    std::set<std::string> rules;
    for (const Proposal& proposal : list) rules.insert(proposal.rule);
    EXPECT_GE(rules.size(), 12u) << path;
    EXPECT_EQ(run(path, apply_all({{path, text}}, list).at(path)), expected) << "all of " << path;
    for (int round = 0; round < 3; ++round) {
      std::shuffle(list.begin(), list.end(), random);
      const std::vector<Proposal> some(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2));
      EXPECT_EQ(run(path, apply_all({{path, text}}, some).at(path)), expected)
          << "combination " << round << " of " << path;
    }
  }
}

// What the search does after a step: proposals on text that was already rewritten.
TEST(CppDifferential, RewrittenTextIsRewrittenAgain) {
  if (find_program("cc").empty()) GTEST_SKIP() << "no compiler";
  Texts texts = {{"words.c", programs().at("words.c")}};
  const std::string expected = run("words.c", texts.at("words.c"));
  for (int round = 0; round < 3; ++round) texts = apply_all(texts, proposals(texts, ""));
  EXPECT_EQ(run("words.c", texts.at("words.c")), expected);
}

}  // namespace
}  // namespace jarvis2::edit::cpp
