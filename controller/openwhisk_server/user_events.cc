#include "controller/openwhisk_server/user_events.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>
#include <vector>

namespace reeve::openwhisk_server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// The Java client's default buckets, in seconds.
constexpr std::array<double, 14> kSeconds = {.005, .01, .025, .05, .075, .1,  .25,
                                             .5,   .75, 1,    2.5, 5,    7.5, 10};
// Ten linear ones of 1 MiB each.
constexpr double kSizeStep = 1048576;

MetricFamily Family(const char* name, const char* help, MetricType type) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

const char* StatusLabel(size_t status) {
  constexpr const char* kLabels[] = {"success", "application_error", "developer_error",
                                     "internal_error"};
  return kLabels[status];
}

template <size_t n, class Bound>
ClientMetric::Histogram Cumulative(const std::array<uint64_t, n>& counts, double sum, Bound bound) {
  ClientMetric::Histogram histogram;
  uint64_t below = 0;
  for (size_t i = 0; i < n; ++i) {
    below += counts[i];
    histogram.bucket.push_back(
        {below, i + 1 < n ? bound(i) : std::numeric_limits<double>::infinity()});
  }
  histogram.sample_count = below;
  histogram.sample_sum = sum;
  return histogram;
}

}  // namespace

void UserEvents::OnActivation(const ActivationEvent& event) {
  OfAction& of = actions_[{event.ns, event.initiator, event.action}];
  const auto observe = [](SecondsHistogram& histogram, int64_t ms) {
    const double seconds = static_cast<double>(ms) / 1000;
    size_t bucket = 0;
    while (bucket < kBounds && seconds > kSeconds[bucket]) ++bucket;
    ++histogram.counts[bucket];
    histogram.sum += seconds;
  };
  ++of.activations[{event.kind, event.memory_mb}];
  of.memory_mb = event.memory_mb;
  if (event.init_ms > 0) {
    ++of.cold_starts;
    observe(of.init, event.init_ms);
  }
  observe(of.wait, event.wait_ms);
  observe(of.duration, event.duration_ms);
  size_t bucket = 0;
  while (bucket<kSizeBounds&& static_cast<double>(event.size)> kSizeStep *
         static_cast<double>(bucket)) {
    ++bucket;
  }
  ++of.size.counts[bucket];
  of.size.sum += static_cast<double>(event.size);
  ++of.statuses[static_cast<size_t>(event.status)];
}

std::string UserEvents::ToText() const {
  std::vector<MetricFamily> families = {
      Family("openwhisk_action_activations_total", "Activation Count", MetricType::Counter),
      Family("openwhisk_action_coldStarts_total", "Cold start counts", MetricType::Counter),
      Family("openwhisk_action_waitTime_seconds", "Internal system hold time",
             MetricType::Histogram),
      Family("openwhisk_action_initTime_seconds",
             "Time it took to initialize an action, e.g. docker init", MetricType::Histogram),
      Family("openwhisk_action_duration_seconds", "Actual time the action code was running",
             MetricType::Histogram),
      Family("openwhisk_action_response_size_bytes", "Activation Response size",
             MetricType::Histogram),
      Family("openwhisk_action_status", "Activation failure status type", MetricType::Counter),
      Family("openwhisk_action_memory", "Memory consumption of the action containers",
             MetricType::Gauge),
      Family("openwhisk_action_limit_concurrent_total",
             "a user has exceeded its limit for concurrent invocations", MetricType::Counter),
      Family("openwhisk_action_limit_timed_total",
             "the user has reached its per minute limit for the number of invocations",
             MetricType::Counter)};
  const auto counter = [](ClientMetric metric, uint64_t value) {
    metric.counter.value = static_cast<double>(value);
    return metric;
  };
  for (const auto& [key, of] : actions_) {
    ClientMetric metric;
    metric.label = {{"namespace", std::get<0>(key)},
                    {"initiator", std::get<1>(key)},
                    {"action", std::get<2>(key)}};
    for (const auto& [which, count] : of.activations) {
      ClientMetric one = metric;
      one.label.push_back({"kind", which.first});
      one.label.push_back({"memory", std::to_string(which.second)});
      families[0].metric.push_back(counter(one, count));
    }
    families[1].metric.push_back(counter(metric, of.cold_starts));
    const auto bound = [](size_t i) { return kSeconds[i]; };
    for (const auto& [at, histogram] : {std::pair<size_t, const SecondsHistogram*>{2, &of.wait},
                                        {3, &of.init},
                                        {4, &of.duration}}) {
      ClientMetric one = metric;
      one.histogram = Cumulative(histogram->counts, histogram->sum, bound);
      families[at].metric.push_back(std::move(one));
    }
    ClientMetric size = metric;
    size.histogram = Cumulative(of.size.counts, of.size.sum,
                                [](size_t i) { return kSizeStep * static_cast<double>(i); });
    families[5].metric.push_back(std::move(size));
    for (size_t status = 0; status < of.statuses.size(); ++status) {
      ClientMetric one = metric;
      one.label.push_back({"status", StatusLabel(status)});
      families[6].metric.push_back(counter(one, of.statuses[status]));
    }
    ClientMetric memory = metric;
    memory.gauge.value = static_cast<double>(of.memory_mb);
    families[7].metric.push_back(std::move(memory));
  }
  for (const auto& [ns, of] : limits_) {
    ClientMetric metric;
    metric.label = {{"namespace", ns}};
    families[8].metric.push_back(counter(metric, of.concurrent));
    families[9].metric.push_back(counter(metric, of.timed));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace reeve::openwhisk_server
