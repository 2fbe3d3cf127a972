// Objects of an API server as functions: whatever is in them, a view keeps what its header
// promises, and is the same of what is kept of the objects.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "controller/knative/attachment.h"
#include "controller/knative/revision_view.h"
#include "controller/knative/trimmed_objects.h"
#include "core/check.h"

namespace reeve {
namespace {

std::vector<KubeObject> ObjectsOf(const nlohmann::json& all, void (*trim)(nlohmann::json&)) {
  std::vector<KubeObject> objects;
  for (nlohmann::json one : all) {
    if (!one.is_object()) continue;
    if (trim != nullptr) trim(one);
    objects.push_back(std::make_shared<const nlohmann::json>(std::move(one)));
  }
  return objects;
}

// The input: an array of objects, taken as of every kind.
void FuzzOne(std::string_view input) {
  const nlohmann::json all = nlohmann::json::parse(input, nullptr, false);
  if (!all.is_array()) return;
  const std::vector<KubeObject> objects = ObjectsOf(all, nullptr);
  const ViewOptions options{.tenant_label = "reeve-tenant", .slo_annotation = "reeve-slo-latency"};
  const std::vector<RevisionView> views = ViewRevisions({.services = objects,
                                                         .revisions = objects,
                                                         .autoscalers = objects,
                                                         .deployments = objects,
                                                         .pods = objects},
                                                        options);
  const std::vector<RevisionView> of_trimmed =
      ViewRevisions({.services = ObjectsOf(all, TrimService),
                     .revisions = ObjectsOf(all, TrimRevision),
                     .autoscalers = objects,
                     .deployments = ObjectsOf(all, TrimDeployment),
                     .pods = ObjectsOf(all, TrimPod)},
                    options);
  REEVE_CHECK(views.size() == of_trimmed.size());
  for (size_t i = 0; i < views.size(); ++i) {
    RevisionView whole = views[i];
    whole.annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
    REEVE_CHECK(whole == of_trimmed[i]);
  }
  for (const RevisionView& view : views) {
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
