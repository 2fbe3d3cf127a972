// Snapshots and decisions as messages of bus.proto, and back, with every number checked.
//
// Thread-safe: no state.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/bus/bus.pb.h"
#include "core/decision.h"
#include "core/snapshot.h"

namespace reeve {

inline constexpr uint32_t kBusVersion = 1;

// Numbers above these are refused, so that policies can calculate with what passes: requests and
// containers of one function, CPU and memory of a cluster, times.
inline constexpr double kMostRequests = 2e9;
inline constexpr double kMostContainers = 1e7;
inline constexpr double kMostResources = 1e12;  // millicores, mebibytes
inline constexpr double kMostMillis = 1e12;     // 30 years
inline constexpr double kMostMicros = 4e18;     // 120,000 years

// Fills `snapshot` with windows of `functions` functions. InvalidArgument names the field, the
// element and what is allowed: a column of another length, NaN, infinite, negative, too much.
// Whether the numbers can be true together is not looked at (agents/adapt/metrics_check.h).
absl::Status ReadSnapshot(const bus::v1::Snapshot& message, size_t functions, Snapshot& snapshot);

// The same the other way. Without histograms, which stay with the platform.
void WriteSnapshot(const Snapshot& snapshot, bus::v1::Snapshot& message);

void WriteDecision(const Decision& decision, bus::v1::Decision& message);
// InvalidArgument for what cannot be: below zero, CPU or memory of nothing, too much.
absl::StatusOr<Decision> ReadDecision(const bus::v1::Decision& message);

}  // namespace reeve
