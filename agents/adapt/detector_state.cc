#include "agents/adapt/detector_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/status.h"

namespace reeve {
namespace {

constexpr size_t kMostDimensions = 4096, kMostEnvironments = 4096;
constexpr const char *kIds = "book.ids", *kNow = "shift.now", *kStretch = "shift.stretch.mean";

// Positions in "shift.now" (ShiftDetector::Save).
constexpr size_t kInForce = 0, kStretchThere = 4, kNowSize = 9;

struct Opened {
  EnvironmentBook book;
  std::vector<int64_t> now;  // [kNowSize]
};

absl::StatusOr<Opened> Open(const StateVectors& state) {
  const auto ids = state.integers.find(kIds);
  if (ids == state.integers.end()) return absl::NotFoundError("no detector's state is stored");
  StateReader reader(state);
  std::vector<double> stretch, covariance;
  std::vector<int64_t> now;
  reader.ReadUpTo(kStretch, kMostDimensions, stretch);
  reader.Read(kNow, kNowSize, now);
  const size_t d = stretch.size(), size = ids->second.size();
  if (reader.ok() && (d == 0 || size > kMostEnvironments)) {
    reader.Fail("an impossible number of dimensions or environments");
  }
  // Before room is taken for so many.
  if (reader.ok()) reader.Read("book.covariance", size * d * d, covariance);
  if (!reader.ok()) return reader.status();
  Opened opened{EnvironmentBook(d, std::max<size_t>(size, 1), SpreadPrior()), std::move(now)};
  RETURN_IF_ERROR(opened.book.Restore(state));
  return opened;
}

void Clear(const std::string& name, StateVectors& state) {
  const auto found = state.reals.find(name);
  if (found != state.reals.end()) std::ranges::fill(found->second, 0.0);
}

// What ShiftRule::Begin does to the state of each kind.
void BeginRule(const EnvironmentBook& book, size_t current, StateVectors& state) {
  Clear("rule.sums", state);                           // cusum
  const auto ring = state.integers.find("rule.ring");  // mahalanobis
  if (ring != state.integers.end()) std::ranges::fill(ring->second, int64_t{0});
  const auto runs = state.reals.find("rule.run.mean");  // bocpd: the mean before any context
  const std::vector<double>& mean = book.stats(current).contexts.mean;
  if (runs != state.reals.end() && runs->second.size() >= mean.size()) {
    std::ranges::copy(mean, runs->second.begin());
  }
}

}  // namespace

const EnvironmentStats* DetectorOverview::Find(int64_t id) const {
  const auto found = std::ranges::find(environments, id, &EnvironmentStats::id);
  return found == environments.end() ? nullptr : &*found;
}

absl::StatusOr<DetectorOverview> ReadDetectorState(const StateVectors& state) {
  ASSIGN_OR_RETURN(const Opened opened, Open(state));
  DetectorOverview overview;
  for (size_t i = 0; i < opened.book.size(); ++i) {
    overview.environments.push_back(opened.book.stats(i));
  }
  overview.in_force = opened.now[kInForce];
  return overview;
}

absl::Status ForgetInDetectorState(int64_t id, StateVectors& state) {
  ASSIGN_OR_RETURN(Opened opened, Open(state));
  const std::optional<size_t> place = opened.book.Find(id);
  if (!place) return absl::NotFoundError(fmt::format("no environment has the id {}", id));
  const int64_t in_force = opened.now[kInForce];
  if (in_force == id) {
    return absl::FailedPreconditionError(
        fmt::format("environment {} is in force and cannot be forgotten", id));
  }
  opened.book.Remove(*place);
  opened.book.Save(state);
  state.integers[kNow][kStretchThere] = 0;
  for (const char* part : {"count", "mean", "covariance"}) {
    Clear(fmt::format("shift.stretch.{}", part), state);
  }
  if (const auto current = opened.book.Find(in_force)) BeginRule(opened.book, *current, state);
  return absl::OkStatus();
}

}  // namespace reeve
