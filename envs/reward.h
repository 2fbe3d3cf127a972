// What an agent is paid, per control period: a weighted sum of named parts, declared in YAML.
//
//   reward:
//     parts:
//       - {name: cpu_utilisation, weight: 0.3}
//       - {name: slo_preservation, weight: 0.7}
//       - {name: illegal, weight: -1}
//
// Three parts are rules, as the authors have them: illegal, unserved and undo. Where one of them
// applies, its weight replaces the sum (the first one's in the list, if several apply).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/snapshot.h"
#include "envs/action.h"

namespace reeve {

struct RewardPart {
  std::string name;
  double weight = 1;
  double scale = 0;

  static constexpr std::string_view kScalarField = "name";
  template <class V>
  static void Fields(V& v) {
    v.Field("name", &RewardPart::name, "One of the parts that `reeve train --help` lists");
    v.Field("weight", &RewardPart::weight, "Factor; negative for what is to be avoided",
            Between(-1e6, 1e6));
    v.Field("scale", &RewardPart::scale, "The value at which the part is 1; 0: its own",
            AtLeast(0));
  }
  absl::Status Validate() const;  // the name is known, and the part takes what is given
};

struct RewardSpec {
  std::vector<RewardPart> parts = Default();
  double team = 0;

  template <class V>
  static void Fields(V& v) {
    v.Field("parts", &RewardSpec::parts, "What is added up");
    v.Field("team", &RewardSpec::team,
            "Share of each agent's reward that is the mean over all: 0, every one for itself; 1, "
            "all are paid alike",
            Between(0, 1));
  }
  absl::Status Validate() const;  // names are known, each stands once
  // The MA-PPO authors': 0.3 * CPU utilisation + 0.7 * SLO preservation; -1 for an illegal action,
  // for zero containers under load, and for undoing the previous horizontal step.
  static std::vector<RewardPart> Default();
};

// The reference of all parts: name, unit, range after scaling, own scale (0: takes none), meaning.
struct RewardDoc {
  std::string name, unit, range;
  double scale = 0;
  std::string doc;
};
std::vector<RewardDoc> DescribeRewards();

// Computes rewards. Thread-safe; state is the caller's.
class RewardFunction {
 public:
  explicit RewardFunction(const RewardSpec& spec);  // has passed Validate()

  // The windows after the actions, their outcomes [F], and those of the step before [F] (for
  // undoing; zeros at an episode's start). Writes rewards [F], all finite. No allocation.
  void Compute(const Snapshot& after, std::span<const ActionOutcome> outcomes,
               std::span<const ActionOutcome> previous, std::span<float> rewards) const;

  // What each of those `present` [F] is paid when `team` of it is the mean over them. The others'
  // rewards are left as they are.
  void Share(std::span<const uint8_t> present, std::span<float> rewards) const;

  struct Input;  // of one function
  struct Block;  // of several
  struct Part {
    void (*add)(const Part&, const Block&);
    double weight, scale;
    double max;
    bool rule;
  };

 private:
  std::vector<Part> parts_;
  double team_ = 0;
};

}  // namespace reeve
