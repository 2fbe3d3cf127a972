// How single values are read from and written to YAML.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/status.h"

namespace reeve {
namespace {

using config_internal::QuoteScalar;
using config_internal::ReadScalar;
using config_internal::WriteScalar;

template <class T>
T Read(const std::string& text) {
  T value{};
  std::string what;
  EXPECT_TRUE(ReadScalar(text, value, what)) << text << ": " << what;
  return value;
}

template <class T>
std::string Refused(const std::string& text) {
  T value{};
  std::string what;
  EXPECT_FALSE(ReadScalar(text, value, what)) << text;
  return what;
}

TEST(ConfigScalars, Bool) {
  EXPECT_TRUE(Read<bool>("true"));
  EXPECT_FALSE(Read<bool>("false"));
  for (const char* text : {"", "yes", "True", "1"}) {
    EXPECT_EQ(Refused<bool>(text), "'" + std::string(text) + "' is not true or false");
  }
}

TEST(ConfigScalars, Integers) {
  EXPECT_EQ(Read<int32_t>("-2147483648"), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(Read<uint64_t>("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Refused<int32_t>("2147483648"), "'2147483648' is not a whole number that fits");
  EXPECT_EQ(Refused<int64_t>("1.5"), "'1.5' is not a whole number");
  EXPECT_EQ(Refused<int64_t>("0x10"), "'0x10' is not a whole number");
  EXPECT_EQ(Refused<int64_t>(""), "'' is not a whole number");
  EXPECT_EQ(Refused<int64_t>("5 "), "'5 ' is not a whole number");
  EXPECT_EQ(Refused<uint64_t>("-1"), "'-1' is not a whole number of 0 or more");
}

TEST(ConfigScalars, Numbers) {
  EXPECT_EQ(Read<double>("0.1"), 0.1);
  EXPECT_EQ(Read<double>("-1e-3"), -0.001);
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "1,5", "0x10", "five"}) {
    EXPECT_EQ(Refused<double>(text), "'" + std::string(text) + "' is not a number");
  }
}

TEST(ConfigScalars, Times) {
  EXPECT_EQ(Read<SimTime>("250us"), SimTime::Micros(250));
  EXPECT_EQ(Read<SimTime>("100ms"), SimTime::Millis(100));
  EXPECT_EQ(Read<SimTime>("2s"), SimTime::Seconds(2));
  EXPECT_EQ(Read<SimTime>("2 s"), SimTime::Seconds(2));
  EXPECT_EQ(Read<SimTime>("10m"), SimTime::Minutes(10));
  EXPECT_EQ(Read<SimTime>("1.5h"), SimTime::Minutes(90));
  EXPECT_EQ(Read<SimTime>("0"), SimTime());
  EXPECT_EQ(Read<SimTime>("never"), SimTime::Max());
  // Exact in decimal, not in binary.
  EXPECT_EQ(Read<SimTime>("0.1ms"), SimTime::Micros(100));
  EXPECT_EQ(Read<SimTime>("10000.1h"), SimTime::Minutes(600'006));
  EXPECT_EQ(Read<SimTime>("123456789.123456s"), SimTime::Micros(123'456'789'123'456));
  for (const char* text : {"", "5", "s", "2 sec", "1.5us", "1e300s", "nans", "infinitys"}) {
    EXPECT_EQ(Refused<SimTime>(text), "'" + std::string(text) +
                                          "' is not a time; write 250us, 100ms, 2s, 10m, 1.5h or "
                                          "never");
  }
}

TEST(ConfigScalars, Cpu) {
  EXPECT_EQ(Read<Millicores>("2"), Millicores(2000));
  EXPECT_EQ(Read<Millicores>("0.5"), Millicores(500));
  EXPECT_EQ(Read<Millicores>("500m"), Millicores(500));
  for (const char* text : {"", "m", "0.0001", "0.5m", "2 cores", "1e12"}) {
    EXPECT_EQ(Refused<Millicores>(text),
              "'" + std::string(text) +
                  "' is not an amount of CPU; write cores (2, 0.5) or millicores (500m)");
  }
}

TEST(ConfigScalars, Memory) {
  EXPECT_EQ(Read<Mebibytes>("256Mi"), Mebibytes(256));
  EXPECT_EQ(Read<Mebibytes>("1.5Gi"), Mebibytes(1536));
  EXPECT_EQ(Read<Mebibytes>("1Ti"), Mebibytes(1024 * 1024));
  for (const char* text : {"", "256", "256M", "Mi", "0.3Mi"}) {
    EXPECT_EQ(Refused<Mebibytes>(text), "'" + std::string(text) +
                                            "' is not an amount of memory; write 256Mi, 1.5Gi or "
                                            "1Ti");
  }
}

TEST(ConfigScalars, WrittenValuesReadBack) {
  for (int64_t us : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{999}, int64_t{1000},
                     int64_t{1'500'000}, int64_t{60'000'000}, int64_t{3'600'000'000},
                     int64_t{123'456'789'012}, SimTime::Max().micros()}) {
    const SimTime value = SimTime::Micros(us);
    EXPECT_EQ(Read<SimTime>(WriteScalar(value)), value) << WriteScalar(value);
  }
  for (int64_t m : {0, 1, 250, 1000, 1001, 64000}) {
    EXPECT_EQ(Read<Millicores>(WriteScalar(Millicores(m))), Millicores(m));
  }
  for (int64_t m : {0, 1, 128, 1024, 1025, 1 << 20}) {
    EXPECT_EQ(Read<Mebibytes>(WriteScalar(Mebibytes(m))), Mebibytes(m));
  }
  for (double x : {0.0, 0.1, 1.0 / 3, 1e-300, 1e300, -2.5, 12345678901234567.0}) {
    EXPECT_EQ(Read<double>(WriteScalar(x)), x);
  }
  EXPECT_EQ(WriteScalar(SimTime::Minutes(90)), "90m");
  EXPECT_EQ(WriteScalar(Millicores(2000)), "2");
  EXPECT_EQ(WriteScalar(Mebibytes(2048)), "2Gi");
}

// Through a whole document, as a value and as a key.
TEST(ConfigScalars, QuotedTextReadsBack) {
  const std::vector<std::string> texts = {
      "",       "plain",   "a b",     " lead",  "trail ",   "null",  "Null",  "NULL", "~",
      "true",   "12",      "1e5",     "-x",     ".x",       "a: b",  "a #b",  "#",    "[x]",
      "{x}",    "*x",      "&x",      "!x",     "a\nb",     "tab\t", "\"q\"", "b\\s", "'",
      "%x",     "@x",      "`x`",     "?",      "-",        "---",   "...",   "<<",   "\x01",
      "\u00e9", "a\r\nb ", "x:",      "never",  "/a/b.csv", "a,b",   "=",     "|",    ">",
      "\x7f",   "\u2028",  "\u0085x", "日本語", "a/b-c_d.e"};
  for (const std::string& text : texts) {
    const auto node = ConfigNode::Parse(
        "v: " + QuoteScalar(text) + "\nm:\n  " + QuoteScalar(text) + ": 1\n", "f.yaml");
    ASSERT_TRUE(node.ok()) << node.status();
    ASSERT_EQ(node->Get("v")->kind(), ConfigNode::Kind::kScalar) << text;
    EXPECT_EQ(node->Get("v")->Scalar(), text);
    EXPECT_EQ(node->Get("m")->Entries()[0].key, text);
  }
  EXPECT_EQ(QuoteScalar("configs/demo.yaml"), "configs/demo.yaml");
  EXPECT_EQ(QuoteScalar("12"), "\"12\"");
}

TEST(ConfigScalars, Suggestions) {
  const std::vector<std::string> allowed = {"concurrency", "cpu", "memory"};
  EXPECT_EQ(config_internal::Suggest("conccurency", allowed),
            " (did you mean 'concurrency'?); allowed: concurrency, cpu, memory");
  EXPECT_EQ(config_internal::Suggest("completely_else", allowed),
            "; allowed: concurrency, cpu, memory");
}

TEST(ConfigScalars, Limits) {
  EXPECT_EQ(config_internal::LimitsText(AtLeast(1)), "1 or more");
  EXPECT_EQ(config_internal::LimitsText(Between(0, 0.5)), "0 to 0.5");
  EXPECT_EQ(config_internal::LimitsText({.max = 3}), "3 or less");
}

}  // namespace
}  // namespace reeve
