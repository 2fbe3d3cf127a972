// What the control loop tells of each tick, to whoever keeps it or shows it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "controller/live_platform.h"
#include "controller/tenant_modes.h"
#include "controller/trust.h"
#include "core/decision.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// The name of a value of an enum, as in configurations.
template <class E>
std::string_view NameOf(E value) {
  for (const auto& [candidate, name] : EnumNames(E{})) {
    if (candidate == value) return name;
  }
  return "unknown";
}

// Whose decision for a function it was.
enum class Decider : uint8_t {
  kPolicy,     // the policy's own
  kSafeguard,  // that of the fallback inside the policy's safeguard
  kFallback,   // that of the loop's fallback, while numbers are bad
  kHold,       // nobody's: what is stays
  kPlatform,   // the platform's own autoscaler decides
};
constexpr auto EnumNames(Decider) {
  return std::array<std::pair<Decider, std::string_view>, 5>{{{Decider::kPolicy, "policy"},
                                                              {Decider::kSafeguard, "safeguard"},
                                                              {Decider::kFallback, "fallback"},
                                                              {Decider::kHold, "hold"},
                                                              {Decider::kPlatform, "platform"}}};
}

// One function at one tick.
struct FunctionRecord {
  uint32_t slot = 0;
  TenantMode mode;
  TrustStage stage = TrustStage::kTrusted;
  Decider decider = Decider::kPlatform;
  Actuation actuation = Actuation::kNone;
  bool ours = false;   // taken over, and not handed back
  bool sound = false;  // its numbers of this window can be believed
  bool led = false;    // this instance is the one that may act on it
  // Why it is not simply what the policy wished, applied: "shadow", "cool_down", "stale", …; empty
  // when it is. Lives for ever.
  std::string_view why = "";
  Decision wished;   // of the decider; in shadow mode what would have been done
  Decision applied;  // what was written to the platform; unset fields were not

  bool operator==(const FunctionRecord&) const = default;
};

// How a policy that learns while it drives stands.
struct AdaptationNow {
  int64_t environment = 0;    // that the detector takes the present one for
  double confidence = 0;      // see Detection
  uint64_t environments = 0;  // known
  int64_t expert = 0;         // whose expert is in charge
  bool exploring = false;     // that expert is new to its environment
  uint64_t experts = 0;
  uint64_t updates = 0, switches = 0;  // since the policy was made
  // Batches of experience that nothing was learned from: the learner was busy, or not there.
  uint64_t batches_dropped = 0, batches_lost = 0;
  double mean_reward = 0;    // over functions, of the last period
  bool safeguarded = false;  // the fallback drives, at least one function
};

struct TickRecord {
  uint64_t tick = 0;               // since the start, skipped ones included
  int64_t wall_us = 0;             // since 1970 UTC
  SimTime time;                    // the loop's monotonic clock at the beginning
  SimTime lateness;                // of the beginning
  SimTime observe, decide, apply;  // how long each took
  uint64_t skipped = 0;            // ticks left out before this one
  uint64_t wakes = 0;              // decisions for functions from zero since the last tick
  bool observed = false;           // the platform answered: `snapshot` is of this tick
  bool overrun = false;            // it took longer than a period: nothing was applied
  bool acting = false;             // MayAct
  uint64_t handed_back = 0;        // functions, at this tick
  uint64_t taken_over = 0;

  const Catalogue* catalogue = nullptr;
  const Snapshot* snapshot = nullptr;         // [F] by slot, as observed
  const Snapshot* view = nullptr;             // [N] as policies saw it; null when they did not
  const AdaptationNow* adaptation = nullptr;  // null: the policy does not learn
  std::span<const FunctionRecord> functions;  // [N] present ones
  std::span<const FunctionStatus> status;     // [F] by slot
};

enum class EventKind : uint8_t {
  kStart,
  kStop,
  kCatalogue,  // functions came or went
  kPolicy,     // made anew, replayed, failed
  kPlatform,   // observing or applying failed, or works again
  kTrust,      // a function's numbers went bad or are sound again
  kMode,       // of a tenant
  kActuation,  // refused or overridden
  kTakeOver,
  kHandBack,
  kLeadership,
  kStore,  // records could not be kept
};
constexpr auto EnumNames(EventKind) {
  return std::array<std::pair<EventKind, std::string_view>, 12>{
      {{EventKind::kStart, "start"},
       {EventKind::kStop, "stop"},
       {EventKind::kCatalogue, "catalogue"},
       {EventKind::kPolicy, "policy"},
       {EventKind::kPlatform, "platform"},
       {EventKind::kTrust, "trust"},
       {EventKind::kMode, "mode"},
       {EventKind::kActuation, "actuation"},
       {EventKind::kTakeOver, "take_over"},
       {EventKind::kHandBack, "hand_back"},
       {EventKind::kLeadership, "leadership"},
       {EventKind::kStore, "store"}}};
}

struct EventRecord {
  int64_t wall_us = 0;
  EventKind kind = EventKind::kStart;
  bool warning = false;
  const LiveFunction* function = nullptr;  // whom it concerns; null: all
  std::string tenant = "";                 // of the function, or of its own; may be empty
  std::string message = "";
};

// Called on the loop's thread, which waits for it: must not block. What it is given is valid during
// the call only.
class LoopSink {
 public:
  virtual ~LoopSink() = default;
  virtual void OnTick(const TickRecord& tick) = 0;
  virtual void OnEvent(const EventRecord& event) = 0;
};

}  // namespace reeve
