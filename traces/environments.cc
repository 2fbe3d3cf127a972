#include "traces/environments.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "core/check.h"
#include "core/random.h"
#include "core/status.h"
#include "traces/arrival_draws.h"

namespace reeve {
namespace {

// A stream of this file's own: those of trace_edit.cc and trace_shift.cc hash names without a seed.
constexpr uint64_t kOwnHash = 0x656e7669726f6e73;

RandomStream EnvironmentStream(const std::string& name, uint64_t seed) {
  const uint64_t hash = XXH3_64bits_withSeed(name.data(), name.size(), kOwnHash);
  return RandomStream(seed, StreamPurpose::kTraceEdit, static_cast<uint32_t>(hash));
}

// Where in a function's stream which draws start; numbers of invocations stay below 2^40.
constexpr uint64_t kRoundingDraw = uint64_t{1} << 60;
constexpr uint64_t kDurationDraw = uint64_t{2} << 60;
constexpr uint64_t kCopyDraw = uint64_t{3} << 60;
constexpr uint64_t kExchangeDraw = uint64_t{4} << 60;

// Who gets the load of each function: in random order each of the chosen hands its load to the
// next, the last to the first.
std::vector<uint32_t> Receivers(const std::vector<RandomStream>& streams, double share,
                                size_t environment) {
  std::vector<uint32_t> receivers(streams.size());
  std::iota(receivers.begin(), receivers.end(), 0u);
  if (share == 0 || streams.size() < 2) return receivers;
  std::vector<std::pair<uint64_t, uint32_t>> drawn;
  for (uint32_t f = 0; f < streams.size(); ++f) {
    drawn.emplace_back(streams[f].Bits(kExchangeDraw + environment), f);
  }
  std::sort(drawn.begin(), drawn.end());
  const auto wanted = static_cast<size_t>(share * static_cast<double>(drawn.size()) + 0.5);
  drawn.resize(std::max<size_t>(2, wanted));
  for (size_t i = 0; i < drawn.size(); ++i) {
    receivers[drawn[i].second] = drawn[(i + 1) % drawn.size()].second;
  }
  return receivers;
}

class Application {
 public:
  Application(const Trace& trace, const EnvironmentScheduleSpec& spec, uint64_t seed)
      : trace_(trace), spec_(spec), seen_(trace.functions().size(), 0) {
    for (const FunctionProfile& f : trace.functions())
      streams_.push_back(EnvironmentStream(f.name, seed));
    for (size_t e = 0; e < spec.environments.size(); ++e) {
      receivers_.push_back(Receivers(streams_, spec.environments[e].exchange, e));
    }
  }

  // What becomes of one invocation in this environment.
  void Add(TimedInvocation i, size_t environment, TraceBuilder& builder) {
    const WorkloadEnvironment& e = spec_.environments[environment];
    const uint32_t from = std::exchange(i.function, receivers_[environment][i.function]);
    const uint64_t number = seen_[from]++;
    const RandomStream& stream = streams_[from];
    i.duration_us = Duration(i, i.function != from, e.duration, stream, number);
    const auto copies =
        static_cast<uint32_t>(std::floor(e.rate + stream.Uniform(kRoundingDraw + number)));
    if (copies == 0) return;
    builder.AddInvocation(i);
    const SimTime minute = kMinute * (SimTime::Micros(i.start_us) / kMinute);
    const SimTime length = std::min(kMinute, trace_.duration() - minute);
    for (uint32_t copy = 1; copy < copies; ++copy) {
      const uint64_t draw = kCopyDraw + (number << 12) + copy;
      const uint64_t place = stream.Below(draw, static_cast<uint64_t>(length.micros()));
      i.start_us = (minute + SimTime::Micros(static_cast<int64_t>(place))).micros();
      builder.AddInvocation(i);
    }
  }

 private:
  int64_t Duration(const TimedInvocation& i, bool moved, double factor, const RandomStream& stream,
                   uint64_t number) const {
    if (!moved && factor == 1) return i.duration_us;
    if (moved || i.duration_us == TimedInvocation::kDrawDuration) {
      const Distribution& own = trace_.functions()[i.function].duration_ms;
      return WorkFromMillis(own.Sample(stream.Uniform(kDurationDraw + number)) * factor);
    }
    return WorkFromMillis(static_cast<double>(i.duration_us) / 1000 * factor);
  }

