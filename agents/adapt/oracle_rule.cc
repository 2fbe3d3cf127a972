#include "agents/adapt/oracle_rule.h"

#include <algorithm>

#include "core/check.h"

namespace reeve {

OracleRule::OracleRule(std::vector<LabelledTime> schedule) {
  REEVE_CHECK(!schedule.empty());
  std::vector<std::string> labels;
  for (const LabelledTime& entry : schedule) {
    const auto found = std::find(labels.begin(), labels.end(), entry.label);
    visits_.push_back({entry.at, static_cast<size_t>(found - labels.begin())});
    if (found == labels.end()) labels.push_back(entry.label);
  }
  ids_.assign(labels.size(), kNoEnvironment);
}

Verdict OracleRule::Judge(SimTime now, std::span<const double> /*x*/, const EnvironmentBook& book,
                          size_t /*current*/) {
  // The window that ends now was before `now`: a visit counts from the first window in it.
  auto next = std::lower_bound(visits_.begin(), visits_.end(), now,
                               [](const Visit& visit, SimTime t) { return visit.at < t; });
  const Visit& visit = next == visits_.begin() ? *next : *(next - 1);
  if (const std::optional<size_t> place = book.Find(ids_[visit.label])) {
    return {Judgement::kKnown, *place, 1};
  }
  opening_ = static_cast<int64_t>(visit.label);
  return {Judgement::kNew, 0, 1};
}

void OracleRule::Begin(const EnvironmentBook& book, size_t current,
                       const ContextMoments& /*stretch*/) {
  if (opening_ >= 0) ids_[static_cast<size_t>(opening_)] = book.stats(current).id;
  opening_ = -1;
}

void OracleRule::Save(StateVectors& state) const {
  state.integers["rule.ids"] = ids_;
}

absl::Status OracleRule::Restore(const StateVectors& state) {
  StateReader reader(state);
  std::vector<int64_t> ids;
  reader.Read("rule.ids", ids_.size(), ids);
  if (reader.ok()) ids_ = std::move(ids);
  return reader.status();
}

}  // namespace reeve
