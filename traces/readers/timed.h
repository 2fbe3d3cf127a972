// Invocations one a row: the plain form that any other system's log is easily turned into.
//
//   function,time,duration            function,start,duration
//   resize,12.25,0.310                resize,12.25,0.310
//
// Columns, in any order, unknown ones ignored:
//   function                           required
//   time or start [_s, _ms, _us]       required, 0 or more; seconds when no unit is named
//   duration [_s, _ms, _us]            optional, and a cell may be blank: the duration is then
//   drawn
//                                      from the function's other ones (or the stand-in)
//   tenant, app                        optional; "default" and the function's name
//   memory_mb                          optional, blank cells allowed; the mean of a function counts
//
// Times are the trace's own: an event at 5 s happens 5 s after the start. Only wall-clock times
// (the earliest is more than a year) are shifted so that the earliest is 0. A duration of 0 stays
// 0. Several files are read as one.
#pragma once

#include "absl/status/status.h"
#include "traces/readers/context.h"

namespace reeve {

absl::Status ReadTimed(ReadContext& context);

}  // namespace reeve
