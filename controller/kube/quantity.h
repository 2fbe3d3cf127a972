// Kubernetes quantities ("100m", "64Mi", "1.5", "2e3") and times, read as the API server reads
// them.
#pragma once

#include <string>
#include <string_view>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "core/units.h"

namespace reeve {

// A number in units of 10^-9, as exact as Kubernetes keeps it. The rules are those of
// k8s.io/apimachinery/pkg/api/resource: what is finer than 10^-9 is rounded away from zero, what is
// beyond ±(2^63 - 1) is held there.
class Quantity {
 public:
  Quantity() = default;
  explicit Quantity(absl::int128 nano) : nano_(nano) {}
  absl::int128 nano() const { return nano_; }
  int64_t Value() const;  // whole units, rounded away from zero
  int64_t Milli() const;  // thousandths, rounded away from zero; held within 64 bits
  bool operator==(const Quantity&) const = default;

 private:
  absl::int128 nano_ = 0;
};

// InvalidArgument says what is wrong.
absl::StatusOr<Quantity> ParseQuantity(std::string_view text);

// CPU as millicores and memory as mebibytes, rounded up; InvalidArgument for negative ones too.
absl::StatusOr<Millicores> ParseCpuQuantity(std::string_view text);
absl::StatusOr<Mebibytes> ParseMemoryQuantity(std::string_view text);

// "1500m" and "512Mi".
std::string CpuQuantity(Millicores cpu);
std::string MemoryQuantity(Mebibytes memory);

// An RFC 3339 time ("2026-11-23T06:17:00Z", with fraction and offset or without) since
// 1970-01-01T00:00:00Z. Years 1 to 9999; digits beyond microseconds are cut off.
absl::StatusOr<SimTime> ParseTimestamp(std::string_view text);

// As a MicroTime: "2026-11-23T06:17:00.000000Z".
std::string MicroTimestamp(SimTime since_epoch);
// As a Time: "2026-11-23T06:17:00Z", fractions cut off.
std::string Timestamp(SimTime since_epoch);

}  // namespace reeve
