#include "agents/rules/rule_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"

namespace reeve {
namespace {

using testing::HasSubstr;

Snapshot At(double t, size_t functions = 1) {
  Snapshot snapshot;
  snapshot.time = SimTime::FromSeconds(t);
  snapshot.functions.Resize(functions);
  return snapshot;
}

TEST(RuleClock, KeepsItsPhaseWhateverTheControlPeriod) {
  RuleClock clock("rule", SimTime::Seconds(15));
  std::vector<int> due;
  for (int t = 7; t <= 97; t += 10) {
    if (*clock.Advance(At(t), 1, 1)) due.push_back(t);
  }
  // Due at 7, 22, 37, 52, …: the first snapshot at or after each.
  EXPECT_THAT(due, testing::ElementsAre(7, 27, 37, 57, 67, 87, 97));
}

TEST(RuleClock, AfterAGapThePhaseStartsAnew) {
  RuleClock clock("rule", SimTime::Seconds(15));
  EXPECT_TRUE(*clock.Advance(At(0), 1, 1));
  EXPECT_TRUE(*clock.Advance(At(100), 1, 1));
  EXPECT_FALSE(*clock.Advance(At(114), 1, 1));
  EXPECT_TRUE(*clock.Advance(At(115), 1, 1));
}

TEST(RuleClock, MisuseIsAnError) {
  RuleClock clock("rule", SimTime::Seconds(15));
  EXPECT_THAT(MessageOf(clock.Advance(At(5), 2, 0).status()),
              HasSubstr("rule: 2 decisions for 1 functions"));
  EXPECT_FALSE(clock.Advance(At(5), 1, 2).ok());
  EXPECT_TRUE(clock.Advance(At(5), 1, 1).ok());
  EXPECT_THAT(MessageOf(clock.Advance(At(4), 1, 1).status()), HasSubstr("time order"));
}

}  // namespace
}  // namespace reeve
