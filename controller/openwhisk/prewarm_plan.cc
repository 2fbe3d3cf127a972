#include "controller/openwhisk/prewarm_plan.h"

#include <algorithm>

namespace reeve {

int64_t PlanPrewarm(const PrewarmContext& c, const WhiskPrewarmSpec& spec) {
  if (!spec.enabled || c.floor <= 0 || c.since_last_round < spec.least_interval) return 0;
  const bool enough = c.containers >= static_cast<uint32_t>(c.floor);
  const bool fresh = c.idle_for && c.idle_for->seconds() < 0.75 * c.keep_alive.seconds();
  if (enough && fresh) return 0;
  const int64_t room = int64_t{c.floor} * std::max(1, c.concurrency) - int64_t{c.in_flight};
  return std::max<int64_t>(0, std::min({room, int64_t{spec.parallel}, c.budget}));
}

}  // namespace reeve
