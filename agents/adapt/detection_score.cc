#include "agents/adapt/detection_score.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "core/check.h"

namespace reeve {
namespace {

double Share(double part, double whole) {
  return whole > 0 ? part / whole : std::numeric_limits<double>::quiet_NaN();
}

// Without spans that go on with the environment of the one before.
std::vector<EnvironmentSpan> Changes(std::span<const EnvironmentSpan> spans) {
  std::vector<EnvironmentSpan> changes;
  for (const EnvironmentSpan& span : spans) {
    REEVE_CHECK(changes.empty() || span.from >= changes.back().from);
    if (changes.empty() || span.environment != changes.back().environment) changes.push_back(span);
  }
  return changes;
}

// The environment in force just before `time`; the first one's at the start.
int64_t EnvironmentBefore(const std::vector<EnvironmentSpan>& spans, SimTime time) {
  int64_t environment = spans.front().environment;
  for (const EnvironmentSpan& span : spans) {
    if (span.from < time) environment = span.environment;
  }
  return environment;
}

double Agreement(const std::vector<EnvironmentSpan>& truth,
                 const std::vector<EnvironmentSpan>& detected, SimTime end) {
  std::map<int64_t, std::map<int64_t, double>> overlap;  // [id][true environment] seconds
  SimTime now = std::max(truth.front().from, detected.front().from);
  const double whole = (end - now).seconds();
  size_t t = 0, d = 0;
  while (now < end) {
    while (t + 1 < truth.size() && truth[t + 1].from <= now) ++t;
    while (d + 1 < detected.size() && detected[d + 1].from <= now) ++d;
    SimTime next = end;
    if (t + 1 < truth.size()) next = std::min(next, truth[t + 1].from);
    if (d + 1 < detected.size()) next = std::min(next, detected[d + 1].from);
    overlap[detected[d].environment][truth[t].environment] += (next - now).seconds();
    now = next;
  }
  double agreed = 0;
  for (const auto& [id, seconds] : overlap) {
    double longest = 0;
    for (const auto& [environment, s] : seconds) longest = std::max(longest, s);
    agreed += longest;
  }
  return Share(agreed, whole);
}

int64_t CountOfEnvironments(const std::vector<EnvironmentSpan>& spans) {
  std::set<int64_t> seen;
  for (const EnvironmentSpan& span : spans) seen.insert(span.environment);
  return static_cast<int64_t>(seen.size());
}

}  // namespace

int64_t DetectionScore::detected() const {
  return std::count_if(shifts.begin(), shifts.end(), [](const auto& s) { return s.detected; });
}
int64_t DetectionScore::returns() const {
  return std::count_if(shifts.begin(), shifts.end(), [](const auto& s) { return s.returned; });
}
int64_t DetectionScore::recognised() const {
  return std::count_if(shifts.begin(), shifts.end(), [](const auto& s) { return s.recognised; });
}
double DetectionScore::false_alarms_per_day() const {
  return Share(static_cast<double>(false_alarms), days);
}
double DetectionScore::precision() const {
  return Share(static_cast<double>(detected()), static_cast<double>(changes));
}
double DetectionScore::recall() const {
  return Share(static_cast<double>(detected()), static_cast<double>(shifts.size()));
}
double DetectionScore::f1() const {
  return Share(2 * static_cast<double>(detected()),
               static_cast<double>(shifts.size()) + static_cast<double>(changes));
}
double DetectionScore::mean_delay_s() const {
  double sum = 0;
  for (const ShiftOutcome& shift : shifts) sum += shift.detected ? shift.delay_s : 0;
  return Share(sum, static_cast<double>(detected()));
}
double DetectionScore::recognised_share() const {
  return Share(static_cast<double>(recognised()), static_cast<double>(returns()));
}

DetectionScore ScoreDetections(std::span<const EnvironmentSpan> truth,
                               std::span<const EnvironmentSpan> detected, SimTime end,
                               SimTime tolerance) {
  REEVE_CHECK(!truth.empty() && !detected.empty());
  const std::vector<EnvironmentSpan> visits = Changes(truth), found = Changes(detected);
  DetectionScore score;
  score.changes = static_cast<int64_t>(found.size()) - 1;
  score.days = (end - visits.front().from).seconds() / 86'400;
  score.environments = CountOfEnvironments(visits);
  score.opened = CountOfEnvironments(found);
  score.agreement = Agreement(visits, found, end);

  std::map<int64_t, int64_t> last_id;  // of each true environment, at the end of its last visit
  for (size_t v = 0; v < visits.size(); ++v) {
    const SimTime until = v + 1 < visits.size() ? visits[v + 1].from : end;
    const int64_t id_at_end = EnvironmentBefore(found, until);
    const auto before = last_id.find(visits[v].environment);
    if (v > 0) {
      ShiftOutcome shift{.at = visits[v].from,
                         .before = visits[v - 1].environment,
                         .after = visits[v].environment};
      const SimTime deadline = std::min(shift.at + tolerance, until - SimTime::Micros(1));
      const auto change = std::find_if(found.begin() + 1, found.end(),
                                       [&](const auto& c) { return c.from > shift.at; });
      shift.detected = change != found.end() && change->from <= deadline;
      if (shift.detected) shift.delay_s = (change->from - shift.at).seconds();
      shift.returned = before != last_id.end();
      shift.recognised = shift.detected && shift.returned && before->second == id_at_end;
      score.shifts.push_back(shift);
    }
    last_id[visits[v].environment] = id_at_end;
  }
  score.false_alarms = score.changes - score.detected();
  return score;
}

}  // namespace reeve
