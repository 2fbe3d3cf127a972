#include "controller/kube/api_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

absl::StatusCode CodeOf(int http, const std::string& reason) {
  const std::string body =
      R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"m","reason":")" + reason +
      R"(","code":)" + std::to_string(http) + "}";
  return ToStatus(ParseApiError(http, body), "GET pods a/b").code();
}

TEST(ApiErrorTest, RefusalsAreToldApart) {
  EXPECT_EQ(CodeOf(400, "BadRequest"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(401, "Unauthorized"), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(CodeOf(403, "Forbidden"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(404, "NotFound"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(409, "Conflict"), absl::StatusCode::kAborted);
  EXPECT_EQ(CodeOf(409, "AlreadyExists"), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(410, "Expired"), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(CodeOf(422, "Invalid"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(429, "TooManyRequests"), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(500, "InternalError"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(503, "ServiceUnavailable"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(302, ""), absl::StatusCode::kInternal);
}

TEST(ApiErrorTest, TheMessageSaysWhatWhyAndWhatToDo) {
  const ApiError error = ParseApiError(
      403,
      R"({"kind":"Status","status":"Failure","message":"revisions \"r\" is forbidden: no","reason":"Forbidden",
          "details":{"name":"r","retryAfterSeconds":3},"code":403})");
  EXPECT_EQ(error.retry_after, SimTime::Seconds(3));
  const std::string message = MessageOf(ToStatus(error, "PATCH revisions ns/r"));
  EXPECT_THAT(message, HasSubstr("PATCH revisions ns/r: 403 Forbidden: revisions \"r\" is"));
  EXPECT_THAT(message, HasSubstr("rbac.yaml"));
}

TEST(ApiErrorTest, TheEventsOfAWatchCarryTheirOwnCode) {
  const ApiError error = ParseApiError(
      200,
      R"({"kind":"Status","status":"Failure","message":"too old","reason":"Expired","code":410})");
  EXPECT_EQ(error.code, 410);
  EXPECT_EQ(ToStatus(error, "watch").code(), absl::StatusCode::kOutOfRange);
}

TEST(ApiErrorTest, AnyBodyWillDo) {
  EXPECT_EQ(ParseApiError(502, "<html>Bad\r\n Gateway\x01\xff").message, "<html>Bad   Gateway ?");
  EXPECT_EQ(ParseApiError(502, "").reason, "HTTP 502");
  EXPECT_EQ(ParseApiError(404, "[1,2]").reason, "NotFound");
  EXPECT_EQ(ParseApiError(404, R"({"kind":"Status","message":7,"code":"x"})").message, "");
  EXPECT_LE(ParseApiError(500, std::string(1 << 20, 'x')).message.size(), 1000u);
}

}  // namespace
}  // namespace reeve
