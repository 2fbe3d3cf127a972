#include "runs/learning_study_config.h"

#include <fmt/format.h>

#include <set>

namespace reeve {

absl::Status LearningStudyConfig::Validate() const {
  const auto wrong = [](const std::string& what) { return absl::InvalidArgumentError(what); };
  if (kind != "learning") return wrong("kind: a study of learning has kind 'learning'");
  if (training.empty()) return wrong("training: name the training's file");
  if (variants.empty()) return wrong("variants: list at least one");
  std::set<std::string> labels;
  for (const StudyVariant& variant : variants) {
    if (variant.label.empty()) return wrong("variants: one has no label");
    if (!labels.insert(variant.label).second) {
      return wrong(fmt::format("variants: two are labelled '{}'", variant.label));
    }
  }
  const std::vector<std::string> known(labels.begin(), labels.end());
  const auto unknown = [&](const std::string& where, const std::string& label) {
    return wrong(fmt::format("{}: no variant is labelled '{}'{}", where, label,
                             config_internal::Suggest(label, known)));
  };
  for (const StudyVariant& variant : variants) {
    if (!variant.same_parameters_as.empty() && !labels.contains(variant.same_parameters_as)) {
      return unknown("variants: same_parameters_as", variant.same_parameters_as);
    }
  }
  for (const StudyRatio& ratio : ratios) {
    for (const std::string& label : {ratio.of, ratio.to}) {
      if (!labels.contains(label)) return unknown("ratios: " + ratio.name, label);
    }
  }
  const uint64_t count = static_cast<uint64_t>(seeds);
  if (first_seed < evaluation.first_seed + count && evaluation.first_seed < first_seed + count) {
    return wrong("evaluation: its seeds are those of training; change evaluation.first_seed");
  }
  return absl::OkStatus();
}

}  // namespace reeve
