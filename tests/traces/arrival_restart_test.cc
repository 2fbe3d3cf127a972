// A source that starts again is a new source over the rest of the trace, and needs no memory for
// it.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "core/check.h"
#include "tests/agents/allocation_counter.h"
#include "trace_testing.h"
#include "traces/arrival_stream.h"
#include "traces/trace_edit.h"

namespace reeve {
namespace {

struct Played {
  int64_t time_us;
  uint32_t function;
  int64_t work_us;
  bool operator==(const Played&) const = default;
};

std::vector<Played> Play(ArrivalSource& source) {
  std::vector<Played> all;
  for (ArrivalBatch batch; source.Next(batch);) {
    for (const Arrival& a : batch.arrivals) {
      all.push_back({batch.start.micros() + a.offset_us, a.function, a.work_us});
    }
  }
  return all;
}

// Timers, few and many: minutes of one batch and of several.
Trace Counted() {
  TraceBuilder builder;
  const FunctionId few = AddTestFunction(builder, "few");
  const FunctionId timer = AddTestFunction(builder, "timer", "app", "t", Trigger::kTimer);
  const FunctionId many = AddTestFunction(builder, "many");
  for (int m = 0; m < 6; ++m) {
    builder.AddCount(m, few, 20 + static_cast<uint32_t>(m));
    builder.AddCount(m, timer, 3);
    if (m % 2 == 1) builder.AddCount(m, many, 70'000 + static_cast<uint32_t>(m));
  }
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

Trace Timed() {
  TraceBuilder builder;
  const FunctionId a = AddTestFunction(builder, "a"), b = AddTestFunction(builder, "b");
  for (int64_t i = 0; i < 40'000; ++i) {
    // Something at the very first and last microsecond of minutes, too.
    builder.AddInvocation({i * 7'500, i % 3 == 0 ? 1000 + i : TimedInvocation::kDrawDuration,
                           (i % 2 == 0 ? a : b).index(), 0});
  }
  auto trace = builder.Build();
  REEVE_CHECK(trace.ok());
  return *std::move(trace);
}

std::vector<Played> PlayRest(const Trace& trace, const ArrivalOptions& options, int from_minute) {
  const auto rest = SliceTrace(trace, {.from = SimTime::Minutes(from_minute)});
  REEVE_CHECK(rest.ok());
  return Play(*MakeArrivalSource(*rest, options));
}

void ExpectRestarts(const Trace& trace, WithinMinute within_minute, bool prefetched) {
  auto source = MakeArrivalSource(trace, {1, WithinMinute::kUniform});
  if (prefetched) source = Prefetched(std::move(source));
  ArrivalBatch batch;
  for (int from_minute : {3, 0, 4, 1}) {
    // In the middle of things: parts of a minute are still waiting.
    for (int i = 0; i < from_minute; ++i) source->Next(batch);
    const ArrivalOptions options{40u + static_cast<uint64_t>(from_minute), within_minute};
    source->Restart(options, from_minute);
    EXPECT_EQ(Play(*source), PlayRest(trace, options, from_minute)) << "from " << from_minute;
  }
  source->Restart({}, 1000);
  EXPECT_FALSE(source->Next(batch)) << "nothing is left beyond the end";
}

TEST(ArrivalRestartTest, GivesTheRestOfATraceOfCounts) {
  for (WithinMinute within : {WithinMinute::kUniform, WithinMinute::kEven, WithinMinute::kByTrigger,
                              WithinMinute::kCentred}) {
    ExpectRestarts(Counted(), within, /*prefetched=*/false);
  }
}

TEST(ArrivalRestartTest, GivesTheRestOfATimedTrace) {
  ExpectRestarts(Timed(), WithinMinute::kUniform, /*prefetched=*/false);
}

TEST(ArrivalRestartTest, WorksAheadOfTime) {
  ExpectRestarts(Counted(), WithinMinute::kEven, /*prefetched=*/true);
  ExpectRestarts(Timed(), WithinMinute::kEven, /*prefetched=*/true);
}

TEST(ArrivalRestartTest, NeedsNoMemoryOnceItHasRun) {
  for (const Trace& trace : {Counted(), Timed()}) {
    const auto source = MakeArrivalSource(trace, {1, WithinMinute::kByTrigger});
    ArrivalBatch batch;
    const auto play = [&](uint64_t seed, int from_minute) {
      source->Restart({seed, WithinMinute::kByTrigger}, from_minute);
      uint64_t arrivals = 0;
      while (source->Next(batch)) arrivals += batch.arrivals.size();
      return arrivals;
    };
    // Which of the pooled buffers serves what differs from run to run.
    for (uint64_t seed = 0; seed < 8; ++seed) play(seed, 0);
    const size_t before = AllocationCount();
    const uint64_t all = play(9, 0);
    const uint64_t some = play(10, 2);
    EXPECT_EQ(AllocationCount(), before);
    EXPECT_EQ(all, trace.total_invocations());
    EXPECT_LT(some, all);
    EXPECT_GT(some, 0u);
  }
}

}  // namespace
}  // namespace reeve
