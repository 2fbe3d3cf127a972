#include "runs/adaptation_study_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace reeve {

absl::Status AdaptationProblem::Validate() const {
  if (run.empty()) return absl::InvalidArgumentError("run: name the file of the run");
  return absl::OkStatus();
}

absl::Status AdaptationVariant::Validate() const {
  if (label.empty()) return absl::InvalidArgumentError("label: give the variant a name");
  return absl::OkStatus();
}

bool AdaptationVariant::On(const std::string& problem) const {
  return problems.empty() || std::find(problems.begin(), problems.end(), problem) != problems.end();
}

absl::Status AdaptationStudyConfig::Validate() const {
  if (problems.empty()) return absl::InvalidArgumentError("problems: there is none");
  if (variants.empty()) return absl::InvalidArgumentError("variants: there is none");
  std::set<std::string> labels;
  for (const AdaptationVariant& variant : variants) {
    if (!labels.insert(variant.label).second) {
      return absl::InvalidArgumentError(
          fmt::format("variants: '{}' stands there twice", variant.label));
    }
    for (const std::string& problem : variant.problems) {
      if (problems.contains(problem)) continue;
      std::vector<std::string> names;
      for (const auto& [known, ignored] : problems) names.push_back(known);
      return absl::InvalidArgumentError(fmt::format("variants: {}: problems: no problem '{}'{}",
                                                    variant.label, problem,
                                                    config_internal::Suggest(problem, names)));
    }
  }
  if (!reference.empty() && !labels.contains(reference)) {
    return absl::InvalidArgumentError(
        fmt::format("reference: no variant is labelled '{}'", reference));
  }
  const uint64_t last = first_seed + static_cast<uint64_t>(seeds) - 1;
  const uint64_t last_tuning = first_tuning_seed + static_cast<uint64_t>(tuning_seeds) - 1;
  if (first_tuning_seed <= last && first_seed <= last_tuning) {
    return absl::InvalidArgumentError(
        "first_tuning_seed: seeds of tuning and of the reported runs overlap");
  }
  return absl::OkStatus();
}

}  // namespace reeve
