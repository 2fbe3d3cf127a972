// Features of the last window alone.
#include <algorithm>

#include "core/portable_math.h"
#include "envs/feature_table.h"
#include "envs/window_measures.h"

namespace reeve {
namespace {

using In = FeatureInput;

double Value(Millicores cpu) {
  return Sane(static_cast<double>(cpu.value()));
}
double Value(Mebibytes memory) {
  return Sane(static_cast<double>(memory.value()));
}

// ---- the MA-PPO authors' six

double CpuUtilisation(const In& in, size_t f) {
  return CpuUtilisationOf(in.w, f);
}
double SloPreservation(const In& in, size_t f) {
  return SloPreservationOf(in.w, f, in.window.window_s);
}
double OwnCpu(const In& in, size_t f) {
  return ContainersOf(in.w, f) * Value(in.w.cpu_limit[f]);
}
double CpuShare(const In& in, size_t f) {
  return OwnCpu(in, f) * in.window.per_cpu;
}
double OthersCpuShare(const In& in, size_t f) {
  return (Value(in.window.cluster.cpu_limits) - OwnCpu(in, f)) * in.window.per_cpu;
}
double Containers(const In& in, size_t f) {
  return ContainersOf(in.w, f) * in.per_scale;
}
double ArrivalRate(const In& in, size_t f) {
  return in.window.Rate(f) * in.per_scale;
}

// ---- memory, as AWARE adds it

double OwnMemory(const In& in, size_t f) {
  return ContainersOf(in.w, f) * Value(in.w.memory_limit[f]);
}
double MemoryUtilisation(const In& in, size_t f) {
  return Ratio(Sane(in.w.memory_used_mebibytes[f]), OwnMemory(in, f));
}
double MemoryShare(const In& in, size_t f) {
  return OwnMemory(in, f) * in.window.per_memory;
}
double OthersMemoryShare(const In& in, size_t f) {
  return (Value(in.window.cluster.memory_held) - OwnMemory(in, f)) * in.window.per_memory;
}

// ---- what is set

double CpuLimit(const In& in, size_t f) {
  return Value(in.w.cpu_limit[f]) * in.per_scale;
}
double MemoryLimit(const In& in, size_t f) {
  return Value(in.w.memory_limit[f]) * in.per_scale;
}
// 0 at 64 MiB and below, 1 at 32 GiB: 9 doublings.
double MemorySize(const In& in, size_t f) {
  return CoarseLog2(std::max(Value(in.w.memory_limit[f]), 64.0) / 64) / 9;
}
double ReplicasAsked(const In& in, size_t f) {
  return in.w.replicas_asked[f] * in.per_scale;
}
double SloSize(const In& in, size_t f) {
  return CoarseLog2(1 + Sane(in.w.slo_latency[f].millis())) / CoarseLog2(1 + 600e3);
}

// ---- requests and containers

double Queued(const In& in, size_t f) {
  return in.w.queued[f] * in.per_scale;
}
double InFlight(const In& in, size_t f) {
  return in.w.in_flight[f] * in.per_scale;
}
double ConcurrencyUtilisation(const In& in, size_t f) {
  return Ratio(Sane(in.w.mean_in_flight[f]), in.w.containers_ready[f] * ConcurrencyOf(in.w, f));
}
double ContainersStarting(const In& in, size_t f) {
  return in.w.containers_starting[f] * in.per_scale;
}
double ContainersIdle(const In& in, size_t f) {
  return Ratio(IdleContainersOf(in.w, f), in.w.containers_ready[f]);
}
double ColdStartShare(const In& in, size_t f) {
  return Ratio(in.w.cold_starts[f], std::max(in.w.arrivals[f], in.w.cold_starts[f]));
}
double SloViolationShare(const In& in, size_t f) {
  return ViolationShareOf(in.w, f);
}

// ---- latency over SLO; r / (1 + r) is 1/2 at the SLO, and a factor counts alike on both sides

double OverSlo(const In& in, size_t f, double ms) {
  return Ratio(ms, ms + Sane(in.w.slo_latency[f].millis()));
}
double LatencyOverSlo(const In& in, size_t f, double quantile_ms) {
  return OverSlo(in, f, PresumedLatencyMs(in.w, f, in.window.window_s, quantile_ms));
}
double LatencyP50(const In& in, size_t f) {
  return LatencyOverSlo(in, f, in.w.latency_p50_ms[f]);
}
double LatencyP95(const In& in, size_t f) {
  return LatencyOverSlo(in, f, in.w.latency_p95_ms[f]);
}
double LatencyP99(const In& in, size_t f) {
  return LatencyOverSlo(in, f, in.w.latency_p99_ms[f]);
}
double ExecutionP50(const In& in, size_t f) {
  return OverSlo(in, f, Sane(in.Past<LastExecution>().p50_ms[f]));
}
double ExecutionP95(const In& in, size_t f) {
  return OverSlo(in, f, Sane(in.Past<LastExecution>().p95_ms[f]));
}

// ---- the cluster and the clock

double ClusterCpuLoad(const In& in, size_t) {
  return Sane(in.window.cluster.cpu_used_millicores) * in.window.per_cpu;
}
double ClusterMemoryLoad(const In& in, size_t) {
  return Value(in.window.cluster.memory_held) * in.window.per_memory;
}
void FillDay(const FeatureInput& in, double turn, size_t begin, size_t end, float* out,
             size_t stride) {
  const float value = Within(PortableSinTurns(turn), in.min, in.max);
  for (size_t f = begin; f < end; ++f, out += stride) *out = value;
}
void FillDaySine(const FeatureInput& in, size_t begin, size_t end, float* out, size_t stride) {
  FillDay(in, in.window.day_turn, begin, end, out, stride);
}
void FillDayCosine(const FeatureInput& in, size_t begin, size_t end, float* out, size_t stride) {
  const double turn = in.window.day_turn + 0.25;
  FillDay(in, turn > 1 ? turn - 1 : turn, begin, end, out, stride);
}

using enum HistoryKind;

constexpr FeatureRow kWindowRows[] = {
    {"cpu_utilisation", "share", 0, kNoTime, kNone, 0, 1,
     "CPU used in the window over the limits of the function's ready containers; 0 without any",
     Fill<CpuUtilisation>},
    {"slo_preservation", "ratio", 0, kNoTime, kNone, 0, 1,
     "min(1, SLO / p99 latency). In a window without completions: 0 when requests were lost, else "
     "with the mean time that those still there spent in this window instead of p99; 1 when nobody "
     "is there",
     Fill<SloPreservation>},
    {"cpu_share", "share", 1, kNoTime, kNone, 0, 4,
     "CPU limits of the function's containers, starting ones included, over the cluster's CPU",
     Fill<CpuShare>},
    {"others_cpu_share", "share", 1, kNoTime, kNone, 0, 4,
     "CPU limits of all other containers over the cluster's CPU; above 1 when it is overcommitted",
     Fill<OthersCpuShare>},
    {"containers", "containers", 20, kNoTime, kNone, 0, 4, "Containers, ready and starting",
     Fill<Containers>},
    {"arrival_rate", "rps", 10, kNoTime, kNone, 0, 4, "Requests that came in the window, a second",
     Fill<ArrivalRate>},
    {"memory_utilisation", "share", 0, kNoTime, kNone, 0, 1,
     "Memory in use (mean of the window) over the limits of the function's containers; 0 without "
     "any",
     Fill<MemoryUtilisation>},
    {"memory_share", "share", 1, kNoTime, kNone, 0, 4,
     "Memory limits of the function's containers over the cluster's memory", Fill<MemoryShare>},
    {"others_memory_share", "share", 1, kNoTime, kNone, 0, 4,
     "Memory held by all other containers over the cluster's memory", Fill<OthersMemoryShare>},
    {"cpu_limit", "millicores", 2048, kNoTime, kNone, 0, 4, "CPU limit of one container",
     Fill<CpuLimit>},
    {"memory_limit", "MiB", 2048, kNoTime, kNone, 0, 4, "Memory limit of one container",
     Fill<MemoryLimit>},
    {"memory_size", "log", 0, kNoTime, kNone, 0, 1,
     "Memory limit of one container, logarithmic: 0 at 64 MiB, 1 at 32 GiB", Fill<MemorySize>},
    {"replicas_asked", "containers", 20, kNoTime, kNone, 0, 4,
     "The replica target, or warm floor, last applied", Fill<ReplicasAsked>},
    {"slo", "log", 0, kNoTime, kNone, 0, 1,
     "The latency SLO, logarithmic: log(1 + ms), 1 at 10 minutes and when there is none",
     Fill<SloSize>},
    {"queued", "requests", 20, kNoTime, kNone, 0, 4, "Requests waiting for a container now",
     Fill<Queued>},
    {"in_flight", "requests", 20, kNoTime, kNone, 0, 4, "Requests being executed now",
     Fill<InFlight>},
    {"concurrency_utilisation", "share", 0, kNoTime, kNone, 0, 1,
     "Mean requests being executed over what the ready containers may execute at once; a container "
     "without a limit counts as 100",
     Fill<ConcurrencyUtilisation>},
    {"containers_starting", "containers", 20, kNoTime, kNone, 0, 4,
     "Containers that are not ready yet", Fill<ContainersStarting>},
    {"containers_idle", "share", 0, kNoTime, kNone, 0, 1,
     "Ready containers that the requests in flight do not need, over ready containers",
     Fill<ContainersIdle>},
    {"cold_start_share", "share", 0, kNoTime, kNone, 0, 1,
     "Requests begun on a container that was not ready when they came, over arrivals",
     Fill<ColdStartShare>},
    {"slo_violation_share", "share", 0, kNoTime, kNone, 0, 1,
     "Requests of the window that missed the SLO over those that ended; 0 when none did",
     Fill<SloViolationShare>},
    {"latency_p50", "squashed", 0, kNoTime, kNone, 0, 1,
     "r / (1 + r), r = median latency over SLO: 1/2 at the SLO. Without completions as in "
     "slo_preservation; 0 when nobody is there",
     Fill<LatencyP50>},
    {"latency_p95", "squashed", 0, kNoTime, kNone, 0, 1, "As latency_p50, of the 95th percentile",
     Fill<LatencyP95>},
    {"latency_p99", "squashed", 0, kNoTime, kNone, 0, 1, "As latency_p50, of the 99th percentile",
     Fill<LatencyP99>},
    {"execution_p50", "squashed", 0, kNoTime, HistoryKind::kLastExecution, 0, 1,
     "r / (1 + r), r = median execution time over SLO, of the last window with completions (0 "
     "before): how much of the SLO is left for waiting and cold starts",
     Fill<ExecutionP50>},
    {"execution_p95", "squashed", 0, kNoTime, HistoryKind::kLastExecution, 0, 1,
     "As execution_p50, of the 95th percentile", Fill<ExecutionP95>},
    {"cluster_cpu_load", "share", 0, kNoTime, kNone, 0, 1,
     "CPU used by all containers (mean of the window) over the cluster's CPU",
     Fill<ClusterCpuLoad>},
    {"cluster_memory_load", "share", 0, kNoTime, kNone, 0, 1,
     "Memory held by all containers over the cluster's memory", Fill<ClusterMemoryLoad>},
    {"day_sine", "sine", 0, kNoTime, kNone, -1, 1,
     "Sine of the time of day, a turn in 24 h from the start of the trace", FillDaySine},
    {"day_cosine", "cosine", 0, kNoTime, kNone, -1, 1, "Cosine of it", FillDayCosine},
};

}  // namespace

std::span<const FeatureRow> WindowFeatures() {
  return kWindowRows;
}

}  // namespace reeve
