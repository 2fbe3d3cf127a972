// What the page asks for, as JSON: columns rather than rows, since a thousand functions are sent
// each second.
//
// Numbers that are unknown, or not finite, are null. Times are seconds since 1970 UTC. `seq` of
// what comes next is told with every list, so that a page asks for what it has not seen; a page
// that sees another `instance` begins anew.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "controller/control_loop.h"
#include "controller/serve/recent_past.h"

namespace reeve {

// What does not change while the program runs.
struct PageFacts {
  std::string instance;  // of this run; another after a restart
  std::string version, platform, policy;
  std::string policy_config;  // YAML, defaults included
  SimTime period;
};

// What whoever asks may do.
struct PageAccess {
  bool may_switch = false;
  bool needs_token = false, needs_certificate = false;  // to switch
};

// The last tick, every function in it. With `seen_seq` of the newest window only what always
// changes is told. Names are left out where `known_names` is the answer's earlier `names_key`.
// `age`: of the last tick. `window` null: there was none yet.
nlohmann::json LiveJson(const PageFacts& facts, const PageAccess& access, const LoopState* state,
                        const RecentWindow* window, SimTime age, std::optional<uint64_t> seen_seq,
                        const std::string& known_names);

// Windows of the cluster, or of the function with this id, from `since` on. A function that a
// window does not have is left out of it.
nlohmann::json ClusterHistoryJson(const PageFacts& facts, const RecentPast& past, uint64_t since);
nlohmann::json FunctionHistoryJson(const PageFacts& facts, const RecentPast& past,
                                   const std::string& id, uint64_t since);

nlohmann::json EventsJson(const PageFacts& facts, const RecentPast& past, uint64_t since);

// What the policy saw of one function at the last tick, what was decided and what became of it.
// Null when the loop does not know the function.
nlohmann::json WhyJson(const PageFacts& facts, const LoopState& state, const RecentPast& past,
                       const std::string& id);

}  // namespace reeve
