// Numbers that were published about production workloads, to hold a trace against.
#pragma once

#include <array>
#include <utility>

#include "traces/trace.h"

namespace reeve::published {

// One day of the Azure Functions data of 2019: 17,577 applications. Quantiles interpolate linearly
// between order statistics.
namespace azure2019_day {
inline constexpr double kApps = 17577;
inline constexpr double kInvocations = 910042048;
// Quantiles of an application's invocations a day: probability, value.
inline constexpr std::array<std::pair<double, double>, 7> kAppPerDay = {{{0.25, 15},
                                                                         {0.50, 288},
                                                                         {0.75, 1415},
                                                                         {0.90, 8573},
                                                                         {0.95, 35948},
                                                                         {0.99, 493984},
                                                                         {1, 127471685}}};
inline constexpr double kShareOfTop1Percent = 0.866;  // of invocations
inline constexpr double kShareOfTop18Point6Percent = 0.995;
inline constexpr double kAppsAtMostOnePerMinute = 0.78;  // on average over the day
inline constexpr double kAppsAtMostOnePerHour = 0.30;
}  // namespace azure2019_day

// M. Shahrad et al., "Serverless in the Wild", USENIX ATC'20, two weeks of July 2019.
namespace atc20 {
inline constexpr double kAppsWithOneFunction = 0.54;
// In the order of Trigger (figure 2): shares of functions and of invocations.
inline constexpr std::array<double, kTriggers> kTriggerOfFunctions = {0.550, 0.156, 0.022, 0.152,
                                                                      0.028, 0.069, 0.022};
inline constexpr std::array<double, kTriggers> kTriggerOfInvocations = {0.359, 0.020, 0.247, 0.335,
                                                                        0.007, 0.023, 0.010};
// Mean execution time of a function: lognormal of this mu and sigma, in seconds.
inline constexpr double kExecutionMu = -0.38;
inline constexpr double kExecutionSigma = 2.36;
inline constexpr double kExecutionBelow1s = 0.50;  // as counted, beside the fit
inline constexpr double kExecutionBelow60s = 0.96;
// Memory of an application: Burr XII, in MB.
inline constexpr double kMemoryC = 11.652;
inline constexpr double kMemoryK = 0.221;
inline constexpr double kMemoryScale = 107.083;
// Share of applications whose inter-arrival times have a coefficient of variation above 1.
inline constexpr double kAppsWithCvAbove1 = 0.40;
}  // namespace atc20

}  // namespace reeve::published
