// How far one function's numbers are trusted over time: what is done while they are bad.
//
//   kTrusted ──bad──> kHold ──`hold` later──> kFallback ──`fallback` later──> kHandedBack
//      ^                │                        │                              │
//      └──sound─────────┘                        └───sound for `sound_for`──────┘
//
// Time counts from the first bad window on, until numbers have been sound for `sound_for` without a
// gap: numbers that flicker are held at each bad window and reach the fallback just the same. A
// function whose numbers were never sound is left to the platform from the beginning, unless an
// earlier run drove it: then it is held.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

enum class TrustStage : uint8_t {
  kTrusted,     // the policy decides
  kHold,        // what is stays
  kFallback,    // the fallback policy decides, by the last sound numbers
  kHandedBack,  // the platform's own autoscaler decides
};
constexpr auto EnumNames(TrustStage) {
  return std::array<std::pair<TrustStage, std::string_view>, 4>{
      {{TrustStage::kTrusted, "trusted"},
       {TrustStage::kHold, "hold"},
       {TrustStage::kFallback, "fallback"},
       {TrustStage::kHandedBack, "handed_back"}}};
}

struct TrustSpec {
  SimTime max_age = SimTime::Seconds(15);
  SimTime hold = SimTime::Minutes(1);
  SimTime fallback = SimTime::Minutes(5);
  SimTime sound_for = SimTime::Seconds(30);

  template <class V>
  static void Fields(V& v) {
    v.Field("max_age", &TrustSpec::max_age, "Numbers older than this are stale", AtLeast(0.001));
    v.Field("hold", &TrustSpec::hold,
            "Time from the first bad numbers for which everything stays as it is", AtLeast(0));
    v.Field("fallback", &TrustSpec::fallback,
            "Time after that for which the fallback decides, by the last sound numbers; then the "
            "function is handed back to the platform",
            AtLeast(0));
    v.Field("sound_for", &TrustSpec::sound_for,
            "Time for which numbers must have been sound without a gap before the policy decides "
            "again",
            AtLeast(0));
  }
};

// Not thread-safe.
class FunctionTrust {
 public:
  // Of a window that ended at `now`; calls come in time order.
  TrustStage Update(const TrustSpec& spec, SimTime now, bool sound) {
    if (sound) return stage_ = WhenSound(spec, now);
    sound_since_ = SimTime::Max();
    if (!started_) stage_ = TrustStage::kHandedBack;
    started_ = true;
    if (trouble_since_ == SimTime::Max()) trouble_since_ = now;
    if (stage_ == TrustStage::kHandedBack) return stage_;
    const SimTime lasted = now - trouble_since_;
    const bool hold = lasted < spec.hold && stage_ != TrustStage::kFallback;
    if (hold) return stage_ = TrustStage::kHold;
    // Without overflow, however long the times are.
    return stage_ =
               lasted - spec.hold < spec.fallback ? TrustStage::kFallback : TrustStage::kHandedBack;
  }

  // It was driven by an earlier run: until its numbers are known again it is held, not left to the
  // platform. Before the first Update.
  void GoOn() { started_ = true; }

  TrustStage stage() const { return stage_; }

 private:
  TrustStage WhenSound(const TrustSpec& spec, SimTime now) {
    started_ = true;
    if (trouble_since_ == SimTime::Max()) return TrustStage::kTrusted;
    if (sound_since_ == SimTime::Max()) sound_since_ = now;
    if (now - sound_since_ >= spec.sound_for) {
      trouble_since_ = SimTime::Max();
      return TrustStage::kTrusted;
    }
    return stage_ == TrustStage::kHold ? TrustStage::kTrusted : stage_;
  }

  TrustStage stage_ = TrustStage::kTrusted;
  bool started_ = false;
  SimTime trouble_since_ = SimTime::Max();  // Max() = numbers are sound
  SimTime sound_since_ = SimTime::Max();
};

}  // namespace reeve
