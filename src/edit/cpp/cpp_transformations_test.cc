// Before and after, and what must be left alone, for each transformation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edit/cpp/test_support.h"

namespace jarvis2::edit::cpp {
namespace {

using testing::HasSubstr;
using testing::Not;

// The text of `path` after the rule's only proposal (or its first, when `any`).
std::string after(const std::string& rule, const Texts& texts, const std::string& path, bool any = false) {
  const std::vector<Proposal> list = proposals(texts, rule);
  if (list.empty()) return "nothing proposed";
  if (!any && list.size() != 1) return "proposed " + std::to_string(list.size());
  EXPECT_EQ(list[0].rule, rule);
  EXPECT_TRUE(list[0].safety == Safety::kAlwaysSafe || !list[0].note.empty()) << rule;
  return patched(texts, list[0].changes).at(path);
}
std::string c(const std::string& rule, const std::string& text) {
  return after(rule, {{"a.c", text}}, "a.c");
}
std::string cc(const std::string& rule, const std::string& text) {
  return after(rule, {{"a.cc", text}}, "a.cc");
}
std::size_t count(const std::string& rule, const std::string& text, const std::string& path = "a.cc") {
  return proposals({{path, text}}, rule).size();
}

TEST(CppHoistInvariant, MovesACallOutOfTheCondition) {
  EXPECT_EQ(
      c("c/hoist-invariant",
        "int f(const char *s, char x) {\n    int n = 0;\n    for (int i = 0; i < strlen(s); i++)\n        n += s[i] "
        "== x;\n    return n;\n}\n"),
      "int f(const char *s, char x) {\n    int n = 0;\n    size_t strlen_s = strlen(s);\n    for (int i = 0; i "
      "< strlen_s; i++)\n        n += s[i] == x;\n    return n;\n}\n");
}

TEST(CppHoistInvariant, AddsBracesWhereASingleStatementStands) {
  EXPECT_THAT(
      c("c/hoist-invariant", "void f(const char *s, int k) { if (k) for (int i = 0; i < strlen(s); i++) put(i); }"),
      HasSubstr("if (k) { size_t strlen_s = strlen(s); for (int i = 0; i < strlen_s; i++) put(i); }"));
}

TEST(CppHoistInvariant, TakesPureFunctionsOfTheProject) {
  const std::string text =
      "struct t { int n; double w; };\nstatic double mean(struct t *t) { double s = 0; for (int i = 0; i < t->n; i++) "
      "s += "
      "i; return s; }\nvoid f(struct t *t, double *out) { for (int i = 0; i < 9; i++) { out[i] = mean(t) * i; } }";
  EXPECT_THAT(c("c/hoist-invariant", text), HasSubstr("double mean_t = mean(t);"));
}

TEST(CppHoistInvariant, LeavesWhatTheLoopChanges) {
  for (const char* body : {"s[i] = 0;", "s++;", "change(&s);", "char *p = s; *p = 0;"}) {
    EXPECT_EQ(count("c/hoist-invariant",
                    "void f(char *s) { for (int i = 0; i < strlen(s); i++) { " + std::string(body) + " } }", "a.c"),
              0u)
        << body;
  }
  EXPECT_EQ(
      count("c/hoist-invariant", "void f(std::vector<int>& v) { for (int i = 0; i < v.size(); i++) v.push_back(i); }"),
      0u);
  EXPECT_EQ(
      count("c/hoist-invariant", "int n; int g() { return n; } void h() { n++; } void f() { while (g() < 9) h(); }"),
      0u);
  EXPECT_EQ(
      count("c/hoist-invariant", "void f(int a, int b, int n) { for (int i = 0; i < n; i++) { if (b) use(a / b); } }"),
      0u)
      << "a division under a condition could fail where it was never made";
}

TEST(CppHoistField, CopiesABoundThatStoresCouldReach) {
  EXPECT_THAT(c("c/hoist-field",
                "struct b { int n; int *d; };\nvoid f(struct b *b, int *out) {\n  for (int i = 0; i < b->n; "
                "i++) out[i] = i;\n}\n"),
              HasSubstr("  int b_n_local = b->n;\n  for (int i = 0; i < b_n_local; i++) out[i] = i;\n"));
  EXPECT_EQ(count("c/hoist-field",
                  "struct b { int n; };\nvoid f(struct b *b, int *o) { for (int i = 0; i < b->n; i++) { o[i] = "
                  "i; b->n--; } }",
                  "a.c"),
            0u);
}

TEST(CppStrlenToTerminator, TestsTheCharacterInstead) {
  EXPECT_THAT(
      c("c/strlen-to-terminator", "void f(char *s) { for (size_t i = 0; i < strlen(s); i++) s[i] = up(s[i]); }"),
      HasSubstr("for (size_t i = 0; s[i] != '\\0'; i++)"));
  EXPECT_EQ(count("c/strlen-to-terminator", "void f(char *s) { for (size_t i = 0; i < strlen(s); i++) s[i + 1] = 0; }",
                  "a.c"),
            0u);
  EXPECT_EQ(
      count("c/strlen-to-terminator", "void f(char *s) { for (size_t i = 1; i < strlen(s); i++) put(s[i]); }", "a.c"),
      0u);
  EXPECT_EQ(
      count("c/strlen-to-terminator", "void f(char *s) { for (size_t i = 0; i < strlen(s); i++) { i++; } }", "a.c"),
      0u);
}

TEST(CppScalarPromotion, KeepsTheSumInALocal) {
  EXPECT_THAT(
      c("c/scalar-promotion",
        "void f(const double *a, double *out, int n) {\n  for (int i = 0; i < n; i++) {\n    *out += a[i];\n  }\n}\n"),
      HasSubstr("  double out_kept = *out;\n  for (int i = 0; i < n; i++) {\n    out_kept += a[i];\n  }\n  *out = "
                "out_kept;\n"));
  EXPECT_THAT(
      cc("c/scalar-promotion",
         "class S { double sum_ = 0; void add(const std::vector<double>& v) { for (double x : v) sum_ += x; } };"),
      HasSubstr("auto sum_kept = sum_;"));
  EXPECT_EQ(
      count("c/scalar-promotion",
            "void f(int *a, int *o, int n) { for (int i = 0; i < n; i++) { *o += a[i]; if (a[i] == 7) return; } }",
            "a.c"),
      0u);
  EXPECT_EQ(count("c/scalar-promotion",
                  "int t; void g() { put(t); } void f(int n) { for (int i = 0; i < n; i++) { t += i; g(); } }", "a.c"),
            0u);
  EXPECT_EQ(
      count("c/scalar-promotion", "void f(int *a, int n) { for (int i = 1; i < n; i++) { a[0] += a[i]; } }", "a.c"),
      0u);
}

TEST(CppReusePureCall, CallsOnce) {
  EXPECT_THAT(c("c/reuse-pure-call",
                "int f(const char *w, const char *e) {\n  if (strlen(w) < 3)\n    return 0;\n  return cmp(w + "
                "strlen(w));\n}\n"),
              HasSubstr("  size_t strlen_w = strlen(w);\n  if (strlen_w < 3)\n    return 0;\n  return "
                        "cmp(w + strlen_w);\n"));
  EXPECT_EQ(count("c/reuse-pure-call", "int f(char *w) { int a = strlen(w); w[0] = 0; return a + strlen(w); }", "a.c"),
            0u);
  EXPECT_EQ(count("c/reuse-pure-call",
                  "int n; int g(int x) { return x + n; } int f() { int a = g(1); n = 2; return a + g(1); }", "a.c"),
            0u);
}

TEST(CppPassByReference, ChangesDeclarationAndDefinition) {
  const Texts texts = {{"a.h", "#include <string>\nint count(std::string text, char c);\n"},
                       {"a.cc", "#include \"a.h\"\nint count(std::string text, char c) { return text.size() + c; }\n"}};
  EXPECT_THAT(after("cpp/pass-by-reference", texts, "a.h", true),
              HasSubstr("int count(const std::string& text, char c);"));
  EXPECT_THAT(after("cpp/pass-by-reference", texts, "a.cc", true),
              HasSubstr("int count(const std::string& text, char c) {"));
}

TEST(CppPassByReference, TakesComparatorsOfLambdas) {
  const std::string text =
      "struct R { std::string s; int k; };\nvoid f(std::vector<R>& v) { std::sort(v.begin(), v.end(), [](R a, const R& "
      "b) { return a.k < b.k; }); }";
  EXPECT_THAT(cc("cpp/pass-by-reference", text), HasSubstr("[](const R& a, const R& b)"));
}

TEST(CppPassByReference, LeavesWhatIsChangedMovedOrPointedTo) {
  for (const char* function :
       {"void f(std::string s) { s += \"x\"; }", "void f(std::string s) { g(std::move(s)); }",
        "std::string f(std::string s) { return s; }", "struct A { std::string m; A(std::string s) : m(s) {} };",
        "void f(std::string s) { keep = &s; }", "void f(int s) { use(s); }",
        "struct B { virtual int f(std::string s) { return s.size(); } };",
        "int f(std::string s) { return s.size(); } int (*p)(std::string) = f;",
        "int f(std::map<int, int> m, int k) { return m[k]; }"}) {
    EXPECT_EQ(count("cpp/pass-by-reference", function), 0u) << function;
  }
}

TEST(CppLoopReference, StopsCopyingElements) {
  EXPECT_THAT(cc("cpp/loop-reference", "void f(const std::vector<std::string>& v) { for (auto s : v) use(s.size()); }"),
              HasSubstr("for (const auto& s : v)"));
  EXPECT_THAT(cc("cpp/loop-reference", "void f(std::map<int, std::string> m) { for (auto [k, s] : m) use(s.size()); }"),
              HasSubstr("for (const auto& [k, s] : m)"));
  EXPECT_EQ(count("cpp/loop-reference",
                  "void f(std::vector<std::string> v) { for (auto s : v) { s += 'x'; use(s.size()); } }"),
            0u);
  EXPECT_EQ(count("cpp/loop-reference", "void f(std::vector<int> v) { for (auto s : v) use(s + 1); }"), 0u);
  EXPECT_EQ(count("cpp/loop-reference",
                  "void f(std::vector<std::string> v) { for (auto s : v) { v[0] = \"x\"; use(s.size()); } }"),
            0u);
}

TEST(CppCopyToReference, RefersToWhatStays) {
  EXPECT_THAT(cc("cpp/copy-to-reference",
                 "int f(const std::vector<std::string>& v, int i) { std::string s = v[i]; return s.size(); }"),
              HasSubstr("const std::string& s = v[i];"));
  EXPECT_EQ(count("cpp/copy-to-reference",
                  "int f(std::vector<std::string>& v) { std::string s = v.back(); v.pop_back(); return s.size(); }"),
            0u);
  EXPECT_EQ(count("cpp/copy-to-reference",
                  "int f(std::vector<std::string>& v) { std::string s = v[0]; s += 'x'; return s.size(); }"),
            0u);
}

TEST(CppReturnByReference, HandsOutTheMember) {
  const Texts texts = {
      {"a.h", "struct P { std::string n; };\nclass M {\n public:\n  P at(int i) const;\n  std::vector<P> m_;\n};\n"},
      {"a.cc",
       "#include \"a.h\"\nP M::at(int i) const { return m_.at(i); }\nint g(const M& m) { P p = m.at(1); return "
       "p.n.size(); }\n"}};
  EXPECT_THAT(after("cpp/return-by-reference", texts, "a.h", true), HasSubstr("const P& at(int i) const;"));
  EXPECT_THAT(after("cpp/return-by-reference", texts, "a.cc", true), HasSubstr("const P& M::at(int i) const {"));
  EXPECT_THAT(after("cpp/return-by-reference", texts, "a.cc", true), HasSubstr("const P& p = m.at(1);"));
  EXPECT_EQ(count("cpp/return-by-reference",
                  "struct P { std::string n; };\nstruct M { P p; P get() const { P q = p; return q; } };"),
            0u);
}

TEST(CppReserve, ReservesForEveryRound) {
  EXPECT_THAT(cc("cpp/reserve-before-push",
                 "void f(int n) {\n  std::vector<int> v;\n  for (int i = 0; i < n; i++) v.push_back(i);\n}"),
              HasSubstr("  v.reserve(v.size() + static_cast<std::size_t>(n));\n  for"));
  EXPECT_EQ(count("cpp/reserve-before-push",
                  "void f(int n) { std::vector<int> v; for (int i = 0; i < n; i++) if (i & 1) v.push_back(i); }"),
            0u);
  EXPECT_EQ(count("cpp/reserve-before-push",
                  "void f(int n) { std::vector<int> v; v.reserve(9); for (int i = 0; i < n; i++) v.push_back(i); }"),
            0u);
  EXPECT_THAT(
      cc("cpp/unordered-reserve",
         "void f(const std::vector<int>& w) {\n  std::unordered_map<int, int> m;\n  for (int x : w) m[x]++;\n}"),
      HasSubstr("m.reserve(m.size() + w.size());"));
}

TEST(CppDoubleLookup, FindsOnce) {
  EXPECT_THAT(
      cc("cpp/double-lookup-to-find",
         "int f(const std::map<int, int>& m, int k) {\n  if (m.count(k) > 0) {\n    return m.at(k);\n  }\n  "
         "return 0;\n}"),
      HasSubstr(
          "  const auto found_m_k_2 = m.find(k);\n  if (found_m_k_2 != m.end()) {\n    return found_m_k_2->second;\n"));
  EXPECT_THAT(cc("cpp/double-lookup-to-find",
                 "int f(std::map<int, int>& m, int k) {\n  if (m.count(k) == 0) return 0;\n  return m[k];\n}"),
              HasSubstr("if (found_m_k_2 == m.end()) return 0;\n  return found_m_k_2->second;"));
  EXPECT_EQ(count("cpp/double-lookup-to-find",
                  "int f(std::map<int, int>& m, int k) { if (m.count(k)) { k++; return m[k]; } return 0; }"),
            0u);
  EXPECT_EQ(count("cpp/double-lookup-to-find",
                  "int f(std::map<int, int>& m, int k) { if (m.count(k)) { m.erase(k); return m[k]; } return 0; }"),
            0u);
}

TEST(CppReuseMapSlot, KeepsAReference) {
  EXPECT_THAT(
      cc("cpp/reuse-map-slot", "void f(std::map<int, int>& m, int k) {\n  m[k] += 1;\n  if (m[k] > 3) m[k] = 0;\n}"),
      HasSubstr("  auto& slot_m_k = m[k];\n  slot_m_k += 1;\n  if (slot_m_k > 3) slot_m_k = 0;\n"));
  EXPECT_EQ(count("cpp/reuse-map-slot", "void f(std::map<int, int>& m, int k) { m[k] += 1; m.erase(k); m[k] = 0; }"),
            0u);
  EXPECT_EQ(count("cpp/reuse-map-slot", "void f(std::vector<int>& m, int k) { m[k] += 1; m[k] = 0; }"), 0u);
}

TEST(CppMapToUnordered, ChangesLocalsAndWhatTheyAreHandedTo) {
  const std::string text =
      "#include <map>\nint last(std::map<int, int> p, int k) { return p[k]; }\n"
      "int f(int n) { std::map<int, int> m; for (int i = 0; i < n; i++) m[i] = i; return last(m, 1); }\n";
  const std::string made = after("cpp/map-to-unordered", {{"a.cc", text}}, "a.cc", true);
  EXPECT_THAT(made, HasSubstr("int last(std::unordered_map<int, int> p, int k)"));
  EXPECT_THAT(made, HasSubstr("{ std::unordered_map<int, int> m;"));
  EXPECT_THAT(made, HasSubstr("#include <unordered_map>\n"));
}

TEST(CppMapToUnordered, LeavesWhatNeedsOrderOrHash) {
  for (const char* body : {"for (auto& e : m) use(e.first);", "use(m.begin()->first);", "m.lower_bound(3);",
                           "other(m);", "auto c = m; c.rbegin();"}) {
    EXPECT_EQ(count("cpp/map-to-unordered", "void f() { std::map<int, int> m; m[1] = 2; " + std::string(body) + " }"),
              0u)
        << body;
  }
  EXPECT_EQ(count("cpp/map-to-unordered", "void f() { std::map<std::pair<int, int>, int> m; m[{1, 2}] = 2; }"), 0u);
  EXPECT_EQ(count("cpp/set-to-unordered", "void f() { std::set<int, std::greater<int>> m; m.insert(2); }"), 0u);
}

TEST(CppLists, BecomeVectorOrDeque) {
  EXPECT_THAT(
      cc("cpp/list-to-vector",
         "#include <list>\nint f() { std::list<int> l; l.push_back(1); int s = 0; for (int x : l) s += x; return s; }"),
      HasSubstr("std::vector<int> l;"));
  EXPECT_EQ(count("cpp/list-to-vector", "void f() { std::list<int> l; l.push_front(1); }"), 0u);
  EXPECT_EQ(count("cpp/list-to-deque", "void f() { std::list<int> l; l.push_front(1); }"), 1u);
  EXPECT_EQ(count("cpp/list-to-deque", "void f() { std::list<int> l; l.push_front(1); l.sort(); }"), 0u);
  EXPECT_EQ(count("cpp/list-to-deque", "void f() { std::list<int> l; auto it = l.begin(); l.push_back(2); use(*it); }"),
            0u);
}

TEST(CppVectorBool, BecomesBytes) {
  EXPECT_THAT(cc("cpp/vector-bool-to-bytes",
                 "int f(int n) { std::vector<bool> p(n, true); p[0] = false; int c = 0; for (int i = 0; i < n; i++) if "
                 "(p[i]) c++; return c; }"),
              HasSubstr("std::vector<unsigned char> p(n, true);"));
  EXPECT_EQ(count("cpp/vector-bool-to-bytes", "void f(int n) { std::vector<bool> p(n); std::cout << p[0]; }"), 0u);
  EXPECT_EQ(count("cpp/vector-bool-to-bytes", "void f(int n) { std::vector<bool> p(n); p[1] = n; }"), 0u);
  EXPECT_EQ(count("cpp/vector-bool-to-bytes", "void f(int n) { std::vector<bool> p(n); p.flip(); }"), 0u);
}

TEST(CppStrings, GrowAndShrinkInPlace) {
  EXPECT_THAT(cc("cpp/string-plus-to-append", "void f(std::string s, std::string a) { s = s + a + \"x\"; }"),
              HasSubstr("{ s += a; s += \"x\"; }"));
  EXPECT_EQ(count("cpp/string-plus-to-append", "void f(std::string s) { s = s + s; }"), 0u);
  EXPECT_EQ(count("cpp/string-plus-to-append", "void f(int s) { s = s + 1; }"), 0u);
  EXPECT_THAT(
      cc("cpp/substr-to-compare", "bool f(std::string s, std::string p) { return s.substr(0, p.size()) == p; }"),
      HasSubstr("return s.compare(0, p.size(), p) == 0;"));
  EXPECT_THAT(cc("cpp/substr-to-shrink", "void f(std::string s) { s = s.substr(1); }"), HasSubstr("s.erase(0, 1);"));
  EXPECT_EQ(count("cpp/substr-to-shrink", "void f(std::string s, int n) { s = s.substr(0, n); }"), 0u);
}

TEST(CppBufferOutOfLoop, KeepsTheMemory) {
  EXPECT_THAT(cc("cpp/buffer-out-of-loop",
                 "void f(int n) {\n  for (int i = 0; i < n; i++) {\n    std::vector<int> v;\n    v.push_back(i);\n    "
                 "use(v.size());\n  }\n}"),
              HasSubstr("  std::vector<int> v;\n  for (int i = 0; i < n; i++) {\n    v.clear();\n"));
  EXPECT_THAT(
      cc("cpp/buffer-out-of-loop",
         "void f(int n) { for (int i = 0; i < n; i++) { std::vector<int> v(n, 7); v[0] = i; use(v.size()); } }"),
      HasSubstr("v.assign(n, 7);"));
  EXPECT_EQ(count("cpp/buffer-out-of-loop",
                  "int* f(int n) { for (int i = 0; i < n; i++) { std::vector<int> v; keep(&v); v.push_back(1); } }"),
            0u);
  EXPECT_EQ(
      count("cpp/buffer-out-of-loop",
            "std::string f(int n) { for (int i = 0; i < n; i++) { std::string v; v += 'x'; return v; } return {}; }"),
      0u);
}

TEST(CppStreams, FlushLess) {
  EXPECT_THAT(cc("cpp/endl-to-newline", "void f(std::ostream& o) { o << 1 << std::endl; }"),
              HasSubstr("o << 1 << '\\n';"));
  EXPECT_EQ(count("cpp/endl-to-newline", "void f() { std::cerr << 1 << std::endl; }"), 0u);
  EXPECT_THAT(cc("cpp/sync-with-stdio", "#include <iostream>\nint main() {\n  int x;\n  std::cin >> x;\n}\n"),
              HasSubstr("  std::ios::sync_with_stdio(false);\n  std::cin.tie(nullptr);\n  int x;"));
  EXPECT_EQ(
      count("cpp/sync-with-stdio", "#include <iostream>\nint main() { int x; std::cin >> x; printf(\"%d\", x); }\n"),
      0u);
}

TEST(CppUnlockedStdio, NeedsASingleThread) {
  EXPECT_THAT(c("c/unlocked-stdio",
                "#include <stdio.h>\nint f(FILE *in) { int c, n = 0; while ((c = getc(in)) != EOF) n++; return n; }"),
              HasSubstr("(c = getc_unlocked(in))"));
  EXPECT_EQ(
      count("c/unlocked-stdio",
            "#include <pthread.h>\nint f(FILE *in) { int c, n = 0; while ((c = getc(in)) != EOF) n++; return n; }",
            "a.c"),
      0u);
}

TEST(CppStaticConst, BuildsOnce) {
  EXPECT_THAT(
      cc("cpp/regex-once", "bool f(const std::string& s) { std::regex r(\"a+b\"); return std::regex_match(s, r); }"),
      HasSubstr("static const std::regex r(\"a+b\");"));
  EXPECT_EQ(
      count("cpp/regex-once",
            "bool f(const std::string& s, const std::string& p) { std::regex r(p); return std::regex_match(s, r); }"),
      0u);
  EXPECT_THAT(c("c/static-const-table", "int f(int m) { int days[] = {31, 28, 31, 30, 31}; return days[m]; }"),
              HasSubstr("static const int days[]"));
  EXPECT_EQ(count("c/static-const-table",
                  "int f(int m) { int days[] = {31, 28, 31, 30, 31}; days[1]++; return days[m]; }", "a.c"),
            0u);
  EXPECT_EQ(count("c/static-const-table", "int f(int m) { int days[] = {31, m, 31, 30, 31}; return days[m]; }", "a.c"),
            0u);
}

TEST(CppPow, BecomesAProduct) {
  EXPECT_THAT(c("c/pow-to-multiply", "double f(double x) { return pow(x, 3); }"), HasSubstr("return (x * x * x);"));
  EXPECT_THAT(c("c/pow-to-multiply", "double f(double x, double y) { return pow(x + y, 0.5); }"),
              HasSubstr("sqrt(x + y)"));
  EXPECT_EQ(count("c/pow-to-multiply", "double f(double x, int n) { return pow(x, n) + pow(g(), 3); }", "a.c"), 0u);
}

TEST(CppGrowGeometrically, OnlyCapacities) {
  EXPECT_THAT(
      c("c/grow-geometrically", "void f(struct b *b) { b->cap += 64; b->p = realloc(b->p, b->cap * sizeof(int)); }"),
      HasSubstr("b->cap += b->cap + 64;"));
  EXPECT_EQ(count("c/grow-geometrically", "void f(int n) { n += 64; use(n); }", "a.c"), 0u);
}

TEST(CppCompareFirst, TestsACharacterBeforeTheCall) {
  EXPECT_THAT(c("c/compare-first-char",
                "int f(const char **w, int n, const char *k) { for (int i = 0; i < n; i++) if (strcmp(w[i], k) == 0) "
                "return i; return -1; }"),
              HasSubstr("if ((*w[i] == *k && strcmp(w[i], k) == 0)) return i;"));
  EXPECT_EQ(
      count("c/compare-first-char", "int f(const char *k) { for (;;) if (strcmp(next(), k) == 0) return 1; }", "a.c"),
      0u);
}

TEST(CppTransformations, KeepOutOfWhatTheParserDidNotUnderstand) {
  const std::string text = "void f(char *s) { for (int i = 0; i < strlen(s) @@ ; i++) use(s[i]; }";
  for (const Proposal& proposal : proposals({{"a.c", text}}, "")) ADD_FAILURE() << proposal.rule << proposal.title;
}

TEST(CppTransformations, KeepCarriageReturns) {
  const std::string made =
      c("c/hoist-invariant",
        "void f(const char *s) {\r\n  for (int i = 0; i < strlen(s); i++)\r\n    put(s[i]);\r\n}\r\n");
  EXPECT_THAT(made, HasSubstr("strlen(s);\r\n  for"));
}

TEST(CppTransformations, HaveNamesAndStayWithinTheirRanges) {
  const std::string text =
      "int f(const char *s) { int n = 0; for (int i = 0; i < strlen(s); i++) n++; return n; }\nint g(const char *s) { "
      "int n = 0; for (int i = 0; i < strlen(s); i++) n++; return n; }\n";
  const code::Workspace workspace = workspace_of({{"a.c", text}});
  const code::Range second{static_cast<std::uint32_t>(text.find("int g")), static_cast<std::uint32_t>(text.size())};
  std::set<std::string> names;
  for (const std::unique_ptr<Transformation>& one : cpp_transformations()) {
    EXPECT_TRUE(names.insert(one->name()).second) << one->name();
    for (const Proposal& proposal : one->propose(workspace, workspace.files()[0], {second}))
      EXPECT_TRUE(proposal.site.overlaps(second)) << proposal.rule;
  }
}

}  // namespace
}  // namespace jarvis2::edit::cpp
