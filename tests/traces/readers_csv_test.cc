#include "traces/readers/csv.h"

#include "readers_testing.h"
#include "traces/readers/numbers.h"
#include "traces/readers/report.h"

namespace reeve {
namespace {

using testing::ElementsAre;

std::vector<std::vector<std::string>> AllRows(std::string_view bytes) {
  std::vector<std::vector<std::string>> rows;
  CsvScanner scanner(bytes);
  std::vector<std::string_view> cells;
  while (scanner.Next()) {
    if (!scanner.Split(cells)) {
      rows.push_back({"broken"});
      continue;
    }
    rows.emplace_back(cells.begin(), cells.end());
  }
  return rows;
}

TEST(CsvScanner, SplitsPlainRowsWithAnyLineEnd) {
  EXPECT_THAT(AllRows("a,b\n1,2\r\n3,"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2"), ElementsAre("3", "")));
}

TEST(CsvScanner, SkipsByteOrderMarkAndBlankLinesButCountsLines) {
  CsvScanner scanner(
      "\xEF\xBB\xBF"
      "a\n\n\r\nb\n");
  ASSERT_TRUE(scanner.Next());
  EXPECT_EQ(scanner.row(), "a");
  EXPECT_EQ(scanner.line(), 1);
  ASSERT_TRUE(scanner.Next());
  EXPECT_EQ(scanner.row(), "b");
  EXPECT_EQ(scanner.line(), 4);
  EXPECT_FALSE(scanner.Next());
}

// RFC 4180, section 2, rules 5 to 7.
TEST(CsvScanner, UnquotesCells) {
  EXPECT_THAT(AllRows("\"a,b\",c,\"say \"\"hi\"\"\",\"\"\n"),
              ElementsAre(ElementsAre("a,b", "c", "say \"hi\"", "")));
}

TEST(CsvScanner, FindsQuotesThatDoNotMatch) {
  EXPECT_THAT(AllRows("\"a,b\nc,d\n"), ElementsAre(ElementsAre("broken"), ElementsAre("c", "d")));
  EXPECT_THAT(AllRows("\"a\"b,c\n"), ElementsAre(ElementsAre("broken")));
  EXPECT_THAT(AllRows("a\"b\n"), ElementsAre(ElementsAre("broken")));
}

TEST(CsvScanner, TellsNulBytesAndAFileThatEndsInARow) {
  CsvScanner scanner(std::string_view("a\0b\nc", 5));
  ASSERT_TRUE(scanner.Next());
  EXPECT_TRUE(scanner.has_nul());
  EXPECT_FALSE(scanner.unterminated());
  ASSERT_TRUE(scanner.Next());
  EXPECT_FALSE(scanner.has_nul());
  EXPECT_TRUE(scanner.unterminated());
}

TEST(ParseCount, TakesWholeNumbersThatFit) {
  uint32_t value = 7;
  for (const auto& [text, number] : {std::pair{"0", 0u},
                                     {"00012", 12u},
                                     {"816.0", 816u},
                                     {"3.", 3u},
                                     {"4294967295", 4294967295u}}) {
    EXPECT_FALSE(ParseCount(text, value)) << text;
    EXPECT_EQ(value, number) << text;
  }
}

TEST(ParseCount, SaysWhatIsWrong) {
  const auto problem_of = [](std::string_view text) {
    uint32_t value;
    const auto problem = ParseCount(text, value);
    return problem ? problem->problem : Problem::kMissingFile;
  };
  EXPECT_EQ(problem_of("-1"), Problem::kNegative);
  EXPECT_EQ(problem_of("-1.5"), Problem::kNegative);
  EXPECT_EQ(problem_of("4294967296"), Problem::kTooLarge);
  EXPECT_EQ(problem_of("99999999999999999999999"), Problem::kTooLarge);
  for (const char* text : {"", "x", "1x", "1.5", "1e3", "nan", "inf", ".", "+1", " 1", "-"}) {
    EXPECT_EQ(problem_of(text), Problem::kBadNumber) << text;
  }
}

TEST(ParseFinite, RefusesWhatIsNoFiniteNumber) {
  double value = 0;
  EXPECT_FALSE(ParseFinite("-12.5e-1", value));
  EXPECT_EQ(value, -1.25);
  for (const char* text : {"", "nan", "inf", "-inf", "1,5", "1 ", "0x10"}) {
    EXPECT_TRUE(ParseFinite(text, value)) << text;
  }
  ASSERT_TRUE(ParseFinite("1e999", value));
  EXPECT_EQ(ParseFinite("1e999", value)->problem, Problem::kTooLarge);
  EXPECT_EQ(ParseNonNegative("-0.5", value)->problem, Problem::kNegative);
}

TEST(ToMicros, RoundsAndRefusesWhatDoublesCannotHold) {
  EXPECT_EQ(ToMicros(0.07949090003967285, 1e6), 79491);
  EXPECT_EQ(ToMicros(-0.0000015, 1e6), -2);  // halves away from zero
  EXPECT_EQ(ToMicros(1e10, 1e6), std::nullopt);
}

TEST(Quoted, CutsLongCellsAndEscapesControlCharacters) {
  EXPECT_EQ(Quoted("a\tb"), "'a\\x09b'");
  EXPECT_EQ(Quoted(std::string(50, 'x')), "'" + std::string(40, 'x') + "…'");
}

}  // namespace
}  // namespace reeve
