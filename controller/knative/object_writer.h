// Writes to Knative's objects, so that what stands there already is not written again, a change by
// somebody else in between is seen, and a missing right is met once and not at every tick.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "controller/knative/attachment.h"
#include "controller/kube/informer.h"
#include "controller/kube/kube_client.h"
#include "controller/net/clock.h"

namespace reeve {

// Not thread-safe: of the loop's thread.
class ObjectWriter {
 public:
  // After a refusal for want of a right nothing of that kind is tried for `refused_wait`.
  ObjectWriter(KubeClient& client, NetClock& clock, SimTime refused_wait = SimTime::Minutes(1));

  // What the annotations should become: a merge patch, or nullopt for nothing to do.
  using Plan = std::function<std::optional<nlohmann::json>(const Annotations& now)>;
  // Patches the object that `cache` knows, at the version it knows; after a conflict reads it again
  // and plans once more. NotFound when the object is gone. `read_first`: the cache may be behind,
  // so that what is to be done cannot be told by it.
  absl::Status Annotate(Informer& cache, const std::string& ns, const std::string& name,
                        const Plan& plan, bool read_first = false);

  // A patch of any object; `right` groups those that fall under the same right.
  absl::StatusOr<nlohmann::json> Patch(const ObjectRef& object, PatchKind kind,
                                       const nlohmann::json& patch);
  absl::StatusOr<nlohmann::json> Create(const ResourceType& type, const std::string& ns,
                                        const nlohmann::json& object);

  // Writes that succeeded, since the beginning.
  uint64_t writes() const { return writes_; }

 private:
  absl::Status MayTry(const std::string& right);
  absl::Status Noted(const std::string& right, const absl::Status& status);

  KubeClient& client_;
  NetClock& clock_;
  const SimTime refused_wait_;
  struct Refusal {
    SimTime at;
    absl::Status status;
  };
  std::map<std::string, Refusal> refusals_;  // by right
  uint64_t writes_ = 0;
};

}  // namespace reeve
