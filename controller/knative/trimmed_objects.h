// What of the API server's objects is kept: the fields that are read here. A pod has ten kilobytes
// and more, of which these are a few hundred bytes, and a cluster has tens of thousands.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace reeve {

// Each leaves an object of its kind with what revision_view.h, class_plan.h and the platform read
// of it, and leaves what is not as expected alone: readers judge that.
void TrimService(nlohmann::json& object);
void TrimRevision(nlohmann::json& object);
void TrimDeployment(nlohmann::json& object);
void TrimPod(nlohmann::json& object);
void TrimNode(nlohmann::json& object);

}  // namespace reeve
