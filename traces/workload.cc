#include "traces/workload.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <span>
#include <tuple>

#include "core/random.h"
#include "core/status.h"
#include "traces/load_trace.h"
#include "traces/trace_edit.h"

namespace reeve {
namespace {

double PlaceOf(const std::string& name, uint64_t seed) {
  return RandomStream(seed, StreamPurpose::kTraceEdit, XXH3_64bits(name.data(), name.size()))
      .Uniform(0);
}

constexpr size_t kStratum = 10;

// By function: which part it may be in.
std::vector<double> PlacesOf(const Trace& workload, const SplitSpec& split) {
  std::vector<double> places;
  for (const FunctionProfile& function : workload.functions()) {
    places.push_back(PlaceOf(function.name, split.seed));
  }
  if (!split.stratified) return places;
  std::vector<uint64_t> invocations(places.size());
  for (int m = 0; m < workload.minutes(); ++m) {
    for (const MinuteCount& c : workload.minute(m)) invocations[c.function] += c.count;
  }
  for (const TimedInvocation& i : workload.invocations()) ++invocations[i.function];
  std::vector<size_t> order(places.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tuple(invocations[b], places[a]) < std::tuple(invocations[a], places[b]);
  });
  std::vector<double> strata(places.size());
  for (size_t first = 0; first < order.size(); first += kStratum) {
    const size_t last = std::min(first + kStratum, order.size());
    const std::span<size_t> stratum(order.data() + first, last - first);
    std::sort(stratum.begin(), stratum.end(),
              [&](size_t a, size_t b) { return places[a] < places[b]; });
    for (size_t i = 0; i < stratum.size(); ++i) {
      strata[stratum[i]] = (static_cast<double>(i) + 0.5) / static_cast<double>(stratum.size());
    }
  }
  return strata;
}

const PartSpec& PartOf(const SplitSpec& split, Part part) {
  switch (part) {
    case Part::kTest:
      return split.test;
    case Part::kValidation:
      return split.validation ? *split.validation : split.train;
    default:
      return split.train;
  }
}

}  // namespace

std::string_view PartName(Part part) {
  switch (part) {
    case Part::kTrain:
      return "train";
    case Part::kValidation:
      return "validation";
    default:
      return "test";
  }
}

absl::Status PartSpec::Validate() const {
  if (functions.size() != 2 || functions[0] >= functions[1]) {
    return absl::InvalidArgumentError("functions: give two shares, the first below the second");
  }
  if (from >= to) return absl::InvalidArgumentError("from: must be before 'to'");
  return absl::OkStatus();
}

bool PartSpec::Overlaps(const PartSpec& other) const {
  const bool functions_apart =
      functions[1] <= other.functions[0] || other.functions[1] <= functions[0];
  const bool times_apart = to <= other.from || other.to <= from;
  return !functions_apart && !times_apart;
}

absl::Status SplitSpec::Validate() const {
  const auto apart = [&](const PartSpec& part, const char* name) -> absl::Status {
    if (!part.Overlaps(test)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("split: {} and test share functions at the same time; what is tuned would "
                    "have seen what it is tested on",
                    name));
  };
  RETURN_IF_ERROR(apart(train, "train"));
  return validation ? apart(*validation, "validation") : absl::OkStatus();
}

absl::Status WorkloadSpec::Validate() const {
  if (trace.empty() == !generate.has_value()) {
    return absl::InvalidArgumentError("a workload has either 'trace' or 'generate'");
  }
  return absl::OkStatus();
}

absl::StatusOr<Trace> LoadWorkload(const WorkloadSpec& spec, const std::string& folder) {
  Trace trace;
  if (spec.generate) {
    ASSIGN_OR_RETURN(trace, GenerateTrace(*spec.generate));
  } else {
    const std::string path = (std::filesystem::path(folder) / spec.trace).lexically_normal();
    absl::StatusOr<ReadResult> read = LoadTrace(path, {.lenient = spec.lenient});
    if (absl::IsNotFound(read.status())) {
      return absl::NotFoundError(MessageOf(read.status()) +
                                 " (the other workloads of the file run alone with --workload)");
    }
    RETURN_IF_ERROR(read.status());
    trace = std::move(read->trace);
  }
  if (spec.rate != 1) {
    ASSIGN_OR_RETURN(trace, ScaleTrace(trace, {.rate = spec.rate}));
  }
  return ChangeWorkload(trace, spec.changes, 1);
}

absl::StatusOr<Trace> SelectPart(const Trace& workload, const std::optional<SplitSpec>& split,
                                 Part part) {
  if (!split) return workload;
  const PartSpec& wanted = PartOf(*split, part);
  SliceOptions slice{.from = wanted.from, .to = wanted.to};
  const std::vector<double> places = PlacesOf(workload, *split);
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] >= wanted.functions[0] && places[i] < wanted.functions[1]) {
      slice.functions.push_back(workload.functions()[i].name);
    }
  }
  if (slice.functions.empty() || wanted.from >= workload.duration()) {
    return absl::InvalidArgumentError(
        fmt::format("the {} part holds nothing: {} of {} functions, from {:.3g} h of {:.3g} h",
                    PartName(part), slice.functions.size(), workload.functions().size(),
                    wanted.from.seconds() / 3600, workload.duration().seconds() / 3600));
  }
  return SliceTrace(workload, slice);
}

absl::StatusOr<Trace> FirstShare(const Trace& trace, double share) {
  const double minutes = std::ceil(trace.duration().seconds() / 60 * share - 1e-9);
  const SimTime to = SimTime::Minutes(static_cast<int64_t>(std::max(1.0, minutes)));
  if (to >= trace.duration()) return trace;
  return SliceTrace(trace, {.to = to});
}

uint64_t Fingerprint(const Trace& trace) {
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  const auto add = [state](const void* bytes, size_t size) {
    XXH3_64bits_update(state, bytes, size);
  };
  const auto add_text = [&](const std::string& text) {
    const uint64_t size = text.size();
    add(&size, sizeof(size));
    add(text.data(), text.size());
  };
  const int64_t header[] = {trace.duration().micros(), trace.first_minute(), trace.timed(),
                            trace.minutes(), static_cast<int64_t>(trace.functions().size())};
  add(header, sizeof(header));
  for (const FunctionProfile& f : trace.functions()) {
    add_text(f.name);
    const int64_t numbers[] = {f.tenant.index(), f.app.index(), static_cast<int64_t>(f.trigger),
                               f.memory.value()};
    add(numbers, sizeof(numbers));
    add_text(f.duration_ms.ToString());
    add_text(f.cold_start_ms ? f.cold_start_ms->ToString() : "");
  }
  for (int m = 0; m < trace.minutes(); ++m) {
    const auto counts = trace.minute(m);
    const uint64_t size = counts.size();
    add(&size, sizeof(size));
    add(counts.data(), counts.size_bytes());
  }
  add(trace.invocations().data(), trace.invocations().size_bytes());
  const uint64_t digest = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return digest;
}

}  // namespace reeve
