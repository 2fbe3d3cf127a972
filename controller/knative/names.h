// Knative's kinds, labels and annotations, as knative/serving has them.
#pragma once

#include <string_view>

#include "controller/kube/resource.h"

namespace reeve::knative {

inline constexpr ResourceType kServices{"serving.knative.dev", "v1", "services", "Service"};
inline constexpr ResourceType kRevisions{"serving.knative.dev", "v1", "revisions", "Revision"};
inline constexpr ResourceType kPodAutoscalers{"autoscaling.internal.knative.dev", "v1alpha1",
                                              "podautoscalers", "PodAutoscaler"};
inline constexpr ResourceType kServerlessServices{"networking.internal.knative.dev", "v1alpha1",
                                                  "serverlessservices", "ServerlessService"};

// Labels of revisions and of everything made for one.
inline constexpr std::string_view kServiceLabel = "serving.knative.dev/service";
inline constexpr std::string_view kRevisionLabel = "serving.knative.dev/revision";
inline constexpr std::string_view kRoutingStateLabel = "serving.knative.dev/routingState";

inline constexpr std::string_view kMinScale = "autoscaling.knative.dev/min-scale";
inline constexpr std::string_view kMaxScale = "autoscaling.knative.dev/max-scale";
inline constexpr std::string_view kInitialScale = "autoscaling.knative.dev/initial-scale";
inline constexpr std::string_view kClass = "autoscaling.knative.dev/class";
inline constexpr std::string_view kKpaClass = "kpa.autoscaling.knative.dev";

// What Reeve has set on an object, and what was there before, as JSON: hand-back reads it, also
// after a restart.
inline constexpr std::string_view kAttached = "reeve-attached";
inline constexpr std::string_view kFieldManager = "reeve";

// The container that Knative puts beside the function's.
inline constexpr std::string_view kQueueProxy = "queue-proxy";

}  // namespace reeve::knative
