#include "controller/kube/watch_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "core/status.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WatchDecoderTest : public ::testing::Test {
 protected:
  WatchDecoder::Handler Recorder() {
    return [this](WatchEventType type, nlohmann::json& object, const std::string& version) {
      static constexpr const char* kNames[] = {"added", "modified", "deleted", "bookmark"};
      seen_.push_back(std::string(kNames[static_cast<int>(type)]) + " " +
                      object["metadata"].value("name", "") + " " + version);
    };
  }
  std::vector<std::string> seen_;
};

constexpr const char* kFour =
    R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"5"}}}
{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"x/7"}}}

{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}
{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"10"}}}
)";

TEST_F(WatchDecoderTest, EventsAreTheSameHoweverTheBytesAreCut) {
  const std::string text = kFour;
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    seen_.clear();
    WatchDecoder decoder(Recorder());
    for (size_t at = 0; at < text.size(); at += piece) {
      ASSERT_TRUE(decoder.Feed(std::string_view(text).substr(at, piece)).ok());
    }
    ASSERT_THAT(seen_, ElementsAre("added a 5", "modified a x/7", "bookmark  9", "deleted a 10"));
    EXPECT_EQ(decoder.pending_bytes(), 0u);
  }
}

TEST_F(WatchDecoderTest, AnErrorEventInAStreamThatIsFineIsAnError) {
  WatchDecoder decoder(Recorder());
  const absl::Status gone = decoder.Feed(
      R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}})"
      "\n");
  EXPECT_TRUE(absl::IsOutOfRange(gone)) << gone;
  EXPECT_THAT(MessageOf(gone), HasSubstr("too old"));
  // And ends it.
  EXPECT_TRUE(absl::IsOutOfRange(decoder.Feed(kFour)));
  EXPECT_TRUE(seen_.empty());
  WatchDecoder other(Recorder());
  EXPECT_TRUE(absl::IsUnavailable(other.Feed(
      R"({"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError"}})"
      "\n")));
}

TEST_F(WatchDecoderTest, LinesThatAreNoEventsAreRefused) {
  for (const char* line : {"garbage", "{}", "[]", "null", R"({"type":"ADDED"})",
                           R"({"type":"ADDED","object":3})", R"({"type":"ADDED","object":{}})",
                           R"({"type":"NEW","object":{"metadata":{"resourceVersion":"1"}}})",
                           R"({"type":"ADDED","object":{"metadata":{"resourceVersion":7}}})"}) {
    WatchDecoder decoder(Recorder());
    EXPECT_TRUE(absl::IsDataLoss(decoder.Feed(std::string(line) + "\n"))) << line;
  }
}

TEST_F(WatchDecoderTest, ALineWithoutEndIsGivenUp) {
  WatchDecoder decoder(Recorder(), 100);
  EXPECT_TRUE(decoder.Feed(std::string(60, 'x')).ok());
  EXPECT_EQ(decoder.pending_bytes(), 60u);
  EXPECT_TRUE(absl::IsDataLoss(decoder.Feed(std::string(41, 'x'))));
}

}  // namespace
}  // namespace reeve