  const Trace& trace_;
  const EnvironmentScheduleSpec& spec_;
  std::vector<RandomStream> streams_;             // [F]
  std::vector<std::vector<uint32_t>> receivers_;  // [environments][F]
  std::vector<uint64_t> seen_;                    // [F] invocations so far
};

}  // namespace

absl::Status EnvironmentScheduleSpec::Validate() const {
  if (environments.size() < 2) {
    return absl::InvalidArgumentError("environments: a schedule needs at least two");
  }
  std::set<std::string> labels;
  for (const WorkloadEnvironment& e : environments) {
    if (e.label.empty()) return absl::InvalidArgumentError("environments: one has no label");
    if (!labels.insert(e.label).second) {
      return absl::InvalidArgumentError(
          fmt::format("environments: two are labelled '{}'", e.label));
    }
  }
  if (min_stay % kMinute != SimTime() || max_stay % kMinute != SimTime() || min_stay > max_stay) {
    return absl::InvalidArgumentError(
        "min_stay and max_stay are whole minutes, the first not above the second");
  }
  return absl::OkStatus();
}

std::vector<EnvironmentVisit> DrawVisits(const EnvironmentScheduleSpec& spec, SimTime length,
                                         uint64_t seed) {
  REEVE_CHECK(spec.Validate().ok());
  RandomCursor random(EnvironmentStream("schedule", seed));
  const auto stays = static_cast<uint64_t>((spec.max_stay - spec.min_stay) / kMinute) + 1;
  const auto stay = [&] {
    return spec.min_stay + kMinute * static_cast<int64_t>(random.Below(stays));
  };
  const size_t first_dealt = spec.home ? 1 : 0;
  std::vector<size_t> deck;  // dealt from the back
  std::vector<EnvironmentVisit> visits = {{SimTime(), 0}};
  for (SimTime at = stay(); at + spec.min_stay <= length; at += stay()) {
    const size_t last = visits.back().environment;
    if (spec.home && last != 0) {
      visits.push_back({at, 0});
      continue;
    }
    if (deck.empty()) {
      deck.resize(spec.environments.size() - first_dealt);
      std::iota(deck.begin(), deck.end(), first_dealt);
      for (size_t i = deck.size(); i > 1; --i) std::swap(deck[i - 1], deck[random.Below(i)]);
    }
    // Not twice in a row, where one deck follows on another.
    if (deck.back() == last && deck.size() > 1) std::swap(deck.back(), deck.front());
    if (deck.back() == last) {
      deck.pop_back();
      continue;  // stays longer
    }
    visits.push_back({at, deck.back()});
    deck.pop_back();
  }
  return visits;
}

absl::StatusOr<Trace> ApplyEnvironments(const Trace& trace, const EnvironmentScheduleSpec& spec,
                                        const std::vector<EnvironmentVisit>& visits,
                                        uint64_t seed) {
  REEVE_CHECK(!visits.empty());
  if (!trace.timed() && trace.total_invocations() > 0) {
    return absl::InvalidArgumentError("environments apply to traces with the time of each request");
  }
  TraceBuilder builder;
  for (FunctionProfile profile : trace.functions()) {
    profile.tenant = builder.Tenant(trace.tenants()[profile.tenant.index()]);
    profile.app = builder.App(trace.apps()[profile.app.index()]);
    builder.AddFunction(std::move(profile));
  }
  builder.set_first_minute(trace.first_minute());
  builder.set_minimum_duration(trace.duration());
  Application application(trace, spec, seed);
  size_t visit = 0;
  for (const TimedInvocation& i : trace.invocations()) {
    while (visit + 1 < visits.size() && visits[visit + 1].from.micros() <= i.start_us) ++visit;
    application.Add(i, visits[visit].environment, builder);
  }
  return builder.Build();
}

}  // namespace reeve
