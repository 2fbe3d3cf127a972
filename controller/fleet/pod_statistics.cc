#include "controller/fleet/pod_statistics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "controller/knative/queue_stat.h"

namespace reeve {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

ClientMetric Labelled(const Labels& labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

MetricFamily Family(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

// `counts` not cumulative, `bounds` in us; told in units of `unit_us`.
template <size_t n, size_t m>
ClientMetric::Histogram HistogramOf(const std::array<uint64_t, n>& counts,
                                    const std::array<int64_t, m>& bounds, uint64_t count,
                                    int64_t sum_us, double unit_us) {
  static_assert(n == m + 1);
  ClientMetric::Histogram histogram;
  histogram.sample_count = count;
  histogram.sample_sum = static_cast<double>(sum_us) / unit_us;
  uint64_t below = 0;
  for (size_t i = 0; i < n; ++i) {
    below += counts[i];
    const double bound =
        i < m ? static_cast<double>(bounds[i]) / unit_us : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({below, bound});
  }
  return histogram;
}

struct Answers {
  const AnswerCounts* counts;
  const char *code, *code_class;
};
// Those that are fine always, so that a rate knows the zero they began at; the others once there
// are some.
std::vector<Answers> AnswersOf(const PodCounters& counters) {
  std::vector<Answers> all = {{&counters.fine, "200", "2xx"}};
  if (counters.lost.latency.count > 0) all.push_back({&counters.lost, "502", "5xx"});
  if (counters.timed_out.latency.count > 0) all.push_back({&counters.timed_out, "504", "5xx"});
  return all;
}

std::vector<MetricFamily> OpenTelemetryFamilies(const PodIdentity& pod, const PodCounters& counters,
                                                const PodRates& rates) {
  MetricFamily latency = Family("kn_serving_invocation_duration_seconds",
                                "The duration of task execution.", MetricType::Histogram);
  MetricFamily execution = Family("http_client_request_duration_seconds",
                                  "Duration of HTTP client requests.", MetricType::Histogram);
  for (const Answers& answers : AnswersOf(counters)) {
    const auto add = [&](MetricFamily& family, const RequestTimes& times) {
      ClientMetric metric = Labelled({{"http_response_status_code", answers.code}});
      metric.histogram =
          HistogramOf(times.open_telemetry, kOpenTelemetryBounds, times.count, times.sum_us, 1e6);
      family.metric.push_back(std::move(metric));
    };
    add(latency, answers.counts->latency);
    add(execution, answers.counts->execution);
  }
  MetricFamily depth =
      Family("kn_serving_queue_depth", "Number of current items in the queue.", MetricType::Gauge);
  depth.metric.push_back(Labelled({}));
  depth.metric.back().gauge.value = std::round(rates.concurrency);
  MetricFamily target = Family("target_info", "Target metadata", MetricType::Gauge);
  target.metric.push_back(Labelled({{"k8s_namespace_name", pod.ns},
                                    {"k8s_pod_name", pod.name},
                                    {"kn_service_name", pod.service},
                                    {"kn_configuration_name", pod.configuration},
                                    {"kn_revision_name", pod.revision},
                                    {"service_name", pod.service},
                                    {"service_instance_id", pod.name}}));
  target.metric.back().gauge.value = 1;
  return {latency, execution, depth, target};
}

std::vector<MetricFamily> OpenCensusFamilies(const PodIdentity& pod, const PodCounters& counters,
                                             const PodRates& rates) {
  const Labels whose = {{"namespace_name", pod.ns},
                        {"service_name", pod.service},
                        {"configuration_name", pod.configuration},
                        {"revision_name", pod.revision},
                        {"pod_name", pod.name},
                        {"container_name", "queue-proxy"}};
  MetricFamily latency = Family("revision_request_latencies", "The response time in millisecond",
                                MetricType::Histogram);
  MetricFamily execution = Family("revision_app_request_latencies",
                                  "The response time in millisecond", MetricType::Histogram);
  MetricFamily requests =
      Family("revision_request_count", "The number of requests that are routed to queue-proxy",
             MetricType::Counter);
  for (const Answers& answers : AnswersOf(counters)) {
    Labels labels = whose;
    labels.emplace_back("response_code", answers.code);
    labels.emplace_back("response_code_class", answers.code_class);
    const auto add = [&](MetricFamily& family, const RequestTimes& times) {
      ClientMetric metric = Labelled(labels);
      metric.histogram =
          HistogramOf(times.open_census, kOpenCensusBounds, times.count, times.sum_us, 1e3);
      family.metric.push_back(std::move(metric));
    };
    add(latency, answers.counts->latency);
    add(execution, answers.counts->execution);
    requests.metric.push_back(Labelled(labels));
    requests.metric.back().counter.value = static_cast<double>(answers.counts->latency.count);
  }
  MetricFamily depth =
      Family("revision_queue_depth", "The current number of items in the serving and waiting queue",
             MetricType::Gauge);
  depth.metric.push_back(Labelled(whose));
  depth.metric.back().gauge.value = std::round(rates.concurrency);
  return {latency, execution, requests, depth};
}

}  // namespace

void RequestTimes::Record(SimTime time) {
  const int64_t us = std::max<int64_t>(0, time.micros());
  const auto place = [us](const auto& bounds) {
    return static_cast<size_t>(std::lower_bound(bounds.begin(), bounds.end(), us) - bounds.begin());
  };
  ++open_telemetry[place(kOpenTelemetryBounds)];
  ++open_census[place(kOpenCensusBounds)];
  ++count;
  sum_us += us;
}

void PodCounters::Count(const InvocationRecord& record, SimTime ready_at) {
  AnswerCounts& counts = record.outcome == Outcome::kCompleted  ? fine
                         : record.outcome == Outcome::kTimedOut ? timed_out
                                                                : lost;
  counts.latency.Record(record.end - std::max(record.arrival, ready_at));
  counts.execution.Record(record.end - record.start);
}

std::string StatisticsText(const PodIdentity& pod, const PodRates& rates, SimTime uptime,
                           SimTime now) {
  QueueStat stat;
  stat.pod = pod.name;
  stat.average_concurrency = rates.concurrency;
  stat.request_rate = rates.requests;
  stat.process_uptime_seconds = uptime.seconds();
  stat.timestamp_ms = now.micros() / 1000;
  return WriteQueueStat(stat);
}

std::string RequestMetricsText(const PodIdentity& pod, const PodCounters& counters,
                               const PodRates& rates, MetricNames names) {
  return prometheus::TextSerializer().Serialize(names == MetricNames::kOpenCensus
                                                    ? OpenCensusFamilies(pod, counters, rates)
                                                    : OpenTelemetryFamilies(pod, counters, rates));
}

}  // namespace reeve
