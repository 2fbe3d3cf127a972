#include "core/terminal.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace reeve {
namespace {

TEST(DisplayWidth, CountsCellsNotBytes) {
  EXPECT_EQ(DisplayWidth(""), 0u);
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("é"), 1u);        // one code point, two bytes
  EXPECT_EQ(DisplayWidth("e\u0301"), 1u);  // with a combining accent
  EXPECT_EQ(DisplayWidth("函数"), 4u);     // East Asian wide
  EXPECT_EQ(DisplayWidth("한글"), 4u);
  EXPECT_EQ(DisplayWidth("🚀x"), 3u);
  EXPECT_EQ(DisplayWidth("\xFF\xC3"), 2u);  // not UTF-8: a byte is a cell
}

TEST(FitToWidth, CutsBetweenCodePointsAndSaysSo) {
  EXPECT_EQ(FitToWidth("abcdef", 6), "abcdef");
  EXPECT_EQ(FitToWidth("abcdef", 4), "abc…");
  EXPECT_EQ(FitToWidth("函数函数", 4), "函…");  // a wide character does not fit in the last cell
  EXPECT_EQ(FitToWidth("abc", 1), "…");
  EXPECT_EQ(FitToWidth("abc", 0), "");
}

TEST(PrintableText, TakesAwayWhatCouldTakeOverTheTerminal) {
  EXPECT_EQ(PrintableText("naïve 函数"), "naïve 函数");
  EXPECT_EQ(PrintableText("\x1b[2Jx\n\t"), "\uFFFD[2Jx\uFFFD\uFFFD");
  EXPECT_EQ(PrintableText("a\u202Eb"), "a\uFFFDb");                // right-to-left override
  EXPECT_EQ(PrintableText("a\u0085b"), "a\uFFFDb");                // C1 in UTF-8
  EXPECT_EQ(PrintableText("\xC0\xAF"), "\uFFFD\uFFFD");            // overlong '/'
  EXPECT_EQ(PrintableText("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(PrintableText("\xE2\x82"), "\uFFFD\uFFFD");            // cut off
}

TEST(ColorAllowed, NoColorAndDumbTerminalsWin) {
  const int terminal = posix_openpt(2 /* O_RDWR */);
  if (terminal < 0) GTEST_SKIP() << "no pseudo-terminal here";
  unsetenv("NO_COLOR");
  setenv("TERM", "xterm", 1);
  EXPECT_TRUE(ColorAllowed(terminal));
  setenv("NO_COLOR", "", 1);  // empty counts as not set (no-color.org)
  EXPECT_TRUE(ColorAllowed(terminal));
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(ColorAllowed(terminal));
  unsetenv("NO_COLOR");
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(ColorAllowed(terminal));
}

}  // namespace
}  // namespace reeve
