// Quantities with their unit in the type: simulated time, CPU and memory.
//
// All are plain integers inside, so arithmetic is exact and the same on every machine.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace reeve {

// An instant or a span of simulated (or platform) time, in whole microseconds.
// An instant counts from the start of the trace or run.
class SimTime {
 public:
  constexpr SimTime() = default;
  static constexpr SimTime Micros(int64_t us) { return SimTime(us); }
  static constexpr SimTime Millis(int64_t ms) { return SimTime(ms * 1000); }
  static constexpr SimTime Seconds(int64_t s) { return SimTime(s * 1'000'000); }
  static constexpr SimTime Minutes(int64_t m) { return SimTime(m * 60'000'000); }
  static constexpr SimTime Hours(int64_t h) { return SimTime(h * 3'600'000'000); }
  // Rounds to the nearest microsecond; halves away from zero. What is too long to be counted, and
  // NaN, becomes Max(); what is too far before zero the earliest time there is.
  static constexpr SimTime FromSeconds(double s) {
    const double us = s * 1e6;
    if (!(us < 0x1p63)) return Max();
    if (us <= -0x1p63) return SimTime(std::numeric_limits<int64_t>::min());
    return SimTime(static_cast<int64_t>(us < 0 ? us - 0.5 : us + 0.5));
  }
  // Later than every event; used for "never".
  static constexpr SimTime Max() { return SimTime(std::numeric_limits<int64_t>::max()); }

  constexpr int64_t micros() const { return us_; }
  constexpr double millis() const { return static_cast<double>(us_) / 1e3; }
  constexpr double seconds() const { return static_cast<double>(us_) / 1e6; }

  constexpr auto operator<=>(const SimTime&) const = default;
  constexpr SimTime& operator+=(SimTime o) { return us_ += o.us_, *this; }
  constexpr SimTime& operator-=(SimTime o) { return us_ -= o.us_, *this; }
  friend constexpr SimTime operator+(SimTime a, SimTime b) { return SimTime(a.us_ + b.us_); }
  friend constexpr SimTime operator-(SimTime a, SimTime b) { return SimTime(a.us_ - b.us_); }
  friend constexpr SimTime operator*(SimTime a, int64_t k) { return SimTime(a.us_ * k); }
  friend constexpr int64_t operator/(SimTime a, SimTime b) { return a.us_ / b.us_; }
  friend constexpr SimTime operator%(SimTime a, SimTime b) { return SimTime(a.us_ % b.us_); }

 private:
  constexpr explicit SimTime(int64_t us) : us_(us) {}
  int64_t us_ = 0;
};

// CPU time per time: 1000 millicores are one core, fully used.
class Millicores {
 public:
  constexpr Millicores() = default;
  constexpr explicit Millicores(int64_t m) : m_(m) {}
  static constexpr Millicores Cores(int64_t cores) { return Millicores(cores * 1000); }
  constexpr int64_t value() const { return m_; }
  constexpr double cores() const { return static_cast<double>(m_) / 1000.0; }
  constexpr auto operator<=>(const Millicores&) const = default;
  constexpr Millicores& operator+=(Millicores o) { return m_ += o.m_, *this; }
  constexpr Millicores& operator-=(Millicores o) { return m_ -= o.m_, *this; }
  friend constexpr Millicores operator+(Millicores a, Millicores b) {
    return Millicores(a.m_ + b.m_);
  }
  friend constexpr Millicores operator-(Millicores a, Millicores b) {
    return Millicores(a.m_ - b.m_);
  }

 private:
  int64_t m_ = 0;
};

// Memory in units of 2^20 bytes.
class Mebibytes {
 public:
  constexpr Mebibytes() = default;
  constexpr explicit Mebibytes(int64_t m) : m_(m) {}
  constexpr int64_t value() const { return m_; }
  constexpr double gib() const { return static_cast<double>(m_) / 1024.0; }
  constexpr auto operator<=>(const Mebibytes&) const = default;
  constexpr Mebibytes& operator+=(Mebibytes o) { return m_ += o.m_, *this; }
  constexpr Mebibytes& operator-=(Mebibytes o) { return m_ -= o.m_, *this; }
  friend constexpr Mebibytes operator+(Mebibytes a, Mebibytes b) { return Mebibytes(a.m_ + b.m_); }
  friend constexpr Mebibytes operator-(Mebibytes a, Mebibytes b) { return Mebibytes(a.m_ - b.m_); }

 private:
  int64_t m_ = 0;
};

}  // namespace reeve
