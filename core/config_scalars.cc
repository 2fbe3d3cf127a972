// How single values are written in YAML: numbers, times, CPU, memory, distributions.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/config.h"

namespace reeve::config_internal {
namespace {

struct Unit {
  std::string_view suffix;
  double factor;
};

bool ParseNumber(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

// "1.5s" with units {"ms", 1e3}, …: the longest matching suffix wins. Whole results only.
bool ParseWithUnit(std::string_view text, std::initializer_list<Unit> units, int64_t& out) {
  const Unit* best = nullptr;
  for (const Unit& unit : units) {
    if (text.size() > unit.suffix.size() && text.ends_with(unit.suffix) &&
        (best == nullptr || unit.suffix.size() > best->suffix.size())) {
      best = &unit;
    }
  }
  double value;
  if (best == nullptr) return false;
  text.remove_suffix(best->suffix.size());
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (!ParseNumber(text, value)) return false;
  value *= best->factor;
  if (std::abs(value) > 9e15) return false;
  out = static_cast<int64_t>(std::llround(value));
  return std::abs(value - static_cast<double>(out)) < 1e-6;
}

template <class Int>
bool ReadInteger(const std::string& text, Int& out, std::string& what) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc() && end == text.data() + text.size()) return true;
  what = fmt::format("'{}' is not {}", text,
                     std::is_signed_v<Int> ? "a whole number" : "a whole number of 0 or more");
  if (error == std::errc::result_out_of_range) what += " that fits";
  return false;
}

}  // namespace

bool ReadScalar(const std::string& text, bool& out, std::string& what) {
  if (text == "true" || text == "false") {
    out = text == "true";
    return true;
  }
  what = fmt::format("'{}' is not true or false", text);
  return false;
}

bool ReadScalar(const std::string& text, int32_t& out, std::string& what) {
  return ReadInteger(text, out, what);
}
bool ReadScalar(const std::string& text, int64_t& out, std::string& what) {
  return ReadInteger(text, out, what);
}
bool ReadScalar(const std::string& text, uint64_t& out, std::string& what) {
  return ReadInteger(text, out, what);
}

bool ReadScalar(const std::string& text, double& out, std::string& what) {
  if (ParseNumber(text, out)) return true;
  what = fmt::format("'{}' is not a number", text);
  return false;
}

bool ReadScalar(const std::string& text, std::string& out, std::string&) {
  out = text;
  return true;
}

bool ReadScalar(const std::string& text, SimTime& out, std::string& what) {
  int64_t us;
  if (text == "never") {
    out = SimTime::Max();
    return true;
  }
  if (text == "0")
    us = 0;
  else if (!ParseWithUnit(text, {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}},
                          us)) {
    what = fmt::format("'{}' is not a time; write 250us, 100ms, 2s, 10m, 1.5h or never", text);
    return false;
  }
  out = SimTime::Micros(us);
  return true;
}

bool ReadScalar(const std::string& text, Millicores& out, std::string& what) {
  int64_t value;
  double cores;
  if (ParseWithUnit(text, {{"m", 1}}, value)) {
    out = Millicores(value);
    return true;
  }
  if (ParseNumber(text, cores) && std::abs(cores) < 1e9 &&
      std::abs(cores * 1000 - std::round(cores * 1000)) < 1e-6) {
    out = Millicores(static_cast<int64_t>(std::llround(cores * 1000)));
    return true;
  }
  what =
      fmt::format("'{}' is not an amount of CPU; write cores (2, 0.5) or millicores (500m)", text);
  return false;
}

bool ReadScalar(const std::string& text, Mebibytes& out, std::string& what) {
  int64_t value;
  if (ParseWithUnit(text, {{"Mi", 1}, {"Gi", 1024}, {"Ti", 1024 * 1024}}, value)) {
    out = Mebibytes(value);
    return true;
  }
  what = fmt::format("'{}' is not an amount of memory; write 256Mi, 1.5Gi or 1Ti", text);
  return false;
}

bool ReadScalar(const std::string& text, Distribution& out, std::string& what) {
  auto parsed = Distribution::Parse(text);
  if (parsed.ok()) {
    out = *parsed;
    return true;
  }
  const auto message = parsed.status().message();
  what.assign(message.data(), message.size());
  return false;
}

std::string WriteScalar(bool value) {
  return value ? "true" : "false";
}
std::string WriteScalar(int32_t value) {
  return fmt::format("{}", value);
}
std::string WriteScalar(int64_t value) {
  return fmt::format("{}", value);
}
std::string WriteScalar(uint64_t value) {
  return fmt::format("{}", value);
}
std::string WriteScalar(double value) {
  return fmt::format("{}", value);
}
std::string WriteScalar(const std::string& value) {
  return QuoteScalar(value);
}

std::string WriteScalar(SimTime value) {
  if (value == SimTime::Max()) return "never";
  const int64_t us = value.micros();
  if (us == 0) return "0";
  if (us % 3'600'000'000 == 0) return fmt::format("{}h", us / 3'600'000'000);
  if (us % 60'000'000 == 0) return fmt::format("{}m", us / 60'000'000);
  if (us % 1'000'000 == 0) return fmt::format("{}s", us / 1'000'000);
  if (us % 1'000 == 0) return fmt::format("{}ms", us / 1'000);
  return fmt::format("{}us", us);
}

std::string WriteScalar(Millicores value) {
  return value.value() % 1000 == 0 ? fmt::format("{}", value.value() / 1000)
                                   : fmt::format("{}m", value.value());
}

std::string WriteScalar(Mebibytes value) {
  return value.value() % 1024 == 0 && value.value() > 0 ? fmt::format("{}Gi", value.value() / 1024)
                                                        : fmt::format("{}Mi", value.value());
}

std::string WriteScalar(const Distribution& value) {
  return value.ToString();
}

const char* TypeName(bool) {
  return "true or false";
}
const char* TypeName(int32_t) {
  return "whole number";
}
const char* TypeName(int64_t) {
  return "whole number";
}
const char* TypeName(uint64_t) {
  return "whole number";
}
const char* TypeName(double) {
  return "number";
}
const char* TypeName(const std::string&) {
  return "text";
}
const char* TypeName(SimTime) {
  return "time";
}
const char* TypeName(Millicores) {
  return "CPU";
}
const char* TypeName(Mebibytes) {
  return "memory";
}
const char* TypeName(const Distribution&) {
  return "distribution";
}

}  // namespace reeve::config_internal
