// Invocations of a trace in time order, with the work of each, in bounded memory.
//
// Every draw is keyed by (seed, function, running number of the invocation), so a function's
// arrivals and works do not depend on the other functions, on the policy under test, or on threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "core/units.h"
#include "traces/trace.h"

namespace reeve {

struct Arrival {
  uint32_t offset_us;  // after ArrivalBatch::start
  uint32_t function;   // index
  int64_t work_us;     // execution time on an idle machine, >= 1
};
static_assert(sizeof(Arrival) == 16);

// Arrivals of [start, next batch's start), by rising (offset_us, function).
struct ArrivalBatch {
  SimTime start;
  std::span<const Arrival> arrivals;  // valid until the next call of Next
};

// Where the invocations that a per-minute trace counts fall within their minute.
enum class WithinMinute : uint8_t {
  kUniform,    // independently and uniformly: a Poisson process given its count
  kEven,       // equally spaced, at a phase drawn per function and minute
  kByTrigger,  // timers equally spaced at a phase fixed per function, all else uniform
  kCentred,    // equally spaced, half a gap from the minute's ends: all functions in step
};
constexpr auto EnumNames(WithinMinute) {
  return std::array<std::pair<WithinMinute, std::string_view>, 4>{
      {{WithinMinute::kUniform, "uniform"},
       {WithinMinute::kEven, "even"},
       {WithinMinute::kByTrigger, "by_trigger"},
       {WithinMinute::kCentred, "centred"}}};
}

struct ArrivalOptions {
  uint64_t seed = 0;
  WithinMinute within_minute = WithinMinute::kByTrigger;
};

class ArrivalSource {
 public:
  virtual ~ArrivalSource() = default;
  // The next batch, possibly empty; false at the end of the trace.
  virtual bool Next(ArrivalBatch& batch) = 0;
  // Starts again as a new source over the trace from this minute (>= 0) on: that minute's start is
  // time 0, and draws are those of a trace that begins there. Ends what the last batch showed.
  virtual void Restart(const ArrivalOptions& options, int from_minute) = 0;
};

// Streams `trace`, which must outlive the source. Batches have at most 32,768 arrivals (more only
// when they share a microsecond): a minute with more is halved, again and again, each function's
// count splitting binomially. Holds little beside: at most 64 arrivals of each function (1 KB).
// Costs O(1) per arrival; neither Next nor Restart allocates once buffers have grown. Not
// thread-safe.
std::unique_ptr<ArrivalSource> MakeArrivalSource(const Trace& trace, const ArrivalOptions& options);

// The same batches, computed ahead on a thread of their own, which Restart begins anew. Owns
// `source`.
std::unique_ptr<ArrivalSource> Prefetched(std::unique_ptr<ArrivalSource> source);

}  // namespace reeve
