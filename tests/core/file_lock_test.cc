#include "core/file_lock.h"

#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "core/status.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

TEST(FileLockTest, OneHasItAtATime) {
  const std::string path = testing::TempDir() + "/file_lock_" + std::to_string(getpid());
  std::filesystem::remove(path);
  std::optional<FileLock> first = *FileLock::Take(path, "mine");
  const absl::Status refused = FileLock::Take(path, "somebody has it").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(MessageOf(refused), "somebody has it");
  FileLock moved = *std::move(first);
  first.reset();
  EXPECT_FALSE(FileLock::Take(path, "taken").ok());
  { const FileLock gone = std::move(moved); }
  EXPECT_TRUE(FileLock::Take(path, "taken").ok());
  EXPECT_EQ(FileLock::Take("/nowhere/lock", "taken").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace reeve
