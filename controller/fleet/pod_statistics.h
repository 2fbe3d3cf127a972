// What one simulated pod's queue-proxy counts, and how it tells it: the autoscaler's statistics as
// protobuf, request metrics as Prometheus text, in the names of either generation of Knative.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "controller/knative/prometheus_source.h"
#include "core/units.h"
#include "sim/cluster.h"

namespace reeve {

// Upper ends of the buckets, in us, up to the last, which is open:
//   OpenTelemetry   knative/serving pkg/queue/…/metrics: 5 ms to 10 s
//   OpenCensus      knative/serving pkg/queue, defaultLatencyDistribution: 5 ms to 100 s
inline constexpr std::array<int64_t, 14> kOpenTelemetryBounds{
    5'000,   10'000,  25'000,    50'000,    75'000,    100'000,   250'000,
    500'000, 750'000, 1'000'000, 2'500'000, 5'000'000, 7'500'000, 10'000'000};
inline constexpr std::array<int64_t, 26> kOpenCensusBounds{
    5'000,     10'000,     20'000,     40'000,     60'000,     80'000,    100'000,
    150'000,   200'000,    250'000,    300'000,    350'000,    400'000,   450'000,
    500'000,   600'000,    700'000,    800'000,    900'000,    1'000'000, 2'000'000,
    5'000'000, 10'000'000, 20'000'000, 50'000'000, 100'000'000};

// Times of requests in both kinds of buckets, so that either can be told.
struct RequestTimes {
  std::array<uint64_t, kOpenTelemetryBounds.size() + 1> open_telemetry{};
  std::array<uint64_t, kOpenCensusBounds.size() + 1> open_census{};
  uint64_t count = 0;
  int64_t sum_us = 0;

  void Record(SimTime time);
};

// Answers of one HTTP status.
struct AnswerCounts {
  RequestTimes latency;    // from when the queue-proxy has the request
  RequestTimes execution;  // in the function
};

// Since the pod's start.
struct PodCounters {
  AnswerCounts fine;       // 200
  AnswerCounts lost;       // 502: the container failed under it
  AnswerCounts timed_out;  // 504
  double cpu_seconds = 0;  // used by the function's container

  uint64_t answered() const {
    return fine.latency.count + lost.latency.count + timed_out.latency.count;
  }
  // Of a request that ran. `ready_at`: when its container became ready; earlier the queue-proxy did
  // not have it, the activator did.
  void Count(const InvocationRecord& record, SimTime ready_at);
};

// Over the last window.
struct PodRates {
  double concurrency = 0;  // requests at once, averaged
  double requests = 0;     // answered, a second
};

// Whose statistics they are.
struct PodIdentity {
  std::string ns, name;
  std::string service, configuration, revision;
};

// The body of :9090/metrics, a Stat in protobuf. `now`: since 1970.
std::string StatisticsText(const PodIdentity& pod, const PodRates& rates, SimTime uptime,
                           SimTime now);
// The body of :9091/metrics. `names`: kOpenCensus for those of Knative 1.18 and earlier, else those
// of 1.19 and later.
std::string RequestMetricsText(const PodIdentity& pod, const PodCounters& counters,
                               const PodRates& rates, MetricNames names);

}  // namespace reeve
