// What an autoscaler class of its own has to do for one PodAutoscaler, as Knative's own classes do
// it (knative/serving, pkg/reconciler/autoscaling): the ServerlessService, the scale, the status.
// A pure function of what the watches have seen.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/units.h"

namespace reeve {

struct ClassInput {
  const nlohmann::json* autoscaler = nullptr;          // the PodAutoscaler; not null
  const nlohmann::json* serverless_service = nullptr;  // null: not there
  std::optional<int32_t> deployed;  // Deployment.spec.replicas; nullopt: none yet
  int32_t ready = 0;                // pods
  int32_t wanted = 1;               // replicas, within the owner's bounds
  int32_t min_scale = 0;            // the owner's
  // How long the ServerlessService has been in mode Proxy, as far as we have seen; requests take
  // that long to come by the activator.
  SimTime proxied_for;
  SimTime grace = SimTime::Seconds(30);  // before the last pod goes
  std::string now;                       // RFC 3339, for lastTransitionTime
};

struct ClassPlan {
  std::optional<nlohmann::json> create_service;  // the ServerlessService
  std::optional<nlohmann::json> service_patch;   // merge patch of it
  std::optional<int32_t> scale;                  // of the Deployment
  std::optional<nlohmann::json> status_patch;    // merge patch of the PodAutoscaler's status
  bool waits_for_activator = false;              // zero is wanted and not yet safe
};

ClassPlan PlanClass(const ClassInput& input);

}  // namespace reeve
