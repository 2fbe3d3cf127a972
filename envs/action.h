// What an agent may do: one or more heads, each a choice among a few moves of one quantity,
// declared in YAML.
//
//   action:
//     heads: [authors5]                                # one head, as the MA-PPO authors have it
//   or
//     heads:
//       - {kind: replicas_step, values: [-4, -1, 0, 1, 4]}
//       - {kind: cpu_step, values: [-128, 0, 128]}
//   or
//     heads:
//       - {kind: keep_alive, values: [0, 30, 60, 300, 600]}   # absolute, seconds
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/decision.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

enum class HeadKind : uint8_t {
  kAuthors5,  // nothing, +1, -1 container, +cpu_unit, -cpu_unit on each container, in this order
  kAuthors7,  // and +memory_unit, -memory_unit
  kReplicasStep,  // containers more or fewer
  kReplicas,      // containers, absolute
  kCpuStep,       // millicores per container more or less
  kCpu,           // millicores per container, absolute
  kMemoryStep,    // MiB per container more or less
  kMemory,        // MiB per container, absolute
  kKeepAlive,     // seconds, absolute
  kLoadReplicas,  // containers = ceil(value * load), brought inside the bounds; load = requests in
                  // the system (executed and waiting, mean of the window) / concurrency limit
};
constexpr auto EnumNames(HeadKind) {
  return std::array<std::pair<HeadKind, std::string_view>, 10>{
      {{HeadKind::kAuthors5, "authors5"},
       {HeadKind::kAuthors7, "authors7"},
       {HeadKind::kReplicasStep, "replicas_step"},
       {HeadKind::kReplicas, "replicas"},
       {HeadKind::kCpuStep, "cpu_step"},
       {HeadKind::kCpu, "cpu"},
       {HeadKind::kMemoryStep, "memory_step"},
       {HeadKind::kMemory, "memory"},
       {HeadKind::kKeepAlive, "keep_alive"},
       {HeadKind::kLoadReplicas, "load_replicas"}}};
}

struct HeadSpec {
  HeadKind kind = HeadKind::kAuthors5;
  std::vector<double> values;

  static constexpr std::string_view kScalarField = "kind";
  template <class V>
  static void Fields(V& v) {
    v.Field("kind", &HeadSpec::kind, "What the head moves");
    v.Field("values", &HeadSpec::values,
            "Its choices, in the unit of its kind (containers, millicores, MiB, seconds, times the "
            "load); none for authors5 and authors7");
  }
  // Values are given where the kind wants them, of its unit, each once; steps have the choice 0.
  absl::Status Validate() const;
};

struct ActionSpec {
  std::vector<HeadSpec> heads = {HeadSpec{}};
  int32_t min_replicas = 0, max_replicas = 20;
  Millicores min_cpu{128}, max_cpu{2048}, cpu_unit{128};
  Mebibytes min_memory{128}, max_memory{2048}, memory_unit{128};

  template <class V>
  static void Fields(V& v) {
    v.Field("heads", &ActionSpec::heads, "Choices made at once");
    v.Field("min_replicas", &ActionSpec::min_replicas, "Containers of a function, at least",
            {0, 100000});
    v.Field("max_replicas", &ActionSpec::max_replicas, "Containers of a function, at most",
            {1, 100000});
    v.Field("min_cpu", &ActionSpec::min_cpu, "CPU of a container, at least", {1, 1e7});
    v.Field("max_cpu", &ActionSpec::max_cpu, "CPU of a container, at most", {1, 1e7});
    v.Field("cpu_unit", &ActionSpec::cpu_unit, "CPU step of authors5 and authors7", {1, 1e7});
    v.Field("min_memory", &ActionSpec::min_memory, "Memory of a container, at least", {1, 1e9});
    v.Field("max_memory", &ActionSpec::max_memory, "Memory of a container, at most", {1, 1e9});
    v.Field("memory_unit", &ActionSpec::memory_unit, "Memory step of authors7", {1, 1e9});
  }
  // Bounds are ordered, absolute choices are inside them, no quantity is moved by two heads.
  absl::Status Validate() const;
};

// What a choice was, for rewards and explanations: what each agent's last action did.
struct ActionOutcome {
  bool illegal = false;   // at least one head's choice was illegal; it did nothing
  int8_t horizontal = 0;  // sign of the change of replicas asked for
  int8_t vertical = 0;    // sign of the change of CPU (if none: memory)
};

// Turns choices into decisions. Stateless between calls but for its specification: what is there
// is read from the snapshot (replicas_asked, limits). Thread-safe.
//
// A choice is legal where it
//   - stays inside the bounds, or leads from outside towards them, and
//   - asks for no memory that is not there: containers beyond those that are ready or starting, and
//     memory added to those, fit into capacity - held of the cluster as a whole (on which node is
//     the platform's to say).
// Always legal are a step of 0 and, in an absolute head, the smallest value: each head has a legal
// choice. Heads are judged one by one, against the state before any of them has acted.
class ActionCodec {
 public:
  explicit ActionCodec(ActionSpec spec);  // has passed Validate()

  const ActionSpec& spec() const { return spec_; }
  const std::vector<int32_t>& heads() const { return heads_; }  // [H] choices
  int32_t choices() const { return choices_; }                  // K
  // For people: "replicas +1", "keep-alive 60 s".
  std::string ChoiceName(size_t head, int32_t choice) const;

  // legal [F, K]: 1 where the choice is legal.
  void Legal(const Snapshot& snapshot, std::span<uint8_t> legal) const;

  // The way back, for learning from a rule: for each function and head the legal choice that comes
  // nearest to the decision, the first one of several. Distances are in containers, cpu_unit,
  // memory_unit and seconds, added up in heads that move several quantities; what a decision leaves
  // unset is wanted as it is now (keep-alive, which a snapshot does not tell: 0). [F] to [F, H].
  void Nearest(const Snapshot& snapshot, std::span<const Decision> decisions,
               std::span<int32_t> choices) const;

  // choices [F, H] to decisions [F]; illegal ones, and steps of 0, leave their quantity unset.
  // `outcomes` [F] may be empty. Choices are inside their heads' ranges.
  void Decode(const Snapshot& snapshot, std::span<const int32_t> choices,
              std::span<Decision> decisions, std::span<ActionOutcome> outcomes) const;

 private:
  enum class Quantity : uint8_t { kNothing, kReplicas, kCpu, kMemory, kKeepAlive };
  enum class Form : uint8_t { kStep, kAbsolute, kTimesLoad };
  struct Choice {
    Quantity quantity = Quantity::kNothing;
    Form form = Form::kStep;
    bool always_legal = false;
    double value = 0;
  };
  // What a choice comes to for one function.
  struct Move {
    bool legal = true;
    int64_t from = 0, to = 0;  // containers, millicores, MiB
  };

  void AddHead(const HeadSpec& head);
  void AddAuthors(bool with_memory);
  Move Replicas(const Choice& choice, const Snapshot& snapshot, size_t f) const;
  Move Cpu(const Choice& choice, const Snapshot& snapshot, size_t f) const;
  Move Memory(const Choice& choice, const Snapshot& snapshot, size_t f) const;
  Move MoveOf(const Choice& choice, const Snapshot& snapshot, size_t f) const;
  const Choice& ChoiceOf(size_t head, int32_t choice) const;

  ActionSpec spec_;
  std::vector<int32_t> heads_;
  std::vector<int32_t> first_;  // [H] of each head in `table_`
  std::vector<Choice> table_;   // [K]
  int32_t choices_ = 0;
};

}  // namespace reeve
