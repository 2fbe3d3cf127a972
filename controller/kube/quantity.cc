#include "controller/kube/quantity.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "core/status.h"

namespace reeve {
namespace {

const absl::int128 kNano = 1'000'000'000;
const absl::int128 kMost = absl::int128(std::numeric_limits<int64_t>::max()) * kNano;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// value * 10^power or 2^power; empty for suffixes that do not exist.
struct Scale {
  int base = 10;
  int power = 0;
};

std::optional<Scale> ScaleOf(std::string_view suffix) {
  if (suffix.empty()) return Scale{};
  static constexpr std::string_view kBinary[] = {"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  for (int i = 0; i < 6; ++i) {
    if (suffix == kBinary[i]) return Scale{2, 10 * (i + 1)};
  }
  static constexpr std::string_view kDecimal = "num kMGTPE";  // 10^-9 … 10^18, blank for 10^0
  if (suffix.size() == 1 && suffix != " ") {
    const size_t at = kDecimal.find(suffix[0]);
    if (at != std::string_view::npos) return Scale{10, 3 * (static_cast<int>(at) - 3)};
  }
  if ((suffix[0] == 'e' || suffix[0] == 'E') && suffix.size() > 1) {
    std::string_view digits = suffix.substr(1);
    if (digits[0] == '+') digits.remove_prefix(1);
    int power = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), power);
    const bool signs = suffix[1] == '+' && !digits.empty() && digits[0] == '-';
    if (error == std::errc() && end == digits.data() + digits.size() && !signs) {
      return Scale{10, power};
    }
  }
  return std::nullopt;
}

// magnitude * 10^-decimals * scale in units of 10^-9, rounded up, at most kMost.
absl::int128 Scaled(absl::int128 magnitude, int decimals, Scale scale) {
  if (magnitude == 0) return 0;
  // Both bounds are far below the 2^127 of the type: kMost is below 2^93.
  const auto times = [](absl::int128 value, int factor) {
    return value > kMost ? value : value * factor;
  };
  int ten = 9 - decimals + (scale.base == 10 ? scale.power : 0);
  for (int i = 0; i < (scale.base == 2 ? scale.power : 0); ++i) magnitude = times(magnitude, 2);
  bool rest = false;
  for (; ten < 0 && magnitude != 0; ++ten) {
    rest |= magnitude % 10 != 0;
    magnitude /= 10;
  }
  for (; ten > 0 && magnitude <= kMost; --ten) magnitude = times(magnitude, 10);
  if (rest) magnitude += 1;
  return magnitude > kMost ? kMost : magnitude;
}

absl::Status Refuse(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not a quantity: {}", text.substr(0, 60), what));
}

int64_t RoundedAway(absl::int128 nano, absl::int128 unit) {
  absl::int128 units = nano / unit;
  if (nano % unit != 0) units += nano > 0 ? 1 : -1;
  const absl::int128 most = std::numeric_limits<int64_t>::max();
  if (units > most) units = most;
  if (units < -most) units = -most;
  return static_cast<int64_t>(units);
}

}  // namespace

int64_t Quantity::Value() const {
  return RoundedAway(nano_, kNano);
}

int64_t Quantity::Milli() const {
  return RoundedAway(nano_, kNano / 1000);
}

absl::StatusOr<Quantity> ParseQuantity(std::string_view text) {
  std::string_view rest = text;
  if (rest.empty()) return Refuse(text, "it is empty");
  if (rest.size() > 64) return Refuse(text, "it is longer than 64 characters");
  const bool negative = rest[0] == '-';
  if (rest[0] == '-' || rest[0] == '+') rest.remove_prefix(1);

  absl::int128 magnitude = 0;
  int decimals = 0, dropped = 0, digits = 0;
  bool point = false, lost = false;
  while (!rest.empty() && (IsDigit(rest[0]) || (rest[0] == '.' && !point))) {
    if (rest[0] == '.') {
      point = true;
    } else {
      ++digits;
      // 30 digits are more than the range and the resolution together need.
      if (magnitude < absl::int128(1'000'000'000'000'000) * absl::int128(1'000'000'000'000'000)) {
        magnitude = magnitude * 10 + (rest[0] - '0');
        decimals += point;
      } else {
        lost |= rest[0] != '0';
        dropped += !point;
      }
    }
    rest.remove_prefix(1);
  }
  if (digits == 0) return Refuse(text, "it has no digits");
  std::optional<Scale> scale = ScaleOf(rest);
  if (!scale) {
    return Refuse(text,
                  "its suffix is none of n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or e with a power");
  }
  if (lost) magnitude += 1;
  const absl::int128 nano = Scaled(magnitude, decimals - dropped, *scale);
  return Quantity(negative ? -nano : nano);
}

