#include "runs/csv_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Fields = std::vector<std::string>;

std::vector<Fields> Rows(std::string_view text) {
  CsvRows rows(text, "f.csv");
  std::vector<Fields> out;
  Fields fields;
  while (true) {
    const auto more = rows.Next(fields);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return out;
    out.push_back(fields);
  }
}

TEST(CsvRows, SplitsAsRfc4180) {
  EXPECT_THAT(Rows(""), ElementsAre());
  EXPECT_THAT(Rows("a,b\nc,\n"), ElementsAre(Fields{"a", "b"}, Fields{"c", ""}));
  EXPECT_THAT(Rows("a"), ElementsAre(Fields{"a"}));
  EXPECT_THAT(Rows("\"a,\"\"b\"\"\nc\",d\n,\n"),
              ElementsAre(Fields{"a,\"b\"\nc", "d"}, Fields{"", ""}));
}

TEST(CsvRows, ErrorsSayTheLine) {
  Fields fields;
  CsvRows open("a\n\"b\nc", "f.csv");
  ASSERT_TRUE(*open.Next(fields));
  EXPECT_EQ(MessageOf(open.Next(fields).status()),
            "f.csv:2: a quote is never closed; the file may be cut off");
  CsvRows stray("\"a\"b\n", "f.csv");
  EXPECT_EQ(MessageOf(stray.Next(fields).status()), "f.csv:1: text after a closing quote");
}

TEST(ReadCsvTable, LocatesWrongHeadersFieldsAndNames) {
  const std::string header = CsvHeader<QuantileRow>();
  EXPECT_EQ(header, "quantile,latency_ms,execution_ms,wait_ms,slowdown\n");
  const auto read = [](const std::string& text) {
    return MessageOf(ReadCsvTable<QuantileRow>(text, "q.csv", {}).status());
  };
  EXPECT_EQ(read(header), "");
  EXPECT_EQ(read(""),
            "q.csv:1: the columns are not "
            "quantile,latency_ms,execution_ms,wait_ms,slowdown");
  EXPECT_THAT(read("quantile\n"), HasSubstr("q.csv:1: the columns are not"));
  EXPECT_EQ(read(header + "0.5,1,2,3,4\n0.6,1,2\n"), "q.csv:3: 3 fields instead of 5");
  EXPECT_EQ(read(header + "0.5,1,x,3,4\n"), "q.csv:2: 'x' is not a value of column 'execution_ms'");
  EXPECT_EQ(read(header + "0.5,1,inf,3,4\n"),
            "q.csv:2: 'inf' is not a value of column 'execution_ms'");
  EXPECT_EQ(read(header + ",1,2,3,4\n"), "q.csv:2: '' is not a value of column 'quantile'");

  FunctionNames names{.names = {"f", "g"}};
  names.Sort();
  std::string windows = CsvHeader<IntervalRow>();
  AppendCsvRow(IntervalRow{}, names, windows);
  IntervalRow row;
  row.function = FunctionId(1);
  AppendCsvRow(row, names, windows);
  const auto both = ReadCsvTable<IntervalRow>(windows, "w.csv", names);
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_FALSE((*both)[0].function.valid());
  EXPECT_EQ((*both)[1].function, FunctionId(1));
  FunctionNames others{.names = {"f"}};
  others.Sort();
  EXPECT_EQ(MessageOf(ReadCsvTable<IntervalRow>(windows, "w.csv", others).status()),
            "w.csv:3: 'g' is not a value of column 'function'");
}

}  // namespace
}  // namespace reeve
