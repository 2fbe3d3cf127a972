#include "controller/bus/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/status.h"

namespace reeve {
namespace {

template <class T>
struct Identity {
  T operator()(T value) const { return value; }
};

// Checks and copies the columns of a message; remembers the first that is wrong.
class ColumnReader {
 public:
  explicit ColumnReader(size_t functions) : functions_(functions) {}

  template <class Column, class T, class Make = Identity<T>>
  void Read(std::string_view name, const Column& from, double most, std::vector<T>& to,
            Make make = {}) {
    if (!status_.ok() || from.empty()) return;  // `to` is all zero
    if (static_cast<size_t>(from.size()) != functions_) {
      status_ = absl::InvalidArgumentError(
          fmt::format("functions.{} has {} elements: {} (one a function) or none are allowed", name,
                      from.size(), functions_));
      return;
    }
    for (int i = 0; i < from.size(); ++i) {
      const auto value = from[i];
      // Written so that NaN is wrong.
      if (!(static_cast<double>(value) >= 0 && static_cast<double>(value) <= most)) {
        status_ = absl::InvalidArgumentError(
            fmt::format("functions.{}[{}] is {}: 0 to {:g} is allowed", name, i, value, most));
        return;
      }
      to[static_cast<size_t>(i)] = make(value);
    }
  }

  const absl::Status& status() const { return status_; }

