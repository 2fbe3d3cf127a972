#include "controller/openwhisk/activation_ledger.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "core/random.h"

namespace reeve {
namespace {

constexpr int64_t kAll = std::numeric_limits<int64_t>::min();

WhiskActivation Ended(const std::string& id, int64_t start, int64_t end, int64_t wait = 0) {
  WhiskActivation a;
  a.id = id;
  a.path = "hello";
  a.version = "0.0.1";
  a.start_ms = start;
  a.end_ms = end;
  a.wait_ms = wait;
  return a;
}
WhiskActivation Cold(const std::string& id, int64_t start, int64_t end, int64_t wait,
                     int64_t init) {
  WhiskActivation a = Ended(id, start, end, wait);
  a.init_ms = init;
  return a;
}
WhiskActivation Open(const std::string& id, int64_t start) {
  WhiskActivation a = Ended(id, start, start);
  a.end_ms.reset();
  return a;
}

class ActivationLedgerTest : public ::testing::Test {
 protected:
  ActivationLedgerTest() { ledger_.SetAction("hello", "0.0.1", 1); }
  ActivationLedger ledger_{SimTime::Minutes(10)};
};

TEST_F(ActivationLedgerTest, CountsEachOnceHoweverOftenItIsRead) {
  const std::vector<WhiskActivation> records = {Ended("a", 1000, 1100, 5), Ended("b", 1050, 1300)};
  ledger_.Add(records, kAll);
  ledger_.Add(records, kAll);
  ActionFigures figures = ledger_.Take("hello", 0, 2000);
  EXPECT_EQ(figures.arrivals, 2u);
  EXPECT_EQ(figures.completions, 2u);
  ASSERT_EQ(figures.completed.size(), 2u);
  EXPECT_EQ(figures.completed[0].latency_ms, 105);  // waiting too
  EXPECT_EQ(figures.completed[0].execution_ms, 100);
  ledger_.Add(records, kAll);
  figures = ledger_.Take("hello", 2000, 4000);
  EXPECT_EQ(figures.arrivals, 0u);
  EXPECT_EQ(figures.completions, 0u);
  EXPECT_EQ(ledger_.counted(), 2u);
}

TEST_F(ActivationLedgerTest, AnArrivalIsSeenBeforeItsEndWhereTheServerListsIt) {
  ledger_.Add(std::vector{Open("a", 1000)}, kAll);
  ActionFigures figures = ledger_.Take("hello", 0, 2000);
  EXPECT_EQ(figures.arrivals, 1u);
  EXPECT_EQ(figures.completions, 0u);
  EXPECT_EQ(figures.in_flight, 1u);
  EXPECT_DOUBLE_EQ(figures.mean_in_flight, 0.5);  // for one second of two
  ledger_.Add(std::vector{Ended("a", 1000, 3000)}, kAll);
  figures = ledger_.Take("hello", 2000, 4000);
  EXPECT_EQ(figures.arrivals, 0u);
  EXPECT_EQ(figures.completions, 1u);
  EXPECT_EQ(figures.in_flight, 0u);
  EXPECT_DOUBLE_EQ(figures.mean_in_flight, 0.5);
}

// Ten a second of 0.3 s: by Little's law three at once, waiting 0.1 s each one.
TEST_F(ActivationLedgerTest, RequestsAtOnceByLittlesLaw) {
  std::vector<WhiskActivation> records;
  for (int i = 0; i < 100; ++i) {
    records.push_back(Ended("r" + std::to_string(i), 100 * i, 100 * i + 300, 100));
  }
  ledger_.Add(records, kAll);
  const ActionFigures figures = ledger_.Take("hello", 0, 10'000);
  EXPECT_DOUBLE_EQ(figures.mean_in_flight, 3);
  EXPECT_DOUBLE_EQ(figures.mean_queued, 1);
  EXPECT_EQ(figures.in_flight, 3u);
  EXPECT_EQ(figures.containers, 3u);
}

TEST_F(ActivationLedgerTest, ColdStartsAndWhatTheyCost) {
  ledger_.Add(std::vector{Ended("a", 900, 1000, 4), Cold("b", 1600, 2000, 500, 300)}, kAll);
  const ActionFigures figures = ledger_.Take("hello", 0, 2000);
  EXPECT_EQ(figures.cold_starts, 1u);
  EXPECT_EQ(figures.containers_started, 1u);
  EXPECT_EQ(figures.completed[1].latency_ms, 900);
  EXPECT_EQ(figures.completed[1].execution_ms, 100);  // without its initialisation
  EXPECT_DOUBLE_EQ(ledger_.cold_start_ms(), 500 + 300 - 4);
}

TEST_F(ActivationLedgerTest, ErrorsOfTheActionItselfAreAnswers) {
  std::vector<WhiskActivation> records = {Ended("0", 1, 2), Ended("1", 1, 2), Ended("2", 1, 2),
                                          Ended("3", 1, 2), Ended("t", 1, 2)};
  for (int32_t i = 0; i < 4; ++i) records[static_cast<size_t>(i)].status_code = i;
  records[4].status_code = 2;
  records[4].timeout = true;
  ledger_.Add(records, kAll);
  const ActionFigures figures = ledger_.Take("hello", 0, 10);
  EXPECT_EQ(figures.completions, 2u);
  EXPECT_EQ(figures.failures, 2u);
  EXPECT_EQ(figures.timeouts, 1u);
  EXPECT_EQ(figures.arrivals, 5u);
}

TEST_F(ActivationLedgerTest, OurOwnHoldContainersAndAreNoRequests) {
  ledger_.IgnoreAsRequest("ours");
  ledger_.Add(std::vector{Cold("ours", 1000, 1500, 10, 100), Ended("a", 1100, 1200)}, kAll);
  const ActionFigures figures = ledger_.Take("hello", 0, 2000);
  EXPECT_EQ(figures.arrivals, 1u);
  EXPECT_EQ(figures.completions, 1u);
  EXPECT_EQ(figures.cold_starts, 0u);
  EXPECT_EQ(figures.containers_started, 1u);
  EXPECT_EQ(figures.containers, 2u);
}

TEST_F(ActivationLedgerTest, WhatWasBeforeTheBeginningIsInNoRow) {
  ledger_.Add(std::vector{Ended("a", 1000, 1200), Ended("b", 1900, 2100)}, 2000);
  const ActionFigures figures = ledger_.Take("hello", 2000, 2200);
  EXPECT_EQ(figures.arrivals, 0u);
  EXPECT_EQ(figures.completions, 1u);
  EXPECT_EQ(figures.containers, 1u);
  EXPECT_EQ(ledger_.passed_over(), 1u);
}

TEST_F(ActivationLedgerTest, AnotherVersionBeginsWithoutContainers) {
  ledger_.Add(std::vector{Ended("a", 1000, 1200), Open("b", 1100)}, kAll);
  EXPECT_EQ(ledger_.Take("hello", 0, 2000).containers, 2u);
  ledger_.SetAction("hello", "0.0.2", 1);
  // One of the old version that ends now, and says nothing of the new one.
  ledger_.Add(std::vector{Ended("b", 1100, 2500)}, kAll);
  EXPECT_EQ(ledger_.Take("hello", 2000, 3000).containers, 0u);
  // A record of a newer one says the same as a list would.
  WhiskActivation newer = Cold("c", 3100, 3200, 0, 50);
  newer.version = "0.0.10";
  ledger_.Add(std::vector{newer}, kAll);
  EXPECT_EQ(ledger_.Take("hello", 3000, 4000).containers, 1u);
}

TEST_F(ActivationLedgerTest, ForgetsWhatCannotBeReadAgain) {
  ledger_.Add(std::vector{Ended("a", 1000, 1200), Open("lost", 1100)}, kAll);
  EXPECT_EQ(ledger_.Take("hello", 0, 2000).in_flight, 1u);
  ledger_.ForgetBefore(400'000);
  EXPECT_EQ(ledger_.remembered(), 0u);
  EXPECT_EQ(ledger_.Take("hello", 400'000, 402'000).in_flight, 0u);
  ledger_.Add(std::vector{Ended("a", 1000, 1200)}, kAll);  // not again
  EXPECT_EQ(ledger_.Take("hello", 402'000, 404'000).arrivals, 0u);
}

// Records in any order, of ends in any order, read again and again: sums are those of all.
TEST_F(ActivationLedgerTest, NothingIsLostOrCountedTwice) {
  RandomCursor random(RandomStream(7, StreamPurpose::kArrivals, 0));
  std::vector<WhiskActivation> all;
  for (int i = 0; i < 2000; ++i) {
    const auto start = static_cast<int64_t>(100'000 * random.Uniform());
    all.push_back(Ended("r" + std::to_string(i), start,
                        start + static_cast<int64_t>(5000 * random.Uniform())));
  }
  uint64_t arrivals = 0, completions = 0;
  for (int64_t now = 0; now <= 110'000; now += 2000) {
    std::vector<WhiskActivation> read;
    for (const WhiskActivation& a : all) {
      if (a.start_ms > now || a.start_ms < now - 20'000) continue;
      WhiskActivation one = a;
      if (*a.end_ms > now) one.end_ms.reset();
      read.push_back(one);
    }
    ledger_.Add(read, kAll);
    const ActionFigures figures = ledger_.Take("hello", now - 2000, now);
    arrivals += figures.arrivals;
    completions += figures.completions;
    ledger_.ForgetBefore(now - 30'000);
  }
  EXPECT_EQ(arrivals, all.size());
  EXPECT_EQ(completions, all.size());
  EXPECT_LT(ledger_.remembered(), all.size());
}

}  // namespace
}  // namespace reeve
