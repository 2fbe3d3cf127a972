// How much CPU and memory a container needs, from what it has used: Kubernetes' vertical pod
// autoscaler for one function. Semantics of kubernetes/autoscaler vertical-pod-autoscaler
//   pkg/recommender/logic/estimator.go, recommender.go      percentiles, margin, confidence
//   pkg/recommender/model/aggregate_container_state.go (01f70e38), container.go,
//   aggregations_config.go                                  samples, memory peaks, half-lives
//   pkg/updater/priority/priority_processor.go, update_priority_calculator.go   when to apply
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "agents/rules/decaying_histogram.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

// What one CPU sample tells.
enum class VpaCpuUse : uint8_t {
  kContainer,      // use per ready container, as upstream
  kBusyContainer,  // use per container that executes something
};
constexpr auto EnumNames(VpaCpuUse) {
  return std::array<std::pair<VpaCpuUse, std::string_view>, 2>{
      {{VpaCpuUse::kContainer, "container"}, {VpaCpuUse::kBusyContainer, "busy_container"}}};
}

struct VpaOptions {
  bool control_cpu = true;
  VpaCpuUse cpu_use = VpaCpuUse::kContainer;
  double target_cpu_percentile = 0.9;
  double lower_bound_cpu_percentile = 0.5;
  double upper_bound_cpu_percentile = 0.95;
  SimTime cpu_half_life = SimTime::Hours(24);
  Millicores min_cpu{25};
  Millicores max_cpu = Millicores::Cores(1000);
  double cpu_limit_per_request = 1;
  bool control_memory = true;
  double target_memory_percentile = 0.9;
  double lower_bound_memory_percentile = 0.5;
  double upper_bound_memory_percentile = 0.95;
  SimTime memory_half_life = SimTime::Hours(24);
  SimTime memory_aggregation_interval = SimTime::Hours(24);
  Mebibytes min_memory{250};
  Mebibytes max_memory{1'000'000};
  double safety_margin = 0.15;
  SimTime confidence_interval = SimTime::Hours(24);
  SimTime interval = SimTime::Minutes(1);
  SimTime lifetime_threshold = SimTime::Hours(12);
  double min_change = 0.1;
  SimTime min_time_between_changes;
  std::optional<int32_t> replicas;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = VpaOptions;
    v.Field("control_cpu", &O::control_cpu, "whether CPU limits are changed");
    v.Field("cpu_use", &O::cpu_use,
            "what CPU use is the use of: every ready container (upstream's), or those that execute "
            "requests, which does not depend on how many others stand by");
    v.Field("target_cpu_percentile", &O::target_cpu_percentile,
            "percentile of CPU use that containers get", Between(0, 1));
    v.Field("lower_bound_cpu_percentile", &O::lower_bound_cpu_percentile,
            "percentile of CPU use below which a limit is too small", Between(0, 1));
    v.Field("upper_bound_cpu_percentile", &O::upper_bound_cpu_percentile,
            "percentile of CPU use above which a limit is too large", Between(0, 1));
    v.Field("cpu_half_life", &O::cpu_half_life, "time in which a CPU sample loses half its weight",
            AtLeast(1));
    v.Field("min_cpu", &O::min_cpu, "least CPU recommended", AtLeast(1));
    v.Field("max_cpu", &O::max_cpu, "most CPU recommended", AtLeast(1));
    v.Field("cpu_limit_per_request", &O::cpu_limit_per_request,
            "CPU limit over the CPU recommended; upstream recommends requests and keeps the ratio "
            "that the pod came with. Raise it where average use says little about bursts",
            AtLeast(1));
    v.Field("control_memory", &O::control_memory, "whether memory limits are changed");
    v.Field("target_memory_percentile", &O::target_memory_percentile,
            "percentile of memory peaks that containers get", Between(0, 1));
    v.Field("lower_bound_memory_percentile", &O::lower_bound_memory_percentile,
            "percentile of memory peaks below which a limit is too small", Between(0, 1));
    v.Field("upper_bound_memory_percentile", &O::upper_bound_memory_percentile,
            "percentile of memory peaks above which a limit is too large", Between(0, 1));
    v.Field("memory_half_life", &O::memory_half_life,
            "time in which a memory peak loses half its weight", AtLeast(1));
    v.Field("memory_aggregation_interval", &O::memory_aggregation_interval,
            "time of which the peak of memory use is one sample", AtLeast(1));
    v.Field("min_memory", &O::min_memory, "least memory recommended", AtLeast(1));
    v.Field("max_memory", &O::max_memory, "most memory recommended", AtLeast(1));
    v.Field("safety_margin", &O::safety_margin, "share added to every percentile", AtLeast(0));
    v.Field("confidence_interval", &O::confidence_interval,
            "length of history that counts as confidence 1 when there was a sample a minute",
            AtLeast(1));
    v.Field("interval", &O::interval, "time between two samples, and between two decisions",
            AtLeast(1));
    v.Field(
        "lifetime_threshold", &O::lifetime_threshold,
        "time after which a limit within the bounds is changed, too, when it is off by min_change",
        AtLeast(0));
    v.Field("min_change", &O::min_change,
            "sum over CPU and memory of the relative change that is worth it by then", AtLeast(0));
    v.Field("min_time_between_changes", &O::min_time_between_changes,
            "least time between two changes of a function", AtLeast(0));
    v.Field("replicas", &O::replicas,
            "containers of every function; unset: left as they are. For a platform that scales by "
            "replica target and no other rule to do it",
            AtLeast(0));
  }
  // Conditions between fields.
  absl::Status Validate() const;
};

