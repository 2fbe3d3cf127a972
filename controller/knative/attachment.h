// What Reeve sets on an object's annotations, and how it leaves them.
//
// Beside the annotations that it sets, Reeve writes one that says what it has set and what its
// owner had there before. So hand-back restores exactly that, also after a restart or by another
// instance; what somebody has changed since then is left as it is.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace reeve {

using Annotations = std::map<std::string, std::string>;

// The value of the annotation knative::kAttached. Any text is read; what is no record is none.
struct AttachmentRecord {
  std::map<std::string, std::optional<std::string>> before;  // of the owner; nullopt: not there
  Annotations set;                                           // by us
};
AttachmentRecord ParseAttachment(const std::string& text);
AttachmentRecord AttachmentOf(const Annotations& annotations);
std::string WriteAttachment(const AttachmentRecord& record);

// A merge patch of metadata.annotations after which the object has `wanted`, remembers what its
// owner had, and has the owner's values again for keys that we set and do not want any more.
// nullopt: nothing to do.
std::optional<nlohmann::json> AttachPatch(const Annotations& now, const Annotations& wanted);

// A merge patch after which nothing of ours is left. nullopt: there is nothing of ours.
std::optional<nlohmann::json> HandBackPatch(const Annotations& now);

// The annotations as their owner has them: what HandBackPatch would leave.
Annotations OwnersAnnotations(const Annotations& now);

// Whether somebody has changed, or removed, what we set.
bool Overridden(const Annotations& now);

}  // namespace reeve