absl::StatusOr<Millicores> ParseCpuQuantity(std::string_view text) {
  ASSIGN_OR_RETURN(const Quantity quantity, ParseQuantity(text));
  if (quantity.nano() < 0) return Refuse(text, "CPU cannot be negative");
  return Millicores(quantity.Milli());
}

absl::StatusOr<Mebibytes> ParseMemoryQuantity(std::string_view text) {
  ASSIGN_OR_RETURN(const Quantity quantity, ParseQuantity(text));
  if (quantity.nano() < 0) return Refuse(text, "memory cannot be negative");
  const int64_t bytes = quantity.Value();
  constexpr int64_t kMebi = int64_t{1} << 20;
  return Mebibytes(bytes / kMebi + (bytes % kMebi != 0));
}

std::string CpuQuantity(Millicores cpu) {
  return fmt::format("{}m", cpu.value());
}

std::string MemoryQuantity(Mebibytes memory) {
  return fmt::format("{}Mi", memory.value());
}

namespace {

// Reads exactly `count` digits at the front of `text`; -1 if they are not there.
int TakeDigits(std::string_view& text, size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!IsDigit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// Microseconds after the point; digits beyond are read over. -1: no digit.
int64_t TakeFraction(std::string_view& text) {
  int64_t micros = 0, unit = 100'000;
  size_t digits = 0;
  for (; !text.empty() && IsDigit(text[0]); ++digits, text.remove_prefix(1)) {
    micros += (text[0] - '0') * unit;
    unit /= 10;
  }
  return digits == 0 ? -1 : micros;
}

// Minutes east of Greenwich.
std::optional<int> TakeOffset(std::string_view& text) {
  if (Take(text, 'Z')) return 0;
  const int sign = Take(text, '+') ? 1 : Take(text, '-') ? -1 : 0;
  const int hours = TakeDigits(text, 2);
  const bool colon = Take(text, ':');
  const int minutes = TakeDigits(text, 2);
  if (sign == 0 || hours < 0 || hours > 23 || !colon || minutes < 0 || minutes > 59) return {};
  return sign * (hours * 60 + minutes);
}

}  // namespace

absl::StatusOr<SimTime> ParseTimestamp(std::string_view text) {
  const auto wrong = [text] {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not a time such as 2026-11-23T06:17:00Z", text.substr(0, 60)));
  };
  std::string_view rest = text;
  const int year = TakeDigits(rest, 4);
  const bool dash = Take(rest, '-');
  const int month = TakeDigits(rest, 2);
  const bool dash2 = Take(rest, '-');
  const int day = TakeDigits(rest, 2);
  const bool t = Take(rest, 'T');
  const int hour = TakeDigits(rest, 2);
  const bool colon = Take(rest, ':');
  const int minute = TakeDigits(rest, 2);
  const bool colon2 = Take(rest, ':');
  const int second = TakeDigits(rest, 2);
  if (!dash || !dash2 || !t || !colon || !colon2 || year < 1 || month < 1 || day < 1 || hour < 0 ||
      hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return wrong();
  }
  const int64_t fraction = Take(rest, '.') ? TakeFraction(rest) : 0;
  const std::optional<int> offset = TakeOffset(rest);
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (fraction < 0 || !offset || !rest.empty() || !date.ok()) return wrong();
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t minutes = (days * 24 + hour) * 60 + minute - *offset;
  return SimTime::Seconds(minutes * 60 + second) + SimTime::Micros(fraction);
}

namespace {

std::string FormatSeconds(SimTime since_epoch, int64_t& fraction_us) {
  int64_t seconds = since_epoch.micros() / 1'000'000;
  fraction_us = since_epoch.micros() % 1'000'000;
  if (fraction_us < 0) {
    fraction_us += 1'000'000;
    seconds -= 1;
  }
  const std::chrono::sys_seconds instant{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const int64_t of_day = (instant - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     of_day / 3600, of_day / 60 % 60, of_day % 60);
}

}  // namespace

std::string MicroTimestamp(SimTime since_epoch) {
  int64_t fraction_us = 0;
  const std::string seconds = FormatSeconds(since_epoch, fraction_us);
  return fmt::format("{}.{:06}Z", seconds, fraction_us);
}

std::string Timestamp(SimTime since_epoch) {
  int64_t fraction_us = 0;
  return FormatSeconds(since_epoch, fraction_us) + "Z";
}

}  // namespace reeve
