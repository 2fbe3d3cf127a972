// What of a decision is written to a live platform: only what the platform can do and the owner
// allows, only changes, and not too soon after the last one.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "controller/live_platform.h"
#include "core/config.h"
#include "core/decision.h"
#include "core/units.h"

namespace reeve {

struct WriteSpec {
  SimTime cool_down_up;
  SimTime cool_down_down;
  SimTime cool_down_size;
  SimTime retry = SimTime::Seconds(30);

  template <class V>
  static void Fields(V& v) {
    v.Field("cool_down_up", &WriteSpec::cool_down_up,
            "Least time from any change of a function's replicas to the next one upwards",
            AtLeast(0));
    v.Field("cool_down_down", &WriteSpec::cool_down_down,
            "Least time from any change of a function's replicas to the next one downwards",
            AtLeast(0));
    v.Field("cool_down_size", &WriteSpec::cool_down_size,
            "Least time between two changes of a function's CPU, memory or concurrency",
            AtLeast(0));
    v.Field("retry", &WriteSpec::retry,
            "What was refused, or overridden by somebody else, is written again after this time",
            AtLeast(0.001));
  }
};

// Not thread-safe.
class WriteFilter {
 public:
  WriteFilter(const WriteSpec& spec, const PlatformCapabilities& can) : spec_(spec), can_(can) {}

  // `slots` is never less than before.
  void Resize(size_t slots) { functions_.resize(slots); }

  struct Result {
    Decision write;              // what to write now
    std::string_view held = "";  // why something that was wished is not: "cool_down", …; or nothing
  };
  // What of a decision the platform can do, held within the owner's limits.
  Decision Possible(Decision wished, const LiveFunction& function) const;
  // Changes nothing; one of the Note… says what became of `write`. `wished` replicas count against
  // the owner's limits before they are compared. `replicas_now` is what is asked for by the
  // platform's own account: where nothing was carried out yet, the direction is against it.
  Result Filter(size_t slot, const Decision& wished, const LiveFunction& function,
                const FunctionStatus& status, uint32_t replicas_now, SimTime now) const;
  void NoteCarriedOut(size_t slot, const Decision& written, SimTime now);
  // It was tried, and what stands there now is not known: the next decision is written whole. No
  // cool-down begins, since nothing may have changed.
  void NoteFailed(size_t slot, const Decision& tried);
  // Nothing changed, and trying the same again at once would not help.
  void NoteRefused(size_t slot, const Decision& refused, SimTime now);
  // It was handed back, or is gone: the next decision is written whole.
  void Forget(size_t slot) { functions_[slot] = Function{}; }

  // What was carried out last, and still counts; unset fields never were.
  const Decision& in_force(size_t slot) const { return functions_[slot].carried_out; }

 private:
  struct Function {
    Decision written;              // what need not be written again; unset: not known to be there
    Decision carried_out;          // the last that certainly was
    SimTime replicas_at, size_at;  // of the last change that was carried out
    SimTime tried_at;              // of the last write
    bool replicas_changed = false, size_changed = false;
  };

  const WriteSpec spec_;
  const PlatformCapabilities can_;
  std::vector<Function> functions_;  // [F] by slot
};

}  // namespace reeve
