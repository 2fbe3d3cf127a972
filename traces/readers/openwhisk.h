// Activation records of Apache OpenWhisk, as GET …/activations?docs=true gives them: JSON, in the
// forms of json_records.h.
//
// Of a record: `start` and `end` (ms since the epoch), `duration` (ms), `namespace`, `name`,
// `activationId`, and annotations path ("ns/package/name"), limits {memory}, waitTime and initTime
// (ms). Without the path, the function is namespace/name. The tenant is the namespace.
//   arrival    start - waitTime: when the platform was asked, not when a container took it.
//   duration   duration - initTime, as OpenWhisk counts initialisation in; at least one tick of its
//              clock (percentiles.h). A record without it is still running: its duration is drawn
//              from the function's others.
//   cold start initTime, which only records that met one have: the function's cold_start_ms is the
//              distribution of them.
// Times are shifted so that the earliest arrival is 0. An activationId a second time (pages of the
// listing overlap) is a duplicate.
#pragma once

#include "absl/status/status.h"
#include "traces/readers/context.h"

namespace reeve {

absl::Status ReadOpenWhisk(ReadContext& context);

}  // namespace reeve
