// The workloads of experiments and scenarios, and the parts of one that are kept apart: what is
// tuned on, what chooses among the tuned, and what the result is reported on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/units.h"
#include "traces/generator.h"
#include "traces/trace.h"
#include "traces/trace_shift.h"

namespace reeve {

// A part of a workload: some of its functions, some of its time.
struct PartSpec {
  // Functions whose place in [0, 1) is in [first, second). The place is a hash of (split seed,
  // name); of a stratified split, that decides the order within each ten functions of neighbouring
  // numbers of invocations, which have the places 0.05, 0.15, … 0.95.
  std::vector<double> functions = {0, 1};
  SimTime from = {};
  SimTime to = SimTime::Max();

  template <class V>
  static void Fields(V& v) {
    v.Field("functions", &PartSpec::functions,
            "Shares [a, b): functions are put into a random order, and these are taken",
            Between(0, 1));
    v.Field("from", &PartSpec::from, "Start of the part, in the workload's time", AtLeast(0));
    v.Field("to", &PartSpec::to, "End of the part; unset: the workload's end", AtLeast(0));
  }
  absl::Status Validate() const;
  // Neither a function nor a moment in common: nothing of one part can be known from the other.
  // Sharing functions at other times, or times of other functions, is not an overlap.
  bool Overlaps(const PartSpec& other) const;
};

struct SplitSpec {
  uint64_t seed = 1;
  bool stratified = false;
  PartSpec train, test;
  std::optional<PartSpec> validation;

  template <class V>
  static void Fields(V& v) {
    v.Field("seed", &SplitSpec::seed, "Of the order of the functions");
    v.Field("stratified", &SplitSpec::stratified,
            "Every ten functions that are invoked about as often are shared out over [0, 1) "
            "evenly, so that no part is left without busy functions; false: at random");
    v.Field("train", &SplitSpec::train, "What parameters are searched on");
    v.Field("validation", &SplitSpec::validation,
            "What the best are chosen on; unset: the training part");
    v.Field("test", &SplitSpec::test, "What results are of; nothing else sees it");
  }
  // The test part must not overlap with the others.
  absl::Status Validate() const;
};

struct WorkloadSpec {
  std::string trace;
  bool lenient = false;
  std::optional<GeneratorConfig> generate;
  double rate = 1;
  WorkloadChanges changes;
  std::optional<SplitSpec> split;

  template <class V>
  static void Fields(V& v) {
    v.Field("trace", &WorkloadSpec::trace,
            "A trace file, or what `reeve trace import` reads; relative to the file that names it");
    v.Field("lenient", &WorkloadSpec::lenient, "Skip what is broken in the trace");
    v.Field("generate", &WorkloadSpec::generate, "Instead of a trace: a generated population");
    v.Field("rate", &WorkloadSpec::rate, "Factor on the number of invocations", AtLeast(1e-6));
    v.Field("changes", &WorkloadSpec::changes,
            "Flash crowds and shifts, in the time of the whole workload");
    v.Field("split", &WorkloadSpec::split,
            "Parts for tuning and for testing; unset: everything is the test part");
  }
  // Exactly one of trace and generate.
  absl::Status Validate() const;
};

enum class Part : uint8_t { kTrain, kValidation, kTest };
constexpr auto EnumNames(Part) {
  return std::array<std::pair<Part, std::string_view>, 3>{
      {{Part::kTrain, "train"}, {Part::kValidation, "validation"}, {Part::kTest, "test"}}};
}
std::string_view PartName(Part part);

// Reads or generates the workload; paths are taken from `folder`.
absl::StatusOr<Trace> LoadWorkload(const WorkloadSpec& spec, const std::string& folder);

// A part of it, shifted to start at 0. Without a split every part is the whole. InvalidArgument
// when no function is in the part, or no time.
absl::StatusOr<Trace> SelectPart(const Trace& workload, const std::optional<SplitSpec>& split,
                                 Part part);

// The first share of a trace's time, in whole minutes, at least one.
absl::StatusOr<Trace> FirstShare(const Trace& trace, double share);

// A checksum of all that a simulation sees of a trace.
uint64_t Fingerprint(const Trace& trace);

}  // namespace reeve
