#include "agents/rules/vpa_policy.h"

#include <algorithm>
#include <cmath>

#include "core/status.h"

namespace reeve {
namespace {

constexpr double kBytesPerMebibyte = 1024.0 * 1024.0;

Mebibytes RoundedUp(int64_t bytes) {
  constexpr int64_t kMebibyte = 1024 * 1024;
  return Mebibytes((bytes + kMebibyte - 1) / kMebibyte);
}

template <class Amount>
bool Outside(Amount value, const VpaRange<int64_t>& range) {
  return range.target > 0 &&
         (value < static_cast<Amount>(range.lower) || value > static_cast<Amount>(range.upper));
}

double RelativeChange(double value, int64_t target) {
  return target > 0 ? std::abs(static_cast<double>(target) - value) / std::max(value, 1.0) : 0;
}

}  // namespace

double VpaPolicy::Users(const FunctionWindows& windows, size_t f) const {
  const double ready = windows.containers_ready[f];
  if (options_.cpu_use == VpaCpuUse::kContainer) return ready;
  const double in_flight = windows.mean_in_flight[f];
  return std::isfinite(in_flight) ? std::clamp(in_flight, 0.0, ready) : 0;
}

void VpaPolicy::Record(const Snapshot& snapshot) {
  const FunctionWindows& windows = snapshot.functions;
  const double seconds = snapshot.window.seconds();
  if (!(seconds > 0)) return;
  for (size_t f = 0; f < windows.size(); ++f) {
    Function& function = functions_[f];
    const uint32_t ready = windows.containers_ready[f];
    const bool steady = ready == function.containers && windows.containers_started[f] == 0 &&
                        windows.containers_starting[f] == 0;
    function.containers = ready;
    if (ready == 0) continue;
    if (const double cpu = windows.cpu_used_millicores[f]; std::isfinite(cpu) && cpu >= 0) {
      function.cpu += cpu * seconds;
      function.users += Users(windows, f) * seconds;
    }
    const double each = windows.memory_used_mebibytes[f] / ready;
    const double limit = static_cast<double>(windows.memory_limit[f].value());
    if (steady && std::isfinite(each) && each > 0 && each < limit * (1 - 1e-9)) {
      function.recommender.AddMemory(options_, snapshot.time - snapshot.window,
                                     each * kBytesPerMebibyte);
    }
  }
}

void VpaPolicy::Update(const FunctionWindows& windows, size_t f, SimTime now, Decision& decision) {
  Function& function = functions_[f];
  const double request =
      static_cast<double>(windows.cpu_limit[f].value()) / options_.cpu_limit_per_request;
  if (function.users > 0) {
    double each = function.cpu / function.users;
    if (options_.cpu_use == VpaCpuUse::kBusyContainer) {
      each = std::min(each, static_cast<double>(windows.cpu_limit[f].value()));
    }
    function.recommender.AddCpu(last_sample_, each / 1000, request / 1000,
                                static_cast<int32_t>(std::max(1u, function.containers)));
  }
  function.cpu = function.users = 0;
  if (now - function.changed < options_.min_time_between_changes) return;

  VpaRecommendation recommended = function.recommender.Recommend(options_);
  if (!options_.control_cpu) recommended.cpu_millicores = {};
  if (!options_.control_memory) recommended.memory_bytes = {};
  const VpaRange<int64_t>& cpu = recommended.cpu_millicores;
  const VpaRange<int64_t>& memory = recommended.memory_bytes;
  const double bytes = static_cast<double>(windows.memory_limit[f].value()) * kBytesPerMebibyte;
  const bool outside = Outside(request, cpu) || Outside(bytes, memory);
  const bool old = now - function.changed >= options_.lifetime_threshold;
  const double change = RelativeChange(request, cpu.target) + RelativeChange(bytes, memory.target);
  if (!outside && !(old && change >= options_.min_change)) return;

  if (cpu.target > 0) {
    const double limit = static_cast<double>(cpu.target) * options_.cpu_limit_per_request;
    const Millicores rounded(static_cast<int64_t>(std::ceil(limit)));
    if (rounded != windows.cpu_limit[f]) decision.cpu_limit = rounded;
  }
  if (memory.target > 0 && RoundedUp(memory.target) != windows.memory_limit[f]) {
    decision.memory_limit = RoundedUp(memory.target);
  }
  if (decision.cpu_limit || decision.memory_limit) function.changed = now;
}

absl::Status VpaPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  ASSIGN_OR_RETURN(const bool due, clock_.Advance(snapshot, decisions.size(), functions_.size()));
  const FunctionWindows& windows = snapshot.functions;
  while (functions_.size() < windows.size()) {
    functions_.emplace_back(options_, buckets_, snapshot.time);
  }
  Record(snapshot);
  for (size_t f = 0; f < windows.size(); ++f) {
    if (options_.replicas) decisions[f].replicas = options_.replicas;
    if (due) Update(windows, f, snapshot.time, decisions[f]);
  }
  if (due) last_sample_ = snapshot.time;
  return absl::OkStatus();
}

}  // namespace reeve
