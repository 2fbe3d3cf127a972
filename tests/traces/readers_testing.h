// Files in memory for the tests of the readers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "traces/readers/reader.h"

namespace reeve {

using Files = std::vector<std::pair<std::string, std::string>>;  // name, content

inline absl::StatusOr<ReadResult> ReadFiles(const Files& files, const ReadOptions& options = {}) {
  std::vector<InputFile> input;
  for (const auto& [name, content] : files) input.push_back({name, content});
  return ReadTraceFiles(input, options);
}

// The result, or a failed test and an empty result.
inline ReadResult ReadOrFail(const Files& files, const ReadOptions& options = {}) {
  auto result = ReadFiles(files, options);
  if (result.ok()) return *std::move(result);
  ADD_FAILURE() << MessageOf(result.status());
  return {};
}

inline ReadResult ReadLenient(const Files& files) {
  return ReadOrFail(files, {.lenient = true});
}

// What a strict reading says.
inline std::string Refusal(const Files& files) {
  auto result = ReadFiles(files);
  if (result.ok()) {
    ADD_FAILURE() << "was accepted";
    return "";
  }
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return MessageOf(result.status());
}

inline std::vector<std::pair<uint32_t, uint32_t>> CountsOf(const Trace& trace, int minute) {
  std::vector<std::pair<uint32_t, uint32_t>> counts;
  for (const MinuteCount& c : trace.minute(minute)) counts.emplace_back(c.function, c.count);
  return counts;
}

}  // namespace reeve
