// Huawei's releases (Joosen et al., SoCC 2023 and EuroSys 2025; github.com/sir-lab/data-release).
//
// 2023, per minute: a folder per metric, of files day_NNN.csv with columns day, time, and one per
// function, whose name is its number. `time` is in seconds since the start of the release, a whole
// number of minutes; a blank cell means that nothing was recorded.
//   requests_minute        required: invocations
//   function_delay_minute  optional: mean execution time in that minute, ms
//   memory_limit_minute    optional: MB of all pods together; needs
//   instances_minute       … their number
// A function's durations are the minutes' means, each weighing as many executions as the minute has
// requests: true in the mean, narrower in spread than single executions are. Its memory is that of
// one pod: the sum of the limits over the sum of the pods, minutes with both only. The trace runs
// from the first to the last minute of the files; the release leaves out whole days, which is a
// gap. The functions of the private cloud have no owner: each is its own app, all of one tenant.
//
// 2025, a row per request (funcName, userID, podID, time_worker, totalCost_worker in seconds) and,
// optionally, files with a row per cold start (… totalCost_cold_start). A function is
// funcName---userID---pool, its tenant the user; the pool is the podID without its last number, and
// its last part is the memory in MB. time_worker is when the worker logged the request, at its end:
// it starts totalCost_worker earlier. Times are shifted so that the earliest start is 0.
#pragma once

#include "absl/status/status.h"
#include "traces/readers/context.h"

namespace reeve {

absl::Status ReadHuawei(ReadContext& context);
absl::Status ReadHuaweiRequests(ReadContext& context);

}  // namespace reeve
