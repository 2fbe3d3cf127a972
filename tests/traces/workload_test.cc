#include "traces/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

// `functions` functions that are invoked (1 + f + minute) times in each of `minutes` minutes.
Trace Counted(int functions, int minutes, uint32_t more = 0) {
  TraceBuilder builder;
  for (int f = 0; f < functions; ++f) {
    FunctionProfile profile;
    profile.name = "f" + std::to_string(f);
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App(profile.name);
    profile.duration_ms = Distribution::Constant(100);
    const FunctionId id = builder.AddFunction(profile);
    for (int m = 0; m < minutes; ++m) {
      builder.AddCount(m, id, static_cast<uint32_t>(1 + f + m) + (f == 0 && m == 0 ? more : 0));
    }
  }
  builder.set_minimum_duration(SimTime::Minutes(minutes));
  return *builder.Build();
}

std::set<std::string> Names(const Trace& trace) {
  std::set<std::string> names;
  for (const FunctionProfile& function : trace.functions()) names.insert(function.name);
  return names;
}

SplitSpec HalfAndHalf() {
  SplitSpec split;
  split.train = {.functions = {0, 0.5}, .from = {}, .to = SimTime::Minutes(6)};
  split.test = {.functions = {0.5, 1}, .from = SimTime::Minutes(6), .to = SimTime::Max()};
  return split;
}

TEST(WorkloadTest, PartsAreApartAndTogetherAll) {
  const Trace trace = Counted(200, 10);
  const auto train = SelectPart(trace, HalfAndHalf(), Part::kTrain);
  const auto test = SelectPart(trace, HalfAndHalf(), Part::kTest);
  ASSERT_TRUE(train.ok() && test.ok());
  std::set<std::string> all = Names(*train);
  for (const std::string& name : Names(*test)) EXPECT_TRUE(all.insert(name).second) << name;
  EXPECT_EQ(all.size(), 200u);
  // Binomial(200, 1/2): 100, five standard deviations are 35.
  EXPECT_NEAR(static_cast<double>(train->functions().size()), 100, 35);
  EXPECT_EQ(train->duration(), SimTime::Minutes(6));
  EXPECT_EQ(test->duration(), SimTime::Minutes(4));
  EXPECT_EQ(test->first_minute(), 6);
  // Without a validation part of its own, it is the training part.
  EXPECT_EQ(Fingerprint(*SelectPart(trace, HalfAndHalf(), Part::kValidation)), Fingerprint(*train));
  EXPECT_EQ(Fingerprint(*SelectPart(trace, std::nullopt, Part::kTest)), Fingerprint(trace));
}

TEST(WorkloadTest, AnotherSeedIsAnotherOrder) {
  const Trace trace = Counted(50, 10);
  SplitSpec other = HalfAndHalf();
  other.seed = 2;
  EXPECT_NE(Names(*SelectPart(trace, other, Part::kTest)),
            Names(*SelectPart(trace, HalfAndHalf(), Part::kTest)));
}

// 200 functions with rising rates, half and half: of every ten neighbours five are in each part.
TEST(WorkloadTest, AStratifiedSplitHasBusyFunctionsInEveryPart) {
  const Trace trace = Counted(200, 10);
  SplitSpec split = HalfAndHalf();
  split.stratified = true;
  const auto train = SelectPart(trace, split, Part::kTrain);
  ASSERT_TRUE(train.ok());
  EXPECT_EQ(train->functions().size(), 100u);
  const std::set<std::string> names = Names(*train);
  for (int first = 0; first < 200; first += 10) {
    int here = 0;
    for (int f = first; f < first + 10; ++f) here += names.contains("f" + std::to_string(f));
    EXPECT_EQ(here, 5) << first;
  }
  split.seed = 2;
  EXPECT_NE(Names(*SelectPart(trace, split, Part::kTrain)), names);
}

TEST(WorkloadTest, WhatIsTestedMustNotHaveBeenSeen) {
  EXPECT_TRUE(HalfAndHalf().Validate().ok());
  SplitSpec split = HalfAndHalf();
  split.train.functions = {0, 0.6};  // other hours still
  EXPECT_TRUE(split.Validate().ok());
  split.train.to = SimTime::Minutes(7);
  EXPECT_THAT(MessageOf(split.Validate()), HasSubstr("train and test share functions"));
  split = HalfAndHalf();
  split.validation = PartSpec{.functions = {0.9, 1}, .from = {}, .to = SimTime::Max()};
  EXPECT_THAT(MessageOf(split.Validate()), HasSubstr("validation and test share functions"));
}

TEST(WorkloadTest, AnEmptyPartSaysSo) {
  const Trace trace = Counted(3, 10);
  SplitSpec split = HalfAndHalf();
  split.test.from = SimTime::Hours(2);
  EXPECT_THAT(MessageOf(SelectPart(trace, split, Part::kTest).status()),
              HasSubstr("the test part holds nothing"));
}

TEST(WorkloadTest, FirstShareIsWholeMinutes) {
  const Trace trace = Counted(2, 9);
  EXPECT_EQ(FirstShare(trace, 1.0 / 3)->duration(), SimTime::Minutes(3));
  EXPECT_EQ(FirstShare(trace, 0.35)->duration(), SimTime::Minutes(4));
  EXPECT_EQ(FirstShare(trace, 0)->duration(), SimTime::Minutes(1));
  EXPECT_EQ(FirstShare(trace, 1)->duration(), SimTime::Minutes(9));
}

TEST(WorkloadTest, OneInvocationMoreIsAnotherFingerprint) {
  EXPECT_EQ(Fingerprint(Counted(5, 5)), Fingerprint(Counted(5, 5)));
  EXPECT_NE(Fingerprint(Counted(5, 5)), Fingerprint(Counted(5, 5, 1)));
}

TEST(WorkloadTest, EitherATraceOrAGeneratedOne) {
  EXPECT_FALSE(WorkloadSpec{}.Validate().ok());
  WorkloadSpec both;
  both.trace = "x";
  both.generate.emplace();
  EXPECT_FALSE(both.Validate().ok());
}

}  // namespace
}  // namespace reeve
