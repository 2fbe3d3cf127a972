// TraceBuilder puts counts in order whatever order they come in.
#include "readers_testing.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(TraceBuilder, OrdersAndSumsCounts) {
  TraceBuilder builder;
  for (const char* name : {"f", "g", "h"}) {
    FunctionProfile function;
    function.name = name;
    builder.AddFunction(function);
  }
  const auto add = [&](int minute, uint32_t function, uint32_t count) {
    builder.AddCount(minute, FunctionId(function), count);
  };
  add(2, 2, 5);
  add(0, 1, 1);
  add(2, 0, 7);
  add(0, 1, 2);  // adds to the one before
  add(2, 1, 0);  // nothing
  builder.set_minimum_duration(SimTime::Minutes(4));
  const auto trace = builder.Build();
  ASSERT_TRUE(trace.ok());
  ASSERT_EQ(trace->minutes(), 4);
  EXPECT_THAT(CountsOf(*trace, 0), ElementsAre(Pair(1, 3)));
  EXPECT_THAT(CountsOf(*trace, 1), IsEmpty());
  EXPECT_THAT(CountsOf(*trace, 2), ElementsAre(Pair(0, 7), Pair(2, 5)));
  EXPECT_EQ(trace->total_invocations(), 15u);
}

}  // namespace
}  // namespace reeve
