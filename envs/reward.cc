#include "envs/reward.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/check.h"
#include "envs/window_measures.h"

namespace reeve {

struct RewardFunction::Input {
  const FunctionWindows& w;
  size_t f;
  double window_s;
  const ActionOutcome &outcome, &previous;
  double scale;  // 0: the part's own, where that is not a number
};

// Functions first .. first + size - 1 of a window.
struct RewardFunction::Block {
  const FunctionWindows& w;
  double window_s;
  std::span<const ActionOutcome> outcomes, previous;  // [F]
  size_t first, size;
  double* sums;  // [size]
  double* open;  // [size] 1; 0 once a rule has replaced the sum
};

namespace {

constexpr size_t kRewardBlock = 256;  // functions; what is kept of them fits the nearest cache

using Input = RewardFunction::Input;

double Cpu(const Input& in) {
  return CpuUtilisationOf(in.w, in.f);
}
double Slo(const Input& in) {
  return SloPreservationOf(in.w, in.f, in.window_s);
}

// ---- rules

double Illegal(const Input& in) {
  return in.outcome.illegal ? 1 : 0;
}
double Unserved(const Input& in) {
  const bool load = (in.w.arrivals[in.f] | in.w.queued[in.f]) > 0;
  const bool none = (in.w.containers_ready[in.f] | in.w.containers_starting[in.f]) == 0;
  return (load & none) ? 1 : 0;
}
double Undo(const Input& in) {
  const bool fewer = in.outcome.horizontal < 0;
  const bool more_before = in.previous.horizontal > 0;
  return (fewer & more_before) ? 1 : 0;
}

// ---- costs

double Over(double value, double scale) {
  return value / scale;
}
double GbSeconds(const Input& in) {
  const double mean_mib = Sane(in.w.memory_used_mebibytes[in.f]);
  if (in.scale > 0) return mean_mib / 1024 * in.window_s / in.scale;
  return Ratio(mean_mib, Sane(static_cast<double>(in.w.memory_limit[in.f].value())));
}
double CpuCost(const Input& in) {
  const double cores =
      ContainersOf(in.w, in.f) * Sane(static_cast<double>(in.w.cpu_limit[in.f].value())) / 1000;
  return in.scale > 0 ? cores * in.window_s / in.scale : cores;
}
double IdleContainers(const Input& in) {
  return Over(IdleContainersOf(in.w, in.f), in.scale);
}
double Churn(const Input& in) {
  return in.outcome.horizontal != 0 ? 1 : 0;
}
double ContainersStarted(const Input& in) {
  return Over(in.w.containers_started[in.f], in.scale);
}

// ---- service

double SloViolations(const Input& in) {
  return ViolationShareOf(in.w, in.f);
}
double SloViolationCount(const Input& in) {
  return Over(in.w.slo_violations[in.f], in.scale);
}
double ColdStarts(const Input& in) {
  return Over(in.w.cold_starts[in.f], in.scale);
}
double Latency(const Input& in) {
  const double ms = PresumedLatencyMs(in.w, in.f, in.window_s, in.w.latency_p99_ms[in.f]);
  return Over(ms, Sane(in.w.slo_latency[in.f].millis()) * in.scale);
}
double Queue(const Input& in) {
  return Over(in.w.queued[in.f], in.scale);
}
double Throughput(const Input& in) {
  return Ratio(in.w.completions[in.f], in.window_s * in.scale);
}

using Block = RewardFunction::Block;

// One part for a block of functions: a loop for each part that its formula is compiled into, since
// a call for each part of each function costs more than most formulas. What a rule replaces is
// multiplied away: whether one applies is as good as random, so a branch would cost more.
template <double (*value)(const Input&)>
void AddPart(const RewardFunction::Part& part, const Block& b) {
  for (size_t i = 0; i < b.size; ++i) {
    const double x = value({.w = b.w,
                            .f = b.first + i,
                            .window_s = b.window_s,
                            .outcome = b.outcomes[b.first + i],
                            .previous = b.previous[b.first + i],
                            .scale = part.scale});
    const double held = std::min(std::max(0.0, x), part.max);  // NaN is 0
    if (part.rule) {
      const double applies = held > 0 ? b.open[i] : 0;
      b.sums[i] += part.weight * applies;
      b.open[i] -= applies;
    } else {
      b.sums[i] += part.weight * held * b.open[i];
    }
  }
}

struct Row {
  std::string_view name, unit;
  double scale;  // default
  bool scales;   // takes a scale
  bool rule;     // replaces the sum
  double max;    // after scaling, held; the least is 0
  std::string_view doc;
  void (*add)(const RewardFunction::Part&, const Block&);
};

constexpr Row kParts[] = {
    {"cpu_utilisation", "share", 0, false, false, 1,
     "CPU used over the limits of the function's ready containers", AddPart<Cpu>},
    {"slo_preservation", "ratio", 0, false, false, 1,
     "min(1, SLO / p99 latency); without completions as the feature of that name", AddPart<Slo>},
    {"illegal", "0 or 1", 0, false, true, 1,
     "A choice of the last action was illegal. Replaces the sum", AddPart<Illegal>},
    {"unserved", "0 or 1", 0, false, true, 1,
     "No container, not even a starting one, though requests came or wait. Replaces the sum",
     AddPart<Unserved>},
    {"undo", "0 or 1", 0, false, true, 1,
     "Fewer containers asked for, in the step after more were. Replaces the sum", AddPart<Undo>},
    {"gb_seconds", "GB s", 0, true, false, 1000,
     "Memory held in the window. Own scale: one container's memory limit through the window, so "
     "that it is the mean number of containers",
     AddPart<GbSeconds>},
    {"cpu_cost", "core s", 0, true, false, 1000,
     "CPU limits of the function's containers, through the window. Own scale: one core through the "
     "window",
     AddPart<CpuCost>},
    {"idle_containers", "containers", 1, true, false, 1000,
     "Ready containers that the requests in flight do not need, at the window's end",
     AddPart<IdleContainers>},
    {"churn", "0 or 1", 0, false, false, 1,
     "The last action asked for another number of containers than before", AddPart<Churn>},
    {"containers_started", "containers", 1, true, false, 1000,
     "Containers whose start began in the window", AddPart<ContainersStarted>},
    {"slo_violations", "share", 0, false, false, 1,
     "Requests that missed the SLO over those that ended in the window; 0 when none did",
     AddPart<SloViolations>},
    {"slo_violation_count", "requests", 1, true, false, 1000,
     "Requests that missed the SLO in the window", AddPart<SloViolationCount>},
    {"cold_starts", "requests", 1, true, false, 1000,
     "Requests begun on a container that was not ready when they came", AddPart<ColdStarts>},
    {"latency", "times the SLO", 1, true, false, 10,
     "p99 latency over SLO; without completions as slo_preservation", AddPart<Latency>},
    {"queue", "requests", 20, true, false, 1000, "Requests waiting at the window's end",
     AddPart<Queue>},
    {"throughput", "rps", 10, true, false, 1000, "Requests answered, a second",
     AddPart<Throughput>},
};

const Row* FindRow(std::string_view name) {
  for (const Row& row : kParts) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace

// ---- specification

absl::Status RewardPart::Validate() const {
  const Row* row = FindRow(name);
  if (row == nullptr) {
    std::vector<std::string> names;
    for (const Row& known : kParts) names.emplace_back(known.name);
    return absl::InvalidArgumentError(
        fmt::format("unknown part '{}'{}", name, config_internal::Suggest(name, names)));
  }
  if (scale > 0 && !row->scales) {
    return absl::InvalidArgumentError(
        fmt::format("part '{}' has no unit and takes no scale; give it a weight", name));
  }
  return absl::OkStatus();
}

absl::Status RewardSpec::Validate() const {
  if (parts.empty()) return absl::InvalidArgumentError("a reward needs at least one part");
  for (size_t i = 0; i < parts.size(); ++i) {
    if (const absl::Status status = parts[i].Validate(); !status.ok()) return status;
    for (size_t j = 0; j < i; ++j) {
      if (parts[j].name == parts[i].name) {
        return absl::InvalidArgumentError(
            fmt::format("part '{}' stands here twice; add the weights", parts[i].name));
      }
    }
  }
  return absl::OkStatus();
}

std::vector<RewardPart> RewardSpec::Default() {
  return {{.name = "cpu_utilisation", .weight = 0.3},
          {.name = "slo_preservation", .weight = 0.7},
          {.name = "illegal", .weight = -1},
          {.name = "unserved", .weight = -1},
          {.name = "undo", .weight = -1}};
}

std::vector<RewardDoc> DescribeRewards() {
  std::vector<RewardDoc> docs;
  for (const Row& row : kParts) {
    docs.push_back({.name = std::string(row.name),
                    .unit = std::string(row.unit),
                    .range = fmt::format("0 to {}", row.max),
                    .scale = row.scale,
                    .doc = std::string(row.doc)});
  }
  return docs;
}

// ---- computation

RewardFunction::RewardFunction(const RewardSpec& spec) : team_(spec.team) {
  for (const RewardPart& part : spec.parts) {
    const Row* row = FindRow(part.name);
    REEVE_CHECK(row != nullptr);
    parts_.push_back({.add = row->add,
                      .weight = part.weight,
                      .scale = part.scale > 0 ? part.scale : row->scale,
                      .max = row->max,
                      .rule = row->rule});
  }
  // Rules first: what applies ends the search.
  std::stable_partition(parts_.begin(), parts_.end(), [](const Part& p) { return p.rule; });
}

void RewardFunction::Compute(const Snapshot& after, std::span<const ActionOutcome> outcomes,
                             std::span<const ActionOutcome> previous,
                             std::span<float> rewards) const {
  const FunctionWindows& w = after.functions;
  REEVE_CHECK(outcomes.size() == w.size() && previous.size() == w.size() &&
              rewards.size() == w.size());
  const double window_s = std::max(0.0, after.window.seconds());
  std::array<double, kRewardBlock> sums, open;
  for (size_t first = 0; first < w.size(); first += kRewardBlock) {
    const Block block{.w = w,
                      .window_s = window_s,
                      .outcomes = outcomes,
                      .previous = previous,
                      .first = first,
                      .size = std::min(kRewardBlock, w.size() - first),
                      .sums = sums.data(),
                      .open = open.data()};
    std::fill_n(sums.begin(), block.size, 0.0);
    std::fill_n(open.begin(), block.size, 1.0);
    for (const Part& part : parts_) part.add(part, block);
    for (size_t i = 0; i < block.size; ++i) {
      rewards[first + i] = static_cast<float>(std::clamp(sums[i], -1e9, 1e9));
    }
  }
}

void RewardFunction::Share(std::span<const uint8_t> present, std::span<float> rewards) const {
  if (team_ == 0) return;
  double sum = 0, count = 0;
  for (size_t f = 0; f < rewards.size(); ++f) {
    if (present[f] == 0) continue;
    sum += rewards[f];
    count += 1;
  }
  if (count == 0) return;
  for (size_t f = 0; f < rewards.size(); ++f) {
    if (present[f] == 0) continue;
    rewards[f] = static_cast<float>((1 - team_) * rewards[f] + team_ * sum / count);
  }
}

}  // namespace reeve
