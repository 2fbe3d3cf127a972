// How one kind of detector judges a context: the part that ShiftDetector puts its hysteresis
// around.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "agents/adapt/detector_spec.h"
#include "agents/adapt/environment_book.h"
#include "agents/adapt/state_vectors.h"
#include "core/units.h"

namespace reeve {

enum class Judgement : uint8_t {
  kKnown,      // a known environment
  kNew,        // none of those known
  kUncertain,  // on the way from one to the other, or too early to say
};

struct Verdict {
  Judgement judgement = Judgement::kUncertain;
  size_t place = 0;       // kKnown: which, in the book
  double confidence = 0;  // 0 .. 1; what it means is the rule's to say
};

// Not thread-safe. Judge and Absorb do not allocate.
class ShiftRule {
 public:
  virtual ~ShiftRule() = default;

  // Called once a control period, whatever becomes of the verdict. `current` is the place of the
  // environment in force. x: [D], finite.
  virtual Verdict Judge(SimTime now, std::span<const double> x, const EnvironmentBook& book,
                        size_t current) = 0;

  // The context x, judged just now, was taken for the environment in force: takes it into the book,
  // whose memory is so many contexts. `learning`: without any doubt, whatever the verdict was.
  virtual void Absorb(SimTime now, std::span<const double> x, double memory, bool /*learning*/,
                      EnvironmentBook& book, size_t current) {
    book.Add(current, x, 1, memory, now);
  }

  // The environment in force, or the list of environments, has changed: what was gathered about
  // the one before no longer counts. `stretch`: the contexts that led to it, or none.
  virtual void Begin(const EnvironmentBook& book, size_t current,
                     const ContextMoments& stretch) = 0;

  // Its verdicts are true: no hysteresis, no dwell, no matching.
  virtual bool trusted() const { return false; }

  // Under "rule.".
  virtual void Save(StateVectors& state) const = 0;
  virtual absl::Status Restore(const StateVectors& state) = 0;
};

// `spec` has passed Validate().
std::unique_ptr<ShiftRule> MakeShiftRule(const DetectorSpec& spec, size_t dimensions);

}  // namespace reeve
