#include "runs/detection_study_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace reeve {

absl::Status DetectionWorkload::Validate() const {
  if (scenario.empty()) return absl::InvalidArgumentError("scenario: name the scenario's file");
  return absl::OkStatus();
}

absl::Status StudyDetector::Validate() const {
  if (label.empty()) return absl::InvalidArgumentError("a detector without a label");
  return absl::OkStatus();
}

const std::string& TunedOn(const std::string& name, const DetectionWorkload& workload) {
  return workload.tuned_on.empty() ? name : workload.tuned_on;
}

absl::Status DetectionStudyConfig::Validate() const {
  const auto wrong = [](const std::string& what) { return absl::InvalidArgumentError(what); };
  if (kind != "detection") return wrong("kind: a study of detection has kind 'detection'");
  if (workloads.empty()) return wrong("workloads: name at least one");
  if (detectors.empty()) return wrong("detectors: list at least one");
  std::set<std::string> labels;
  for (const StudyDetector& detector : detectors) {
    if (!labels.insert(detector.label).second) {
      return wrong(fmt::format("detectors: two are labelled '{}'", detector.label));
    }
  }
  const bool searches = std::any_of(detectors.begin(), detectors.end(),
                                    [](const StudyDetector& d) { return !d.search.empty(); });
  for (const auto& [key, workload] : workloads) {
    const auto tuned = workloads.find(TunedOn(key, workload));
    if (tuned == workloads.end()) {
      return wrong(
          fmt::format("workloads: {}: tuned_on: no workload '{}'", key, workload.tuned_on));
    }
    if (searches && workload.report && !tuned->second.schedule) {
      return wrong(
          fmt::format("workloads: {}: it is tuned on '{}', which has no schedule of shifts", key,
                      tuned->first));
    }
  }
  const auto count = static_cast<uint64_t>(seeds), tuning = static_cast<uint64_t>(tuning_seeds);
  if (first_seed < first_tuning_seed + tuning && first_tuning_seed < first_seed + count) {
    return wrong("first_tuning_seed: seeds for tuning and for results must be apart");
  }
  return absl::OkStatus();
}

}  // namespace reeve
