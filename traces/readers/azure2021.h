// The Azure Functions 2021 release (Zhang et al., SOSP 2021): a row per invocation,
// app,func,end_timestamp,duration, in seconds; the invocation starts at end_timestamp - duration.
//
// The first rows started before the recording did, at negative times: all times are shifted so that
// the earliest start is 0. Durations are whole milliseconds; 0 is taken as one
// (see percentiles.h). There are no tenants: each app is one. Memory is not given.
#pragma once

#include "absl/status/status.h"
#include "traces/readers/context.h"

namespace reeve {

absl::Status ReadAzure2021(ReadContext& context);

}  // namespace reeve
