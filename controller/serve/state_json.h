// The state of the loop as JSON, for /api/v1/state and the page.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "controller/control_loop.h"

namespace reeve {

nlohmann::json FunctionStateJson(const FunctionState& state);
nlohmann::json AdaptationJson(const AdaptationNow& now);

// Functions of one tenant, or of all when it is empty.
nlohmann::json StateJson(const LoopState& state, const std::string& tenant);

}  // namespace reeve
