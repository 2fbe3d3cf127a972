// Iluvatar's traces (Fuerst, Rehman and Sharma, HPDC 2023): a file of invocations,
// func_name,invoke_time_ms, and one of functions, func_name,cold_dur_ms,warm_dur_ms,mem_mb.
//
// A function's duration is warm_dur_ms, its cold start what cold_dur_ms adds to that (0 when it is
// less). The file of functions is told by its column warm_dur_ms; a function that is invoked but
// not in it has no duration and no memory. Times are the trace's own.
#pragma once

#include "absl/status/status.h"
#include "traces/readers/context.h"

namespace reeve {

absl::Status ReadIluvatar(ReadContext& context);

}  // namespace reeve
