#include "core/status.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "core/check.h"

namespace reeve {
namespace {

absl::StatusOr<int> Half(int x) {
  if (x % 2 != 0) return absl::InvalidArgumentError("odd");
  return x / 2;
}

absl::StatusOr<int> Quarter(int x) {
  ASSIGN_OR_RETURN(const int half, Half(x));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

absl::Status Even(int x) {
  RETURN_IF_ERROR(Half(x).status());
  return absl::OkStatus();
}

TEST(Status, MacrosLeaveOnErrorAndGoOnOtherwise) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(MessageOf(Quarter(6).status()), "odd");
  EXPECT_EQ(MessageOf(Quarter(5).status()), "odd");
  EXPECT_TRUE(Even(2).ok());
  EXPECT_FALSE(Even(3).ok());
}

TEST(Status, PlacesAreWrittenAsCompilersWriteThem) {
  EXPECT_EQ(MessageOf(InvalidAt("a.csv", 12, 3, "bad")), "a.csv:12:3: bad");
  EXPECT_EQ(MessageOf(InvalidAt("a.csv", 12, 0, "bad")), "a.csv:12: bad");
  EXPECT_TRUE(absl::IsInvalidArgument(InvalidAt("a.csv", 12, 0, "bad")));
}

TEST(Status, SystemErrorsKeepTheirKind) {
  EXPECT_TRUE(absl::IsNotFound(FromErrno(ENOENT, "x", "cannot open")));
  EXPECT_TRUE(absl::IsPermissionDenied(FromErrno(EACCES, "x", "cannot open")));
  EXPECT_TRUE(absl::IsPermissionDenied(FromErrno(EPERM, "x", "cannot open")));
  EXPECT_TRUE(absl::IsAlreadyExists(FromErrno(EEXIST, "x", "cannot open")));
  EXPECT_TRUE(absl::IsResourceExhausted(FromErrno(ENOSPC, "x", "cannot open")));
  EXPECT_TRUE(absl::IsUnknown(FromErrno(EIO, "x", "cannot open")));
  EXPECT_EQ(MessageOf(FromErrno(ENOENT, "x", "cannot open")),
            "x: cannot open: No such file or directory");
}

TEST(CheckDeathTest, BrokenInvariantNamesItsPlace) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int value = 1;
  REEVE_CHECK(value == 1);
  EXPECT_DEATH(REEVE_CHECK(value == 2), "status_test.cc:[0-9]+: broken invariant: value == 2");
}

}  // namespace
}  // namespace reeve
