// How the processes of a data-parallel training add their numbers up.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"

namespace reeve {

// Every rank makes the same calls with the same sizes in the same order, from one thread; a call
// returns when all ranks have made it. After an error the collective is of no more use. The base
// class is a training of one process: sums over one rank are what they were.
class Collective {
 public:
  virtual ~Collective() = default;

  virtual int32_t rank() const { return 0; }   // 0 .. world - 1
  virtual int32_t world() const { return 1; }  // processes

  // Replaces every element by its sum over the ranks; all ranks get the same bits.
  virtual absl::Status SumInPlace(std::span<float>) { return absl::OkStatus(); }
  virtual absl::Status SumInPlace(std::span<double>) { return absl::OkStatus(); }
};

}  // namespace reeve
