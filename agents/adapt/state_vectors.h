// What a part of this folder remembers, as named vectors: what checkpoints store of it.
//
// Saving and restoring is exact to the bit. Names are paths ("book.mean"), each written once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace reeve {

struct StateVectors {
  std::map<std::string, std::vector<double>> reals;
  std::map<std::string, std::vector<int64_t>> integers;

  bool operator==(const StateVectors&) const = default;
};

// Takes vectors out of a state that may come from a file, so nothing is believed: names, lengths
// and that numbers are finite are checked. The first error stays; what is read after it is left as
// it was.
class StateReader {
 public:
  explicit StateReader(const StateVectors& state) : state_(state) {}

  // Of exactly `size` elements.
  void Read(const std::string& name, size_t size, std::vector<double>& out);
  void Read(const std::string& name, size_t size, std::vector<int64_t>& out);
  // Of any length up to `max_size`.
  void ReadUpTo(const std::string& name, size_t max_size, std::vector<double>& out);
  // Adds an error of the caller's.
  void Fail(const std::string& what);

  bool ok() const { return status_.ok(); }
  // InvalidArgument: "state: 'book.mean' has 3 numbers, 4 are expected".
  const absl::Status& status() const { return status_; }

 private:
  const StateVectors& state_;
  absl::Status status_;
};

}  // namespace reeve