// Bucket bounds of the histograms: CPU in cores, memory in bytes.
struct VpaBuckets {
  ExponentialBuckets cpu{1000.0, 0.001, 1.05};
  ExponentialBuckets memory{1e12, 1e7, 1.05};
};

// One container's request. Amounts are whole millicores and bytes, as upstream.
template <class Amount>
struct VpaRange {
  Amount target{}, lower{}, upper{};  // lower <= upper
};
struct VpaRecommendation {
  VpaRange<int64_t> cpu_millicores;
  VpaRange<int64_t> memory_bytes;
};

// Not thread-safe. Allocates on construction only.
class VpaRecommender {
 public:
  // `buckets` must outlive it.
  VpaRecommender(const VpaOptions& options, const VpaBuckets& buckets)
      : cpu_(buckets.cpu, options.cpu_half_life),
        memory_(buckets.memory, options.memory_half_life) {}

  // `containers` containers each used `cores` on average, with `request` cores, in the interval
  // that began at `start`. Each is a sample of weight max(request, 0.1).
  void AddCpu(SimTime start, double cores, double request, int32_t containers);

  // A container used `bytes` at `time`. The largest value of each aggregation interval is one
  // sample of weight 1, dated to the interval's end.
  void AddMemory(const VpaOptions& options, SimTime time, double bytes);

  // min(time from the first to the last CPU sample, samples * 1 minute) / confidence_interval.
  double Confidence(const VpaOptions& options) const;

  // With P = percentile * (1 + safety margin), c = confidence: target P, lower P (1 + 0.001 /
  // c)^-2, upper P (1 + 1 / c); each within [min, max]. With no confidence lower is the least and
  // upper the most there can be. Unset targets (0) have no samples.
  VpaRecommendation Recommend(const VpaOptions& options) const;

 private:
  DecayingHistogram cpu_;
  DecayingHistogram memory_;
  SimTime first_sample_, last_sample_;
  int64_t samples_ = 0;
  bool has_memory_ = false;
  SimTime interval_end_;  // of the current aggregation interval
  double peak_ = 0;       // bytes, of that interval
};

}  // namespace reeve
