// Numbers as people read them, in terminals and tables. Machines get them elsewhere, in full.
#pragma once

#include <cstdint>
#include <string>

namespace reeve {

std::string HumanCount(uint64_t value);              // 1234567 -> "1,234,567"
std::string HumanNumber(double value);               // three digits or all of the whole part:
                                                     // 0.01234 -> "0.0123", 12345.6 -> "12,346"
std::string HumanPercent(double share);              // 0.0512 -> "5.12 %"
std::string HumanSeconds(double seconds);            // 3725 -> "1 h 02 min"; 4.2 -> "4.2 s"
std::string HumanRelativeDifference(double factor);  // 0.8 -> "-20.0 %", 3.5 -> "3.50x"

}  // namespace reeve
