#include "core/human.h"

#include <fmt/format.h>

#include <cmath>

namespace reeve {

std::string HumanCount(uint64_t value) {
  const std::string digits = std::to_string(value);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string HumanNumber(double value) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value < 0) return fmt::format("-{}", HumanNumber(-value));
  if (value == 0) return "0";
  if (value >= 1e15) return fmt::format("{:.3g}", value);
  if (value >= 99.95) return HumanCount(static_cast<uint64_t>(std::llround(value)));
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  if (value >= 0.9995) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3g}", value);
}

std::string HumanPercent(double share) {
  if (!std::isfinite(share)) return "-";
  return fmt::format("{} %", HumanNumber(100 * share));
}

std::string HumanSeconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "-";
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<uint64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {:02} h", whole / 86400, whole / 3600 % 24);
}

std::string HumanRelativeDifference(double factor) {
  if (!std::isfinite(factor) || factor < 0) return "-";
  if (factor >= 2) return fmt::format("{}x", HumanNumber(factor));
  return fmt::format("{:+.1f} %", 100 * (factor - 1));
}

}  // namespace reeve
