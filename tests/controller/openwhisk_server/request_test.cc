#include "controller/openwhisk_server/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Pairs of RFC 4648, 10, and of RFC 7617, 2.
TEST(BasicCredentials, AreBase64) {
  EXPECT_EQ(BasicCredentials("Basic Zg=="), "f");
  EXPECT_EQ(BasicCredentials("Basic Zm8="), "fo");
  EXPECT_EQ(BasicCredentials("basic Zm9vYmFy"), "foobar");
  EXPECT_EQ(BasicCredentials("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "Aladdin:open sesame");
  EXPECT_EQ(BasicCredentials("Bearer Zg=="), std::nullopt);
  EXPECT_EQ(BasicCredentials("Basic Z?=="), std::nullopt);
  EXPECT_EQ(BasicCredentials("Basi"), std::nullopt);
  EXPECT_EQ(BasicCredentials(""), std::nullopt);
}

TEST(PathSteps, KeepATrailingSlash) {
  EXPECT_THAT(PathSteps("/api/v1"), ElementsAre("api", "v1"));
  EXPECT_THAT(PathSteps("/a/b/"), ElementsAre("a", "b", ""));
  EXPECT_THAT(PathSteps(""), ElementsAre(""));
}

// The pattern upstream: \A([\w]|[\w][\w@ .&-]*[\w@.&-]+)\z, at most 256 long.
TEST(EntityName, IsWhatOpenWhiskAllows) {
  for (const char* name : {"a", "_x", "my action", "a@b.c-d&e", "9"}) {
    EXPECT_TRUE(IsEntityName(name)) << name;
  }
  for (const char* name : {"", " a", "a ", "-a", "a/b", "a$", "ä"}) {
    EXPECT_FALSE(IsEntityName(name)) << name;
  }
  EXPECT_EQ(MessageOf(CheckEntityName("$")), "The name of the entity contains illegal characters.");
  EXPECT_THAT(MessageOf(CheckEntityName(std::string(257, 'a'))), HasSubstr("257 > 256"));
}

TEST(EntityPath, WithAndWithoutNamespaceAndPackage) {
  EXPECT_EQ(ParseEntityPath("/ns/pkg/f", "me")->Qualified(), "ns/pkg/f");
  EXPECT_EQ(ParseEntityPath("/_/f", "me")->Qualified(), "me/f");
  EXPECT_EQ(ParseEntityPath("pkg/f", "me")->Qualified(), "me/pkg/f");
  EXPECT_EQ(ParseEntityPath("f", "me")->Qualified(), "me/f");
  EXPECT_FALSE(ParseEntityPath("/f", "me").ok());
  EXPECT_FALSE(ParseEntityPath("/a/b/c/d", "me").ok());
}

TEST(Body, IsJsonOfSomeDepth) {
  EXPECT_TRUE(ParseBody(" \n")->is_null());
  EXPECT_EQ((*ParseBody(R"({"a": [1, {"b": null}]})"))["a"][0], 1);
  EXPECT_FALSE(ParseBody("{").ok());
  EXPECT_FALSE(ParseBody("{} x").ok());
  EXPECT_TRUE(ParseBody(std::string(60, '[') + std::string(60, ']')).ok());
  EXPECT_THAT(MessageOf(ParseBody(std::string(100000, '[')).status()),
              HasSubstr("nested too deep"));
}

TEST(ListRange, SaysWhatUpstreamSays) {
  EXPECT_EQ(ParseListRange("", "actions")->limit, 30u);
  EXPECT_EQ(ParseListRange("limit=0&skip=7", "actions")->limit, 200u);
  EXPECT_EQ(ParseListRange("limit=0&skip=7", "actions")->skip, 7u);
  EXPECT_THAT(MessageOf(ParseListRange("limit=201", "activations").status()),
              HasSubstr("The value '201' is not in the range of 0 to 200 for activations."));
  EXPECT_THAT(MessageOf(ParseListRange("skip=-1", "rules").status()),
              HasSubstr("The value '-1' is not greater than or equal to 0 for rules."));
  EXPECT_THAT(MessageOf(ParseListRange("limit=x", "rules").status()),
              HasSubstr("The value 'x' is not an integer for rules."));
}

}  // namespace
}  // namespace reeve::openwhisk_server
