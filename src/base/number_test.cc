#include "base/number.h"

#include <gtest/gtest.h>

#include <locale>

namespace jarvis2 {
namespace {

struct CommaForPoint : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(ParseDouble, TakesTheWholeTextInAnyLocale) {
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new CommaForPoint));
  EXPECT_EQ(parse_double("2.5"), 2.5);
  EXPECT_EQ(parse_double("-1e-3"), -0.001);
  EXPECT_EQ(parse_double("400"), 400.0);
  EXPECT_EQ(parse_double("5."), 5.0);
  for (const char* bad : {"", "2,5", "1.5x", " 1", "1 ", "+1", "0x10", "inf", "nan", "1e999", "1e", "--1", "1.2.3"}) {
    EXPECT_EQ(parse_double(bad), std::nullopt) << bad;
  }
  std::locale::global(before);
}

}  // namespace
}  // namespace jarvis2
