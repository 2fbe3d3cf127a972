#include "core/table.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace reeve {
namespace {

Table Example() {
  Table table(
      {{"name", "function", Table::Align::kLeft}, {"arrivals", "arrivals"}, {"p99", "p99"}});
  table.AddRow({Cell::Text("函数"), Cell::Count(1234567), Cell::Number(12.5, "12.5 ms")});
  table.AddRow({Cell::Text("a\"b,c\nd"), Cell::Count(5),
                Cell::Number(std::numeric_limits<double>::infinity())});
  return table;
}

TEST(Table, TextIsAlignedByCells) {
  EXPECT_EQ(Example().ToText(false),
            "function   arrivals      p99\n"
            "函数      1,234,567  12.5 ms\n"
            "a\"b,c\uFFFDd           5        -\n");
}

TEST(Table, SectionsAndBoldOnlyInColor) {
  Table table({{"k", "metric", Table::Align::kLeft}, {"v", "run"}});
  table.AddSection("latency");
  Cell best = Cell::Count(1);
  best.strong = true;
  table.AddRow({Cell::Text("p50"), best});
  table.AddSection("cost");
  table.AddRow({Cell::Text("GB-s"), Cell::Missing()});
  EXPECT_EQ(table.ToText(false), "metric  run\nlatency\np50       1\n\ncost\nGB-s      -\n");
  EXPECT_EQ(table.ToText(true),
            "\x1b[1mmetric\x1b[0m  \x1b[1mrun\x1b[0m\n\x1b[1mlatency\x1b[0m\n"
            "p50       \x1b[1m1\x1b[0m\n\n\x1b[1mcost\x1b[0m\nGB-s      -\n");
}

TEST(Table, CsvQuotesAsRfc4180) {
  EXPECT_EQ(Example().ToCsv(), "name,arrivals,p99\n函数,1234567,12.5\n\"a\"\"b,c\nd\",5,\n");
}

TEST(Table, JsonHoldsNumbersAndNulls) {
  const auto json = nlohmann::json::parse(Example().ToJson());
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["name"], "函数");
  EXPECT_EQ(json[0]["arrivals"], 1234567);
  EXPECT_EQ(json[0]["p99"], 12.5);
  EXPECT_EQ(json[1]["name"], "a\"b,c\nd");
  EXPECT_TRUE(json[1]["p99"].is_null());
  const Table empty({Table::Column{"a", "a"}});
  EXPECT_EQ(nlohmann::json::parse(empty.ToJson()), nlohmann::json::array());
}

TEST(Table, JsonOfBrokenUtf8IsStillJson) {
  Table table({Table::Column{"name", "name"}});
  table.AddRow({Cell::Text("x\xFFy")});
  EXPECT_EQ(nlohmann::json::parse(table.ToJson())[0]["name"], "x\uFFFDy");
}

TEST(Table, FormatsByName) {
  EXPECT_EQ(*TableFormatFromName("csv"), TableFormat::kCsv);
  EXPECT_EQ(*TableFormatFromName("json"), TableFormat::kJson);
  EXPECT_EQ(*TableFormatFromName("table"), TableFormat::kText);
  EXPECT_FALSE(TableFormatFromName("xml").ok());
}

}  // namespace
}  // namespace reeve