 private:
  const size_t functions_;
  absl::Status status_;
};

void ReadCounts(const bus::v1::Windows& m, ColumnReader& reader, FunctionWindows& w) {
  reader.Read("arrivals", m.arrivals(), kMostRequests, w.arrivals);
  reader.Read("completions", m.completions(), kMostRequests, w.completions);
  reader.Read("failures", m.failures(), kMostRequests, w.failures);
  reader.Read("timeouts", m.timeouts(), kMostRequests, w.timeouts);
  reader.Read("rejections", m.rejections(), kMostRequests, w.rejections);
  reader.Read("cold_starts", m.cold_starts(), kMostRequests, w.cold_starts);
  reader.Read("containers_started", m.containers_started(), kMostContainers, w.containers_started);
  reader.Read("slo_violations", m.slo_violations(), kMostRequests, w.slo_violations);
  reader.Read("queued", m.queued(), kMostRequests, w.queued);
  reader.Read("in_flight", m.in_flight(), kMostRequests, w.in_flight);
  reader.Read("containers_ready", m.containers_ready(), kMostContainers, w.containers_ready);
  reader.Read("containers_starting", m.containers_starting(), kMostContainers,
              w.containers_starting);
  reader.Read("replicas_asked", m.replicas_asked(), kMostContainers, w.replicas_asked);
}

void ReadMeasures(const bus::v1::Windows& m, ColumnReader& reader, FunctionWindows& w) {
  reader.Read("mean_queued", m.mean_queued(), kMostRequests, w.mean_queued);
  reader.Read("mean_in_flight", m.mean_in_flight(), kMostRequests, w.mean_in_flight);
  reader.Read("cpu_used_millicores", m.cpu_used_millicores(), kMostResources,
              w.cpu_used_millicores);
  reader.Read("memory_used_mebibytes", m.memory_used_mebibytes(), kMostResources,
              w.memory_used_mebibytes);
  reader.Read("latency_p50_ms", m.latency_p50_ms(), kMostMillis, w.latency_p50_ms);
  reader.Read("latency_p95_ms", m.latency_p95_ms(), kMostMillis, w.latency_p95_ms);
  reader.Read("latency_p99_ms", m.latency_p99_ms(), kMostMillis, w.latency_p99_ms);
  reader.Read("execution_p50_ms", m.execution_p50_ms(), kMostMillis, w.execution_p50_ms);
  reader.Read("execution_p95_ms", m.execution_p95_ms(), kMostMillis, w.execution_p95_ms);
  reader.Read("execution_p99_ms", m.execution_p99_ms(), kMostMillis, w.execution_p99_ms);
}

void ReadLimits(const bus::v1::Windows& m, ColumnReader& reader, FunctionWindows& w) {
  reader.Read("cpu_limit_millicores", m.cpu_limit_millicores(), kMostResources, w.cpu_limit,
              [](int64_t value) { return Millicores(value); });
  reader.Read("memory_limit_mebibytes", m.memory_limit_mebibytes(), kMostResources, w.memory_limit,
              [](int64_t value) { return Mebibytes(value); });
  reader.Read("concurrency_limit", m.concurrency_limit(), kMostRequests, w.concurrency_limit);
  reader.Read("slo_latency_us", m.slo_latency_us(), kMostMicros, w.slo_latency,
              [](int64_t value) { return value == 0 ? SimTime::Max() : SimTime::Micros(value); });
}

template <class T>
absl::Status CheckNumber(std::string_view name, T value, double least, double most) {
  if (static_cast<double>(value) >= least && static_cast<double>(value) <= most) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("{} is {}: {:g} to {:g} is allowed", name, value, least, most));
}

absl::Status ReadCluster(const bus::v1::Cluster& m, ClusterState& cluster) {
  RETURN_IF_ERROR(CheckNumber("cluster.cpu_capacity_millicores", m.cpu_capacity_millicores(), 0,
                              kMostResources));
  RETURN_IF_ERROR(CheckNumber("cluster.memory_capacity_mebibytes", m.memory_capacity_mebibytes(), 0,
                              kMostResources));
  RETURN_IF_ERROR(
      CheckNumber("cluster.cpu_limits_millicores", m.cpu_limits_millicores(), 0, kMostResources));
  RETURN_IF_ERROR(
      CheckNumber("cluster.memory_held_mebibytes", m.memory_held_mebibytes(), 0, kMostResources));
  RETURN_IF_ERROR(
      CheckNumber("cluster.cpu_used_millicores", m.cpu_used_millicores(), 0, kMostResources));
  cluster.cpu_capacity = Millicores(m.cpu_capacity_millicores());
  cluster.memory_capacity = Mebibytes(m.memory_capacity_mebibytes());
  cluster.cpu_limits = Millicores(m.cpu_limits_millicores());
  cluster.memory_held = Mebibytes(m.memory_held_mebibytes());
  cluster.cpu_used_millicores = m.cpu_used_millicores();
  cluster.nodes_ready = m.nodes_ready();
  return absl::OkStatus();
}

template <class T, class Field>
void WriteColumn(const std::vector<T>& from, Field* to) {
  to->Assign(from.begin(), from.end());
}

template <class T, class Field, class Make>
void WriteColumn(const std::vector<T>& from, Field* to, Make make) {
  to->Clear();
  to->Reserve(static_cast<int>(from.size()));
  for (const T& value : from) to->AddAlreadyReserved(make(value));
}

void WriteWindows(const FunctionWindows& w, bus::v1::Windows& m) {
  WriteColumn(w.arrivals, m.mutable_arrivals());
  WriteColumn(w.completions, m.mutable_completions());
  WriteColumn(w.failures, m.mutable_failures());
  WriteColumn(w.timeouts, m.mutable_timeouts());
  WriteColumn(w.rejections, m.mutable_rejections());
  WriteColumn(w.cold_starts, m.mutable_cold_starts());
  WriteColumn(w.containers_started, m.mutable_containers_started());
  WriteColumn(w.slo_violations, m.mutable_slo_violations());
  WriteColumn(w.queued, m.mutable_queued());
  WriteColumn(w.in_flight, m.mutable_in_flight());
  WriteColumn(w.containers_ready, m.mutable_containers_ready());
  WriteColumn(w.containers_starting, m.mutable_containers_starting());
  WriteColumn(w.replicas_asked, m.mutable_replicas_asked());
  WriteColumn(w.mean_queued, m.mutable_mean_queued());
  WriteColumn(w.mean_in_flight, m.mutable_mean_in_flight());
  WriteColumn(w.cpu_used_millicores, m.mutable_cpu_used_millicores());
  WriteColumn(w.memory_used_mebibytes, m.mutable_memory_used_mebibytes());
  WriteColumn(w.latency_p50_ms, m.mutable_latency_p50_ms());
  WriteColumn(w.latency_p95_ms, m.mutable_latency_p95_ms());
  WriteColumn(w.latency_p99_ms, m.mutable_latency_p99_ms());
  WriteColumn(w.execution_p50_ms, m.mutable_execution_p50_ms());
  WriteColumn(w.execution_p95_ms, m.mutable_execution_p95_ms());
  WriteColumn(w.execution_p99_ms, m.mutable_execution_p99_ms());
  const auto value = [](const auto& quantity) { return quantity.value(); };
  WriteColumn(w.cpu_limit, m.mutable_cpu_limit_millicores(), value);
  WriteColumn(w.memory_limit, m.mutable_memory_limit_mebibytes(), value);
  WriteColumn(w.concurrency_limit, m.mutable_concurrency_limit());
  WriteColumn(w.slo_latency, m.mutable_slo_latency_us(),
              [](SimTime time) { return time == SimTime::Max() ? 0 : time.micros(); });
}

}  // namespace

