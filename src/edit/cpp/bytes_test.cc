// Transformations on bytes of text: what they write, what they leave alone, and that programs print the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/process.h"
#include "edit/cpp/test_support.h"

namespace jarvis2::edit::cpp {
namespace {

using testing::HasSubstr;

std::string c(const std::string& rule, const std::string& text) {
  const std::vector<Proposal> list = proposals({{"a.c", text}}, rule);
  if (list.size() != 1) return "proposed " + std::to_string(list.size());
  return patched({{"a.c", text}}, list[0].changes).at("a.c");
}
constexpr const char* kNone = "proposed 0";

TEST(CppBytes, CharacterClassesAreCompared) {
  EXPECT_THAT(c("c/ctype-to-ascii", "int f(const char* p) { int n = 0; while (isdigit(*p)) { p++; n++; } return n; }"),
              HasSubstr("while (((unsigned)(*p) - '0' <= 9u))"));
  EXPECT_THAT(c("c/ctype-to-ascii", "void f(char* p) { for (; *p; p++) *p = tolower((unsigned char)*p); }"),
              HasSubstr("*p = ((unsigned)((unsigned char)*p) - 'A' <= 25u ? ((unsigned char)*p) + 32 : "));
  EXPECT_EQ(c("c/ctype-to-ascii", "int f(int c) { return isdigit(c); }"), kNone) << "its value is used";
  EXPECT_EQ(c("c/ctype-to-ascii", "int f(const char* p) { if (isspace(*p++)) return 1; return 0; }"), kNone);
  EXPECT_EQ(c("c/ctype-to-ascii", "int f(int c) { setlocale(0, \"\"); if (isalpha(c)) return 1; return 0; }"), kNone);
  EXPECT_EQ(c("c/ctype-to-ascii",
              "int isspace(int c) { return c == 1; }\nint f(int c) { if (isspace(c)) return 1; return 0; }"),
            kNone);
}

TEST(CppBytes, SearchesForOneByteAreCalls) {
  EXPECT_THAT(c("c/byte-scan-to-memchr",
                "size_t f(const char* s, size_t n, size_t i) {\n  while (i < n && s[i] != '\\n') i++;\n  return i;\n}"),
              HasSubstr("= memchr(s + i, '\\n', (size_t)(n - i)); i = "));
  EXPECT_THAT(c("c/byte-scan-to-memchr",
                "const char* f(const char* p, const char* end) { while (p < end && *p != ',') ++p; return p; }"),
              HasSubstr("(const char *)memchr(p, ',', (size_t)(end - p))"));
  EXPECT_EQ(
      c("c/byte-scan-to-memchr", "int f(const int* s, int n, int i) { while (i < n && s[i] != 'x') i++; return i; }"),
      kNone);
  EXPECT_EQ(c("c/byte-scan-to-memchr",
              "int f(const char* s, int n, int i) { while (i < n && s[i] != 'x') i += 2; return i; }"),
            kNone);
  EXPECT_EQ(c("c/byte-scan-to-memchr",
              "int f(const char* s, int n, int i) { while (i < n && s[i] != 'x') { i++; n--; } return i; }"),
            kNone);
  EXPECT_THAT(c("c/byte-scan-to-strcspn",
                "const char* f(const char* p) { while (*p && *p != '\"' && *p != '\\'') p++; return p; }"),
              HasSubstr("p += strcspn(p, \"'\\\"\");"));
  EXPECT_EQ(c("c/byte-scan-to-strcspn", "const char* f(const char* p) { while (*p != 'x') p++; return p; }"), kNone);
}

TEST(CppBytes, DigitsAreWrittenWithoutFormat) {
  EXPECT_THAT(c("c/decimal-without-sprintf", "int f(char* out, int n) { return sprintf(out, \"%d\", n); }"),
              HasSubstr("return put_decimal_1(out, (int)n);"));
  EXPECT_EQ(c("c/decimal-without-sprintf", "int f(char* out, double n) { return sprintf(out, \"%d\", n); }"), kNone);
  EXPECT_EQ(c("c/decimal-without-sprintf", "int f(char* out, int n) { return sprintf(out, \"%5d\", n); }"), kNone);
  EXPECT_EQ(c("c/decimal-without-sprintf", "int f(int n) { char b[8]; return snprintf(b, sizeof b, \"%d\", n); }"),
            kNone)
      << "it may be cut off";
}

TEST(CppBytes, LimitedComparisonsKeepTheEmptyCase) {
  EXPECT_THAT(c("c/compare-first-char", "int f(const char* a, const char* b, int n) { return strncmp(a, b, n) == 0; }"),
              HasSubstr("(n == 0 || (*a == *b && strncmp(a, b, n) == 0))"));
  EXPECT_THAT(c("c/compare-first-char",
                "int f(const char* a, const char* b) { for (;;) if (strncmp(a, b, 4) != 0) return 1; }"),
              HasSubstr("(*a != *b || strncmp(a, b, 4) != 0)"));
}

std::string run(const std::string& text) {
  TempDir dir;
  write_file_atomic(dir.path() / "a.c", text);
  SpawnOptions build;
  build.argv = {"sh", "-c", "cc -std=gnu11 -O2 -w a.c -o a && ./a"};
  build.cwd = dir.path();
  const ProcessResult result = run_process(build, 120);
  return result.ok() ? result.out : "failed: " + result.err + text;
}

TEST(CppBytes, AllOfThemPrintTheSame) {
  if (find_program("cc").empty()) GTEST_SKIP() << "no compiler";
  const std::string text = R"(#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
static void classes(int c) {
  int n = 0;
  if (isdigit(c)) n += 1;
  if (isspace(c)) n += 2;
  if (!isalpha(c)) n += 4;
  if (isalnum(c) != 0) n += 8;
  if (isupper(c) || islower(c)) n += 16;
  if (isxdigit(c)) n += 32;
  if (isprint(c)) n += 64;
  printf("%d %d %d\n", n, tolower(c), toupper(c));
}
static size_t find(const char *s, size_t n, size_t i) {
  while (i < n && s[i] != 'o') i++;
  return i;
}
static const char *seek(const char *p, const char *end) {
  while (p < end && *p != 'w') ++p;
  return p;
}
static const char *stop(const char *p) {
  while (*p && *p != ',' && *p != 'r') p++;
  return p;
}
static void digits(long long n) {
  char a[64], b[32];
  int i = (int)n;
  unsigned u = (unsigned)n;
  printf("%d ", sprintf(a, "%lld", n));
  printf("%d ", snprintf(b, sizeof(b), "%d", i));
  printf("%s %s ", a, b);
  sprintf(a, "%u", u);
  printf("%s\n", a);
}
int main(void) {
  const char *text = "hello, world";
  for (int c = -1; c < 256; c++) classes(c);
  for (size_t i = 0; i <= 12; i++) printf("%zu ", find(text, 12, i));
  printf("%zu %d %d %d\n", find(text, 3, 0), (int)(seek(text, text + 12) - text), (int)(seek(text, text + 3) - text),
         (int)(stop(text) - text));
  digits(0), digits(7), digits(-1), digits(LLONG_MIN), digits(LLONG_MAX), digits(INT_MIN), digits(4294967295LL);
  return 0;
}
)";
  const std::string expected = run(text);
  ASSERT_EQ(expected.find("failed"), std::string::npos) << expected;
  for (const char* rule :
       {"c/ctype-to-ascii", "c/byte-scan-to-memchr", "c/byte-scan-to-strcspn", "c/decimal-without-sprintf"}) {
    const std::vector<Proposal> list = proposals({{"a.c", text}}, rule);
    EXPECT_FALSE(list.empty()) << rule;
    EXPECT_EQ(run(apply_all({{"a.c", text}}, list).at("a.c")), expected) << rule;
  }
}

}  // namespace
}  // namespace jarvis2::edit::cpp
