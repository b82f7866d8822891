// Reading numbers without strtod() and strtol(): where it is proposed, and that every text gives the same, bit by bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/process.h"
#include "edit/cpp/test_support.h"

namespace jarvis2::edit::cpp {
namespace {

using testing::HasSubstr;

std::string changed(const std::string& rule, const std::string& text, const std::string& path = "a.c") {
  const std::vector<Proposal> list = proposals({{path, text}}, rule);
  if (list.size() != 1) return "proposed " + std::to_string(list.size());
  return patched({{path, text}}, list[0].changes).at(path);
}
constexpr const char* kNone = "proposed 0";
constexpr const char* kDouble = "c/number-without-strtod";
constexpr const char* kInteger = "c/integer-without-strtol";

TEST(CppNumberParsing, CallsOfTheLibraryGoThroughOneHelper) {
  const std::string text =
      "#include <stdlib.h>\ndouble f(const char *s, char **e) { return strtod(s, e) + atof(s + 1); }\n";
  const std::string result = changed(kDouble, text);
  EXPECT_THAT(result, HasSubstr("{ return read_double_2(s, e) + read_double_2(s + 1, (char **)0); }"));
  EXPECT_THAT(result, HasSubstr("#include <string.h>"));
  EXPECT_LT(result.find("static double read_double_2("), result.find("double f(const char"));
  EXPECT_EQ(changed(kDouble, result), kNone) << "not the helper's own call again";
  EXPECT_THAT(changed(kInteger, "#include <stdlib.h>\nint f(const char *s) { return atoi(s); }\n"),
              HasSubstr("return ((int)read_integer_2(s, (char **)0));"));
  const std::string space = changed(
      kDouble, "#include <cstdlib>\nnamespace n {\ndouble f(const char* s) { return std::atof(s); }\n}\n", "a.cc");
  EXPECT_LT(space.find("static double"), space.find("namespace n")) << "headers don't belong in a namespace";
}

TEST(CppNumberParsing, OtherBasesOwnFunctionsAndHeadersStay) {
  EXPECT_EQ(changed(kInteger, "long f(const char *s) { return strtol(s, 0, 16) + strtol(s, 0, 0); }\n"), kNone);
  EXPECT_EQ(changed(kDouble,
                    "double strtod(const char *s, char **e) { return 0; }\n"
                    "double f(const char *s) { return strtod(s, 0); }\n"),
            kNone);
  EXPECT_EQ(changed(kDouble, "static double f(const char *s) { return atof(s); }\n", "a.h"), kNone);
  EXPECT_EQ(changed(kDouble, "float f(const char *s) { return strtof(s, 0); }\n"), kNone);
}

std::string run(const std::string& text, const std::string& flags) {
  TempDir dir;
  write_file_atomic(dir.path() / "a.c", text);
  SpawnOptions build;
  build.argv = {"sh", "-c", "cc " + flags + " -Wall -Wextra -Wcast-qual -Wconversion -Werror a.c -o a && ./a"};
  build.cwd = dir.path();
  const ProcessResult result = run_process(build, 120);
  return result.ok() ? result.out : "failed: " + result.err + text;
}

TEST(CppNumberParsing, EveryTextGivesTheSame) {
  if (find_program("cc").empty()) GTEST_SKIP() << "no compiler";
  const std::string text = R"code(#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
static void show(const char *s) {
  char *end;
  double d;
  long n;
  errno = 0;
  d = strtod(s, &end);
  printf("%.17g %d %d ", d, (int)(end - s), errno);
  errno = 0;
  n = strtol(s, &end, 10);
  printf("%ld %d %d %d %ld %.17g\n", n, (int)(end - s), errno, atoi(s), atol(s), atof(s));
}
int main(void) {
  static const char *const texts[] = {
      "",        "0",       "-0",      "+0.0",   "1",      "  12",   "\t\n-7.25x", "3.",      ".5",       ".",
      "-.",      "+",       "1e5",     "1e",     "1e+",    "1E-3",   "2.5e22",     "1e23",    "9e22",     "1e-22",
      "1e-23",   "1e400",   "1e-400",  "0e999",  "0x1p3",  "0x",     "00x1",       "inf",     "-INFinity", "nan(1)",
      "123456789012345", "1234567890123456", "0.1", "0.30000000000000004", "9007199254740993", "1,5",
      "1.5,2", "1 2", "999999999", "-999999999", "1000000000", "2147483648", "-9223372036854775808",
      "9223372036854775807", "--1", "12345678901234567890", "\v\f\r 8", "1e0000000000000000000005",
      "1.7976931348623157e308", "5e-324", "1..2", "0000000000000000000001", "1e99999999999999999999",
      "4.35", "0.000001", "123456.789e-7", "e5", "x", "1p3"
  };
  unsigned i, seed = 1;
  char number[40];
  for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) show(texts[i]);
  for (i = 0; i < 20000; i++) {
  seed = seed * 1103515245u + 12345u;
  sprintf(number, "%s%u.%0*ue%d", seed & 64 ? "-" : "", (seed >> 8) % 100000u, (int)(seed >> 28), (seed >> 5) % 9973u,
          (int)((seed >> 16) % 60u) - 30);
  if (seed & 128) number[8] = '\0';
  show(number);
}
  if (setlocale(LC_ALL, "de_DE.UTF-8")) show("1.5"), show("1,5");
  return 0;
}
)code";
  const std::string expected = run(text, "-O2");
  ASSERT_EQ(expected.find("failed"), std::string::npos) << expected.substr(0, 2000);
  for (const char* rule : {kDouble, kInteger}) {
    const std::string result = changed(rule, text);
    ASSERT_NE(result, kNone) << rule;
    for (const char* flags : {"-O2", "-O2 -std=c89 -pedantic", "-O3 -ffast-math"}) {
      EXPECT_EQ(run(result, flags), run(text, flags)) << rule << " " << flags;
    }
  }
}

}  // namespace
}  // namespace jarvis2::edit::cpp
