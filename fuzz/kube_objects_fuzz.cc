// Objects of an API server as functions: whatever is in them, a view keeps what its header
// promises.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "controller/knative/attachment.h"
#include "controller/knative/revision_view.h"
#include "core/check.h"

namespace reeve {
namespace {

// The input: an array of objects, taken as of every kind.
void FuzzOne(std::string_view input) {
  const nlohmann::json all = nlohmann::json::parse(input, nullptr, false);
  if (!all.is_array()) return;
  std::vector<KubeObject> objects;
  for (const nlohmann::json& one : all) {
    if (one.is_object()) objects.push_back(std::make_shared<const nlohmann::json>(one));
  }
  const ClusterObjects cluster{.services = objects,
                               .revisions = objects,
                               .autoscalers = objects,
                               .deployments = objects,
                               .pods = objects};
  for (const RevisionView& view : ViewRevisions(
           cluster, {.tenant_label = "reeve-tenant", .slo_annotation = "reeve-slo-latency"})) {
    REEVE_CHECK(view.tenant == view.ns || !view.tenant.empty());
    REEVE_CHECK(view.concurrency_limit >= 0);
    REEVE_CHECK(view.slo_latency > SimTime());
    REEVE_CHECK(!view.deployed_replicas || *view.deployed_replicas >= 0);
    REEVE_CHECK(view.ready() + view.starting() <= view.pods.size());
    const ScaleBounds bounds = BoundsOf(view.annotations);
    REEVE_CHECK(bounds.min >= 0 && bounds.max >= 0);
    // Foreign bytes in the annotation that remembers what was there before.
    (void)Overridden(view.annotations);
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
