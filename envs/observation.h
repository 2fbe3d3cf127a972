// What an agent sees of its function, as numbers: named features, declared in YAML, computed from
// snapshots. The same code serves training, replay and live platforms.
//
//   observation:
//     features:
//       - cpu_utilisation
//       - {name: arrival_rate, scale: 10}
//       - {name: mean_arrival_rate, time: 5m}
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/ids.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

struct FeatureSpec {
  std::string name;
  double scale = 0;  // 0: the feature's own
  SimTime time{};    // 0: the feature's own

  static constexpr std::string_view kScalarField = "name";
  template <class V>
  static void Fields(V& v) {
    v.Field("name", &FeatureSpec::name, "One of the features that `reeve train --help` lists");
    v.Field("scale", &FeatureSpec::scale,
            "The value at which the feature is 1; 0: its own, given in the list", AtLeast(0));
    v.Field(
        "time", &FeatureSpec::time,
        "Of features that look back, their time constant, and of those that look ahead, how far; "
        "0: their own",
        AtLeast(0));
  }
  absl::Status Validate() const;  // the name is known, and the feature takes what is given
};

struct ObservationSpec {
  std::vector<FeatureSpec> features = Default();

  template <class V>
  static void Fields(V& v) {
    v.Field("features", &ObservationSpec::features, "What an agent sees, in this order");
  }
  absl::Status Validate() const;  // names are known, each feature stands once (with its time)
  // The six of the MA-PPO authors' single-agent environment (FIRM, "Qiu et al., OSDI'20 /
  // EuroMLSys'22"); the two shares are of the cluster's size where theirs are of constants.
  static std::vector<FeatureSpec> Default();
};

// The reference of all features: name, unit, range after scaling, own scale and time constant (0:
// takes none), meaning.
struct FeatureDoc {
  std::string name, unit, range;
  double scale = 0;
  SimTime time;
  std::string doc;
};
std::vector<FeatureDoc> DescribeFeatures();

// Computes the features of all functions of a platform from its snapshots, one after another. Keeps
// the history that features need. Not thread-safe; one per platform.
class FeatureExtractor {
 public:
  explicit FeatureExtractor(const ObservationSpec& spec);  // has passed Validate()
  ~FeatureExtractor();
  FeatureExtractor(FeatureExtractor&&) noexcept;
  FeatureExtractor& operator=(FeatureExtractor&&) noexcept;

  size_t size() const;                            // O
  const std::vector<std::string>& names() const;  // [O] with parameters: "mean_arrival_rate(300s)"

  // Forgets all history: a new episode, or another platform. No allocation.
  void Reset();

  // Forgets that of one function: another has taken its place.
  void Forget(FunctionId function);

  // Writes out[f * O + o] for all functions of `snapshot`, [F, O] float32, or out[f * stride + o],
  // where something else follows each function's features (stride >= O). Snapshots come in time
  // order, each once; histories take in those whose window has a length. More functions than
  // before: the new ones have no history. Every value is finite and in its feature's range,
  // whatever the snapshot says. No allocation when there are no more functions than before. Takes
  // about 5 ns a value on one core.
  void Extract(const Snapshot& snapshot, std::span<float> out) { Extract(snapshot, out, size()); }
  void Extract(const Snapshot& snapshot, std::span<float> out, size_t stride);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reeve
