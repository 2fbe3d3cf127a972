// The binary form of a trace (.rtrace): written once, mapped into memory in milliseconds.
//
// Layout, version 1, little-endian throughout:
//
//   header          8 bytes magic "REEVETRC", u32 version, u32 number of sections, u64 file size,
//                   u64 XXH3-64 of the header (with this field 0) and the section table
//   section table   per section: u32 kind, u32 0, u64 offset, u64 size, u64 XXH3-64 of its bytes
//   sections        each starting at a multiple of 8: summary, names of tenants and apps,
//                   functions, and either minute offsets and counts or timed invocations
//
// Counts and timed invocations are used in place, so their memory is the page cache's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "traces/trace.h"

namespace reeve {

class TraceFile {
 public:
  static constexpr uint32_t kVersion = 1;

  // Replaces `path` in one step; on failure what was there stays.
  static absl::Status Write(const Trace& trace, const std::string& path);

  // Maps the file and checks all of it: checksums, and every index, offset, order and sum that a
  // Trace promises, so that what comes back is as sound as what TraceBuilder makes. Linear in the
  // file's size at memory speed. InvalidArgument when the file is cut off, damaged or not a trace
  // file; Unimplemented when it is of a newer version, or on a big-endian machine.
  static absl::StatusOr<Trace> Open(const std::string& path);

  // The same from bytes, which are copied; errors call them `name`.
  static absl::StatusOr<Trace> Parse(std::string_view bytes, const std::string& name);

  // Whether the bytes start as a trace file does (they may still be damaged).
  static bool HasMagic(std::string_view bytes);

 private:
  static absl::StatusOr<Trace> ParseInPlace(std::string_view bytes, const std::string& name,
                                            std::shared_ptr<const void> owner);
};

}  // namespace reeve
