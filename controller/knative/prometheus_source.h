// Figures of all revisions by one query for each figure to a Prometheus that scrapes Knative.
//
// Two generations of names: OpenTelemetry's (Knative 1.19 and later, kn_…, seconds, joined with
// target_info for the revision) and OpenCensus's (1.18 and earlier, revision_…, milliseconds).
// Which one there is, is found out by asking both until one has something.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "controller/knative/figures.h"
#include "controller/knative/revision_view.h"
#include "controller/net/clock.h"
#include "controller/prometheus/answer_age.h"
#include "controller/prometheus/asked_ahead.h"
#include "controller/prometheus/prometheus_client.h"

namespace reeve {

enum class MetricNames { kAuto, kOpenTelemetry, kOpenCensus };
constexpr auto EnumNames(MetricNames) {
  return std::array<std::pair<MetricNames, std::string_view>, 3>{
      {{MetricNames::kAuto, "auto"},
       {MetricNames::kOpenTelemetry, "opentelemetry"},
       {MetricNames::kOpenCensus, "opencensus"}}};
}

// The figures that are asked for, in the order of the queries.
enum class Figure { kPresent, kLatency, kExecution, kBusy, kFailures, kQueued, kCpu, kMemory };
inline constexpr size_t kFigures = 8;

// The query for each figure; "" where the generation has none. `range` is at least two scrapes
// long. Results carry the labels reeve_ns and reeve_rev, those of CPU and memory reeve_ns and
// reeve_pod, and histograms `le`.
std::array<std::string, kFigures> PrometheusQueries(MetricNames names, SimTime range);

class PrometheusSource {
 public:
  PrometheusSource(PrometheusOptions options, MetricNames names, SimTime range,
                   NetClock& clock = NetClock::Real());

  // From now on a thread asks, and Collect hands out what it has
  // (controller/prometheus/asked_ahead.h).
  void Start() { answers_.Start(); }
  void Stop() { answers_.Stop(); }

  // `revisions` says which pod is whose. Counts are over `window`, from rates over the range.
  // Without Start it asks now.
  FigureRound Collect(const std::vector<RevisionView>& revisions, SimTime now, SimTime window);

 private:
  // One round of answers: what came in a second, of each revision and of each pod.
  struct Answers {
    absl::Status status = absl::UnavailableError("Prometheus has not answered yet");
    SimTime measured_at;
    double evaluated = 0;  // by the server's clock, seconds since 1970; 0: there were no samples
    absl::flat_hash_map<std::string, FunctionFigures> revisions;  // by "namespace/revision"
    struct PodFigures {
      std::optional<double> cpu_millicores, memory_mebibytes;
    };
    absl::flat_hash_map<std::string, PodFigures> pods;  // by "namespace/pod"
  };
  Answers Ask(SimTime now, const StopSignal& stop);
  absl::Status AskFor(MetricNames names, const StopSignal& stop, Answers& answers);
  static FigureRound Round(const Answers& answers, const std::vector<RevisionView>& revisions,
                           SimTime window);

  PrometheusClient client_;  // of whoever asks
  const SimTime range_;
  // Of whoever asks.
  std::optional<MetricNames> found_;
  AnswerAge age_;
  AskedAhead<Answers> answers_;  // last: its thread uses the rest
};

}  // namespace reeve
