// Packages, triggers and rules.
#include <gmock/gmock.h>

#include "tests/controller/openwhisk_server/model_fixture.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class EntitiesTest : public ModelTest {};

TEST_F(EntitiesTest, PackagesHoldActionsAndParameters) {
  Answer a = Ask("PUT", "packages/pkg", R"({"parameters": [{"key": "p", "value": 1}]})");
  ASSERT_EQ(a.code, 200) << a.text;
  EXPECT_EQ(a.body["annotations"], json::array());
  EXPECT_EQ(a.body["version"], "0.0.1");
  EXPECT_EQ(a.body["binding"], json::object());
  EXPECT_EQ(Create("missing/f").code, 404);
  ASSERT_EQ(Create("pkg/f").code, 200);
  a = Ask("GET", "packages/pkg");
  ASSERT_EQ(a.body["actions"].size(), 1u);
  EXPECT_EQ(a.body["actions"][0]["name"], "f");
  EXPECT_EQ(Invoke("pkg/f", "{}", "blocking=true&result=true").body, json({{"p", 1}}));
  a = Ask("DELETE", "packages/pkg");
  EXPECT_EQ(a.code, 409);
  EXPECT_THAT(a.error(), HasSubstr("Package not empty (contains 1 entity)"));
  EXPECT_EQ(Ask("PUT", "packages/pkg?overwrite=true", "{}").body["version"], "0.0.2");
  EXPECT_EQ(Ask("PUT", "packages/pkg", "{}").code, 409);
  EXPECT_EQ(Ask("DELETE", "packages/pkg?force=true").code, 200);
  EXPECT_EQ(Ask("GET", "actions").body, json::array());
}

TEST_F(EntitiesTest, BindingsLeadToTheirPackage) {
  Answer a = Ask("PUT", "packages/b",
                 R"({"binding": {"namespace": "whisk.system", "name": "utils"},
                     "parameters": [{"key": "z", "value": 9}]})");
  ASSERT_EQ(a.code, 200) << a.text;
  EXPECT_EQ(a.body["binding"], json({{"namespace", "whisk.system"}, {"name", "utils"}}));
  EXPECT_EQ(Invoke("b/echo", "{}", "blocking=true&result=true").body, json({{"z", 9}}));
  EXPECT_EQ(Create("b/mine").error(), "Operation not permitted on package binding.");
  EXPECT_EQ(Ask("PUT", "packages/c", R"({"binding": {"namespace": "_", "name": "b"}})").error(),
            "Cannot bind to another package binding.");
  EXPECT_EQ(Ask("PUT", "packages/d", R"({"binding": {"namespace": "_", "name": "no"}})").error(),
            "Binding references a package that does not exist.");
  // What is not public is nobody else's.
  Ask("PUT", "packages/secret", "{}", kOther);
  EXPECT_EQ(
      Ask("PUT", "packages/e", R"({"binding": {"namespace": "other", "name": "secret"}})").code,
      403);
}

TEST_F(EntitiesTest, TriggersFireRules) {
  Create("f");
  Answer a = Ask("PUT", "triggers/t", R"({"parameters": [{"key": "p", "value": 1}]})");
  ASSERT_EQ(a.code, 200) << a.text;
  EXPECT_EQ(a.body["limits"], json::object());
  EXPECT_EQ(Ask("POST", "triggers/t").code, 204);  // no rule
  a = Ask("PUT", "rules/r", R"({"trigger": "/guest/t", "action": "/_/f"})");
  ASSERT_EQ(a.code, 200) << a.text;
  EXPECT_EQ(a.body["trigger"], json({{"path", "guest"}, {"name", "t"}}));
  EXPECT_EQ(a.body["action"], json({{"path", "guest"}, {"name", "f"}}));
  EXPECT_EQ(a.body["status"], "active");
  EXPECT_EQ(Ask("GET", "triggers/t").body["rules"]["guest/r"]["status"], "active");
  a = Ask("POST", "triggers/t", R"({"x": 2})");
  ASSERT_EQ(a.code, 202);
  const json fired = Ask("GET", "activations/" + a.body["activationId"].get<std::string>()).body;
  EXPECT_FALSE(fired.contains("end"));
  EXPECT_FALSE(fired.contains("duration"));
  ASSERT_EQ(fired["logs"].size(), 1u);
  const json log = json::parse(fired["logs"][0].get<std::string>());
  EXPECT_EQ(log["rule"], "guest/r");
  Pass(SimTime::Seconds(2));
  const json ran = Ask("GET", "activations/" + log["activationId"].get<std::string>()).body;
  EXPECT_EQ(ran["response"]["result"], json::parse(R"({"p": 1, "x": 2})"));
  EXPECT_EQ(Ask("POST", "rules/r", R"({"status": "inactive"})").code, 200);
  EXPECT_EQ(Ask("GET", "rules/r").body["status"], "inactive");
  EXPECT_EQ(Ask("POST", "triggers/t").code, 204);
  EXPECT_EQ(Ask("POST", "rules/r", R"({"status": "x"})").code, 400);
  EXPECT_EQ(Ask("DELETE", "rules/r").code, 200);
  EXPECT_EQ(Ask("GET", "triggers/t").body["rules"], json::object());
}

TEST_F(EntitiesTest, RulesNeedBothTheirEnds) {
  EXPECT_EQ(Ask("PUT", "rules/r", "{}").error(),
            "rule requires a valid trigger and a valid action");
  EXPECT_EQ(Ask("PUT", "rules/r", R"({"trigger": "/_/t", "action": "/_/f"})").code, 400);
  Create("f");
  Create("g");
  Ask("PUT", "triggers/t", "{}");
  EXPECT_EQ(Ask("PUT", "rules/r", R"({"trigger": "/_/t", "action": "/_/f"})").code, 200);
  EXPECT_EQ(Ask("POST", "rules/r", R"({"status": "inactive"})").code, 200);
  const Answer a = Ask("PUT", "rules/r?overwrite=true", R"({"action": "/_/g"})");
  EXPECT_EQ(a.body["action"]["name"], "g");
  EXPECT_EQ(a.body["version"], "0.0.2");
  EXPECT_EQ(a.body["status"], "inactive");
  Ask("DELETE", "triggers/t");
  EXPECT_EQ(Ask("GET", "rules/r").body["status"], "inactive");
  EXPECT_EQ(Ask("POST", "rules/r", R"({"status": "active"})").error(),
            "Only rules with existing triggers can be activated");
}

}  // namespace
}  // namespace reeve::openwhisk_server
