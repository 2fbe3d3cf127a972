// A platform that runs for real, as the control loop needs it: beyond observing and deciding, which
// functions there are, how far their numbers can be believed, whether what was asked for happened,
// and how to leave a function to the platform's own autoscaler again.
//
// Life of a function under control:
//
//   catalogue ──> TakeOver ──> Apply, Apply, … ──> HandBack
//                    │            │
//                    │            └ Status: kDone | kPending | kRefused | kOverridden
//                    └ before it, and after HandBack, the platform's own autoscaler decides
//
// Slots. A function's place in the catalogue, in snapshots and in decisions is its slot:
// FunctionId(slot). Slots are only ever added, and a slot is never given to another function: one
// that is gone stays, marked absent, and when a function of the same id comes back it has its slot
// again. F is the number of slots.
//
// Time. Snapshot::time is monotonic time since the platform object was made (never the wall clock),
// and rises from call to call. Snapshot::window is the length the numbers were measured over: about
// the time since the last Observe, zero when there is no measurement yet.
//
// Threads. Everything but MayAct and capabilities is called from one thread, that of the loop; an
// implementation may have threads of its own that watch and scrape. MayAct and capabilities may be
// called from any thread.
//
// Errors. What a platform or a network can do wrong is an absl::Status that names the object and
// what to do; it is never an exception. Calls return within a few seconds at most (time-outs are
// the implementation's), so that the loop can end: answer from what watchers have collected rather
// than wait.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/decision.h"
#include "core/ids.h"
#include "core/platform.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// One function (on Knative: one revision that can get requests).
struct LiveFunction {
  // Stable identity over restarts of this program, never used for another function: what the store
  // knows it by. "namespace/name" does where names are not used again with another meaning.
  std::string id;
  std::string name;    // for people and for trained policies
  std::string tenant;  // whose it is: modes are per tenant
  bool present = true;

  SimTime slo_latency = SimTime::Max();  // Max() = none

  // What its owner allows; decisions are held within. CPU and memory are per container.
  int32_t min_replicas = 0;
  int32_t max_replicas = std::numeric_limits<int32_t>::max();
  std::optional<Millicores> min_cpu, max_cpu;
  std::optional<Mebibytes> min_memory, max_memory;
};

struct Catalogue {
  // Changes, upwards, whenever a function comes or goes, or its name, tenant or objective changes;
  // not for changed limits.
  uint64_t generation = 0;
  std::vector<LiveFunction> functions;  // [F]
};

// What became of the last thing that was asked for.
enum class Actuation : uint8_t {
  kNone,        // nothing was asked for since TakeOver
  kDone,        // in force
  kPending,     // accepted, not yet in force
  kRefused,     // the platform refused it (permissions, validation, no such object)
  kOverridden,  // was in force, and somebody else changed it
};
constexpr auto EnumNames(Actuation) {
  return std::array<std::pair<Actuation, std::string_view>, 5>{
      {{Actuation::kNone, "none"},
       {Actuation::kDone, "done"},
       {Actuation::kPending, "pending"},
       {Actuation::kRefused, "refused"},
       {Actuation::kOverridden, "overridden"}}};
}

// How far the numbers of one function can be believed, and what became of the decisions about it.
struct FunctionStatus {
  // How old the oldest figure that the window rests on was at Snapshot::time; Max() = there is
  // none. A function that is known to have no containers and no requests has sound zeros of age 0,
  // even though nothing can be scraped from it.
  SimTime metrics_age = SimTime::Max();
  // Some figure is missing: its value in the snapshot is unspecified. Figures that the platform
  // never has (say, memory used) are zero and not missing.
  bool incomplete = false;

  Actuation actuation = Actuation::kNone;
  SimTime pending_for;  // how long kPending, kRefused or kOverridden has lasted
  // The last Apply did not carry out what it was given for this function, and nobody will unless it
  // is asked again: no answer, no time left, or (then `actuation` says so) refused. What of it
  // happened all the same, where an answer was lost, is not known. Set by Apply, false after
  // Observe.
  bool not_carried_out = false;
  // One sentence for people: why metrics are missing, or why it was refused; empty when all is
  // well.
  std::string detail;
};

// Which fields of a Decision the platform can carry out. The loop leaves the others out.
struct PlatformCapabilities {
  bool replicas = false;
  bool cpu_limit = false;
  bool memory_limit = false;
  bool concurrency = false;
  bool keep_alive = false;
  bool scale_to_zero = false;  // otherwise at least one replica is asked for
  bool hand_back = false;      // there is an autoscaler of its own to hand back to
};

class LivePlatform : public Platform {
 public:
  // What the platform tells the loop between two observations.
  struct Hooks {
    // A request came for a function that has no container, and the platform can wait for the
    // answer: the decision is to be carried out at once. Called on the loop's thread, from within
    // Observe only.
    std::function<void(FunctionId slot, SimTime now, Decision& decision)> wake;
    // The same where nobody can wait: the loop asks the policy soon and applies what it answers.
    // Any thread; returns at once.
    std::function<void(FunctionId slot)> poke;
  };

  // Before the first Observe; with none when the loop is gone, after which nobody is called any
  // more.
  virtual void SetHooks(Hooks hooks) = 0;

  // What it is called in logs and metrics: "knative", "sim".
  virtual std::string_view name() const = 0;
  virtual PlatformCapabilities capabilities() const = 0;

  // From Platform, in slots:
  //   Observe fills a row for each of the F slots, whole: it is not always given the same snapshot.
  //   Rows of absent functions are zero.
  //   A platform that does not know the cluster's memory capacity leaves memory_held zero too: more
  //   held than there is cannot be.
  //   Unavailable when nothing can be known now: the loop then counts the numbers of every function
  //   as missing. Functions that came or went are in catalogue() when it returns.
  //   Apply is given F decisions. Unset ones (Decision{}) change nothing and take nothing over.
  //   Unavailable when none of them could be carried out; of which that is true is in Status().

  // The functions as of the last Observe; valid until the next.
  virtual const Catalogue& catalogue() const = 0;
  // [F] As of the last Observe, but for what Apply has added since; valid until the next.
  virtual std::span<const FunctionStatus> Status() const = 0;

  // From now on the platform's own autoscaler leaves these functions to us. Called before the first
  // decision for a function is applied; again changes nothing. Where the first Apply does it all,
  // this may do nothing.
  virtual absl::Status TakeOver(std::span<const FunctionId> functions) = 0;
  // The platform's own autoscaler takes over again, from the scale there is, and of what we have
  // set nothing is left: exactly our own settings are removed. For functions that were not taken
  // over, or were left behind by an earlier run of this program that ended without handing back,
  // it removes what there is of ours. Again changes nothing. OK only when all were handed back, or
  // the status names the first that was not and the loop tries again; at once after Cancelled, when
  // only time was missing. Unimplemented without the capability.
  virtual absl::Status HandBack(std::span<const FunctionId> functions) = 0;

  // False while another instance of this program leads: the loop then goes on observing and
  // deciding, so that it is warm when it leads, but applies nothing and hands nothing back.
  virtual bool MayAct() const { return true; }
  // The same of one function, where instances share the work; never true while MayAct is false.
  virtual bool MayActOn(FunctionId /*slot*/) const { return MayAct(); }
  // There is nothing to observe any more: the loop ends. Simulated platforms only.
  virtual bool Ended() const { return false; }
};

}  // namespace reeve
