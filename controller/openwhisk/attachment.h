// What of an action's limits is ours, and how it is left: remembered in one annotation of the
// action, which is written together with the limits. So a controller that was killed at any moment
// leaves an action with both or with neither, and the next one knows what the owner had.
//
//   "reeve-attached": {"before": {"memory": 256, "instances": null}, "set": {"memory": 512, …}}
//
// An owner who changes a limit meanwhile has said something new: it stays when the action is handed
// back.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "controller/openwhisk/openwhisk_config.h"
#include "controller/openwhisk/whisk_objects.h"

namespace reeve {

inline constexpr std::string_view kWhiskAttached = "reeve-attached";

// By name, in megabytes and counts; nullopt: without a limit of its own.
using WhiskLimitValues = std::map<std::string, std::optional<int64_t>>;

struct WhiskAttachment {
  WhiskLimitValues before, set;  // the same keys
  bool empty() const { return set.empty(); }
};

// Of memory, concurrency and instances.
WhiskLimitValues ValuesOf(const WhiskLimits& limits);

// What the annotation says; empty when there is none. Whatever is in it: keys that are no limits,
// and values that cannot be, are left out.
WhiskAttachment AttachmentOf(const WhiskAction& action);
bool IsAttached(const WhiskAction& action);  // there is such an annotation, whatever it says
// Somebody has changed a limit that we had set.
bool IsOverridden(const WhiskAction& action);

// The body of a PUT that sets these limits, those of `sets` only, and the annotation: nullopt when
// all limits are so already. Limits that are ours and not among `sets` are restored. Where nothing
// is other than the owner has it then, the annotation goes.
std::optional<nlohmann::json> AttachBody(const WhiskAction& action, const WhiskLimits& wanted,
                                         const WhiskSetsSpec& sets);
// The body of a PUT that leaves nothing of ours: nullopt when there is nothing. A limit of
// instances that the owner did not have cannot be taken away by OpenWhisk's API: it is set to
// `no_instances_limit`.
std::optional<nlohmann::json> HandBackBody(const WhiskAction& action, int64_t no_instances_limit);

}  // namespace reeve
