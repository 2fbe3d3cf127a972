// Files of named tensors with a description: what checkpoints are made of.
//
// Layout, little-endian:
//   0        "REEVECKP"
//   8        u32 version, u32 zero
//   16       u64 H, bytes of the header; u64 D, bytes of the tensors
//   32       header: JSON {"kind": …, "content": …, "tensors": [{"name", "type", "shape"}…]}
//   32+H     zeros up to a multiple of 8: position P
//   P        the tensors in the header's order, row-major, each padded with zeros to 8 bytes
//   P+D      XXH3-128 of all bytes before (canonical form, 16 bytes); the end
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;  // its product is the number of elements
  std::variant<std::vector<float>, std::vector<double>, std::vector<int64_t>> data;

  bool operator==(const NamedTensor&) const = default;
};

struct TensorFile {
  std::string kind;                  // "policy"
  std::string content = "{}";        // JSON text: whatever the kind says of itself
  std::vector<NamedTensor> tensors;  // names differ

  // The tensor of that name; null if there is none.
  const NamedTensor* Find(std::string_view name) const;
};

// The same file gives the same bytes. `content` must be JSON.
std::string SerialiseTensorFile(const TensorFile& file);

// Checks everything before it believes anything. Errors name `path` and say what is wrong:
// truncated (at which byte, of how many), another format or version, checksum, header. Memory is at
// most a few times the size of `bytes`. `content` comes back as compact JSON.
absl::StatusOr<TensorFile> ParseTensorFile(std::string_view bytes, const std::string& path);

absl::Status WriteTensorFile(const std::string& path, const TensorFile& file);  // atomically
absl::StatusOr<TensorFile> ReadTensorFile(const std::string& path);

}  // namespace reeve