absl::Status ReadSnapshot(const bus::v1::Snapshot& message, size_t functions, Snapshot& snapshot) {
  RETURN_IF_ERROR(CheckNumber("time_us", message.time_us(), 0, kMostMicros));
  RETURN_IF_ERROR(CheckNumber("window_us", message.window_us(), 0, kMostMicros));
  RETURN_IF_ERROR(ReadCluster(message.cluster(), snapshot.cluster));
  snapshot.time = SimTime::Micros(message.time_us());
  snapshot.window = SimTime::Micros(message.window_us());
  snapshot.functions = {};
  snapshot.functions.Resize(functions);
  std::fill(snapshot.functions.slo_latency.begin(), snapshot.functions.slo_latency.end(),
            SimTime::Max());
  ColumnReader reader(functions);
  ReadCounts(message.functions(), reader, snapshot.functions);
  ReadMeasures(message.functions(), reader, snapshot.functions);
  ReadLimits(message.functions(), reader, snapshot.functions);
  return reader.status();
}

void WriteSnapshot(const Snapshot& snapshot, bus::v1::Snapshot& message) {
  message.set_time_us(snapshot.time.micros());
  message.set_window_us(snapshot.window.micros());
  WriteWindows(snapshot.functions, *message.mutable_functions());
  bus::v1::Cluster& cluster = *message.mutable_cluster();
  cluster.set_cpu_capacity_millicores(snapshot.cluster.cpu_capacity.value());
  cluster.set_memory_capacity_mebibytes(snapshot.cluster.memory_capacity.value());
  cluster.set_cpu_limits_millicores(snapshot.cluster.cpu_limits.value());
  cluster.set_memory_held_mebibytes(snapshot.cluster.memory_held.value());
  cluster.set_cpu_used_millicores(snapshot.cluster.cpu_used_millicores);
  cluster.set_nodes_ready(snapshot.cluster.nodes_ready);
}

void WriteDecision(const Decision& decision, bus::v1::Decision& message) {
  if (decision.replicas) message.set_replicas(*decision.replicas);
  if (decision.cpu_limit) message.set_cpu_limit_millicores(decision.cpu_limit->value());
  if (decision.memory_limit) message.set_memory_limit_mebibytes(decision.memory_limit->value());
  if (decision.concurrency) message.set_concurrency(*decision.concurrency);
  if (decision.keep_alive) message.set_keep_alive_us(decision.keep_alive->micros());
}

absl::StatusOr<Decision> ReadDecision(const bus::v1::Decision& message) {
  Decision decision;
  if (message.has_replicas()) {
    RETURN_IF_ERROR(CheckNumber("replicas", message.replicas(), 0, kMostContainers));
    decision.replicas = message.replicas();
  }
  if (message.has_cpu_limit_millicores()) {
    RETURN_IF_ERROR(
        CheckNumber("cpu_limit_millicores", message.cpu_limit_millicores(), 1, kMostResources));
    decision.cpu_limit = Millicores(message.cpu_limit_millicores());
  }
  if (message.has_memory_limit_mebibytes()) {
    RETURN_IF_ERROR(
        CheckNumber("memory_limit_mebibytes", message.memory_limit_mebibytes(), 1, kMostResources));
    decision.memory_limit = Mebibytes(message.memory_limit_mebibytes());
  }
  if (message.has_concurrency()) {
    RETURN_IF_ERROR(CheckNumber("concurrency", message.concurrency(), 0, kMostRequests));
    decision.concurrency = message.concurrency();
  }
  if (message.has_keep_alive_us()) {
    RETURN_IF_ERROR(CheckNumber("keep_alive_us", message.keep_alive_us(), 0, 0x1p63));
    decision.keep_alive = SimTime::Micros(message.keep_alive_us());
  }
  return decision;
}

}  // namespace reeve
