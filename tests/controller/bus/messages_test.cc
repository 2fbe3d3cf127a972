#include "controller/bus/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "controller/bus/presentable.h"
#include "controller/window_rows.h"
#include "core/status.h"
#include "tests/controller/bus/bus_testing.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

TEST(BusMessages, ASnapshotArrivesAsItWasSent) {
  const Snapshot sent = MakeWindow(5, 3);
  bus::v1::Snapshot message;
  WriteSnapshot(sent, message);
  Snapshot received;
  ASSERT_TRUE(ReadSnapshot(message, 3, received).ok());
  EXPECT_EQ(received.time, SimTime::Seconds(10));
  EXPECT_EQ(received.window, SimTime::Seconds(2));
  EXPECT_EQ(received.cluster.memory_capacity, Mebibytes(262144));
  EXPECT_EQ(received.cluster.nodes_ready, 4u);
  int columns = 0;
  VisitColumns(
      [&](const auto& a, const auto& b) {
        EXPECT_EQ(a, b) << "column " << columns;
        ++columns;
      },
      sent.functions, received.functions);
  EXPECT_EQ(columns, 27);
}

TEST(BusMessages, EveryColumnHasAPlaceOfItsOwn) {
  // Each column differs from all others, so that two that were swapped would be seen.
  Snapshot sent;
  sent.functions.Resize(1);
  int next = 0;
  VisitColumns(
      [&](auto& column) {
        using T = std::decay_t<decltype(column[0])>;
        ++next;
        if constexpr (std::is_same_v<T, SimTime>) {
          column[0] = SimTime::Micros(next);
        } else {
          column[0] = T(static_cast<int32_t>(next));
        }
      },
      sent.functions);
  bus::v1::Snapshot message;
  WriteSnapshot(sent, message);
  EXPECT_EQ(message.functions().arrivals(0), 1u);
  EXPECT_EQ(message.functions().slo_latency_us(0), 27);
  Snapshot received;
  ASSERT_TRUE(ReadSnapshot(message, 1, received).ok());
  VisitColumns([](const auto& a, const auto& b) { EXPECT_EQ(a, b); }, sent.functions,
               received.functions);
}

TEST(BusMessages, ColumnsThatAreLeftOutAreZeroAndObjectivesNone) {
  Snapshot received = MakeWindow(3, 2);
  ASSERT_TRUE(ReadSnapshot({}, 2, received).ok());
  EXPECT_EQ(received.functions.arrivals, (std::vector<uint32_t>{0, 0}));
  EXPECT_EQ(received.functions.mean_in_flight, (std::vector<double>{0, 0}));
  EXPECT_EQ(received.functions.slo_latency, (std::vector<SimTime>{SimTime::Max(), SimTime::Max()}));
}

TEST(BusMessages, NumbersThatCannotBeAreNamed) {
  const auto refused = [](auto change) {
    bus::v1::Snapshot message;
    WriteSnapshot(MakeWindow(1, 3), message);
    change(message);
    Snapshot received;
    const absl::Status status = ReadSnapshot(message, 3, received);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return MessageOf(status);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(refused([&](auto& m) { m.mutable_functions()->set_cpu_used_millicores(2, nan); }),
              HasSubstr("functions.cpu_used_millicores[2] is nan: 0 to 1e+12 is allowed"));
  EXPECT_THAT(refused([&](auto& m) { m.mutable_functions()->set_latency_p99_ms(0, -INFINITY); }),
              HasSubstr("functions.latency_p99_ms[0] is -inf"));
  EXPECT_THAT(refused([](auto& m) { m.mutable_functions()->set_mean_queued(1, -0.5); }),
              HasSubstr("functions.mean_queued[1] is -0.5"));
  EXPECT_THAT(refused([](auto& m) { m.mutable_functions()->set_cpu_limit_millicores(1, -1); }),
              HasSubstr("functions.cpu_limit_millicores[1] is -1"));
  EXPECT_THAT(refused([](auto& m) { m.mutable_functions()->set_containers_ready(1, UINT32_MAX); }),
              HasSubstr("functions.containers_ready[1] is 4294967295: 0 to 1e+07"));
  EXPECT_THAT(refused([](auto& m) { m.mutable_functions()->add_arrivals(1); }),
              HasSubstr("functions.arrivals has 4 elements: 3 (one a function) or none"));
  EXPECT_THAT(refused([](auto& m) { m.set_time_us(-1); }), HasSubstr("time_us is -1"));
  EXPECT_THAT(refused([](auto& m) { m.set_window_us(INT64_MAX); }), HasSubstr("window_us is"));
  EXPECT_THAT(refused([&](auto& m) { m.mutable_cluster()->set_cpu_used_millicores(nan); }),
              HasSubstr("cluster.cpu_used_millicores is nan"));
}

TEST(BusMessages, DecisionsArriveAsTheyWereSentAndUnsetFieldsStayUnset) {
  Decision all;
  all.replicas = 0;
  all.cpu_limit = Millicores(250);
  all.memory_limit = Mebibytes(128);
  all.concurrency = 0;
  all.keep_alive = SimTime::Millis(1500);
  for (const Decision& decision : {all, Decision{}}) {
    bus::v1::Decision message;
    WriteDecision(decision, message);
    const auto read = ReadDecision(message);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, decision);
  }
}

TEST(BusMessages, DecisionsThatCannotBeAreRefused) {
  bus::v1::Decision message;
  message.set_replicas(-1);
  EXPECT_FALSE(ReadDecision(message).ok());
  message.Clear();
  message.set_cpu_limit_millicores(0);
  EXPECT_FALSE(ReadDecision(message).ok());
  message.Clear();
  message.set_memory_limit_mebibytes(INT64_MAX);
  EXPECT_FALSE(ReadDecision(message).ok());
}

TEST(BusMessages, WhatPeersSayIsMadePresentable) {
  EXPECT_EQ(Presentable("a\x1b[31m\n\xc3\xa9z"), "a?[31m???z");
  EXPECT_EQ(Presentable("abcdef", 3), "abc");
}

}  // namespace
}  // namespace reeve
