// Containers needed per minute, as published with FeMux (github.com/ubc-cirrus-lab/femux; Nasiri et
// al., EuroSys 2026): 100 applications of the Azure 2019 trace that its authors replayed on a
// Knative cluster, a day long.
//
//   apps_minutes.csv                  HashApp,NumInvocations,AverageMemUsageMb,c1,c2,… : containers
//                                     that one request each needs in minute 1, 2, …: the mean
//                                     concurrency, rounded up. NumInvocations of the day, of all
//                                     functions of the application. Other columns are left alone
//   vanilla_per_app_cold_starts.csv   APP_NAME,REQUEST_COUNT: requests that were replayed
//   vanilla_per_app_alloc_util.csv    APP_NAME,MEM_UTIL: memory (MB) times seconds of execution
//
// The last two are optional; APP_NAME is "application-" and the first 8 digits of HashApp.
//
// An application becomes a function of that name, its own tenant, with per-minute counts:
//   - How many requests. REQUEST_COUNT is of [5 min, 21 h 50 min): the first 5 and the last 125
//     minutes were cut off before counting. The day has as many more as its rows need more
//     containers. Without that table, NumInvocations. An application that is not in it was not
//     replayed and is left out.
//   - In which minutes. Those that need containers, in proportion to how many. When there are fewer
//     requests than that, a container needed in two minutes in a row may be one long request: those
//     minutes first in which more are needed than in the minute before, then the others. Shares of
//     a request are carried to the next minute.
//   - Rows that cannot be meant. The conversion lost executions of a few microseconds, so that some
//     rows need nothing all day. When more than 200 requests would fall on each minute that needs
//     a container, they are spread evenly over all minutes.
//   - How long: always MEM_UTIL / (AverageMemUsageMb * REQUEST_COUNT), the mean time in a
//     container, as the replayed functions ran for one time each. Where that is 0 or unknown, the
//     stand-in of percentiles.h (counted in the report, not refused).
// The replay placed a minute's requests evenly, half a gap from its ends (gen_events of
// code/transform/utils.py): within_minute: centred.
#pragma once

#include "absl/status/status.h"
#include "traces/readers/context.h"

namespace reeve {

// The file is the one with containers per minute (by its header).
bool IsContainersPerMinute(const InputFile& file);

absl::Status ReadFemux(ReadContext& context);

namespace femux_internal {
// The minutes, counted from 0, whose requests were counted.
inline constexpr size_t kCountedFrom = 5, kCountedTo = 1315;

// Requests in each minute, from the containers it needs. `requests` are those of the minutes
// [from, to), or of all when from == to.
std::vector<uint64_t> PlaceRequests(std::span<const uint32_t> containers, uint64_t requests,
                                    size_t from, size_t to);
}  // namespace femux_internal

}  // namespace reeve
