// Actions: texts and fields as upstream's, and what their limits do.
#include <gmock/gmock.h>

#include "tests/controller/openwhisk_server/model_fixture.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ActionsTest : public ModelTest {};

TEST_F(ActionsTest, CreateGetListDelete) {
  const Answer created = Create("hello");
  ASSERT_EQ(created.code, 200) << created.text;
  EXPECT_EQ(created.body["namespace"], "guest");
  EXPECT_EQ(created.body["name"], "hello");
  EXPECT_EQ(created.body["version"], "0.0.1");
  EXPECT_EQ(created.body["exec"]["kind"], "nodejs:20");
  EXPECT_EQ(created.body["exec"]["code"], "x");
  EXPECT_EQ(created.body["limits"], json::parse(R"({"timeout": 60000, "memory": 256, "logs": 10,
                                                    "concurrency": 1})"));
  EXPECT_FALSE(Ask("GET", "actions/hello?code=false").body["exec"].contains("code"));
  EXPECT_EQ(Ask("GET", "actions/hello").body["exec"]["code"], "x");
  const Answer list = Ask("GET", "actions");
  ASSERT_EQ(list.body.size(), 1u);
  EXPECT_EQ(list.body[0]["exec"], json({{"binary", false}}));
  EXPECT_EQ(Ask("GET", "actions?count=true").body, json({{"actions", 1}}));
  EXPECT_EQ(Ask("GET", "actions?skip=1").body, json::array());
  EXPECT_EQ(Ask("DELETE", "actions/hello").body["name"], "hello");
  EXPECT_EQ(Ask("DELETE", "actions/hello").code, 404);
}

TEST_F(ActionsTest, ErrorsAreUpstreams) {
  Answer a = Ask("GET", "actions/missing");
  EXPECT_EQ(a.code, 404);
  EXPECT_EQ(a.error(), "The requested resource does not exist.");
  EXPECT_EQ(a.body["code"].get<std::string>().size(), 32u);
  Create("hello");
  a = Create("hello");
  EXPECT_EQ(a.code, 409);
  EXPECT_EQ(a.error(), "resource already exists");
  a = Ask("PUT", "actions/new", "{}");
  EXPECT_EQ(a.code, 400);
  EXPECT_EQ(a.error(), "exec undefined");
  a = Ask("PUT", "actions/$", "{}");
  EXPECT_EQ(a.code, 400);
  EXPECT_EQ(a.error(), "The name of the entity contains illegal characters.");
  a = Ask("PUT", "actions/hello?overwrite=true", R"({"limits": {"memory": 64}})");
  EXPECT_EQ(a.code, 400);
  EXPECT_EQ(a.error(),
            "The request content was malformed:\nrequirement failed: memory 64 MB below allowed "
            "threshold of 134217728 B");
  a = Ask("PUT", "actions/hello?overwrite=true", R"({"limits": {"timeout": 1000000}})");
  EXPECT_EQ(a.error(),
            "The request content was malformed:\nrequirement failed: duration 1000000 milliseconds "
            "exceeds allowed threshold of 300000 milliseconds");
  a = Ask("PUT", "actions/hello?overwrite=true", R"({"limits": {"concurrency": 51}})");
  EXPECT_THAT(a.error(), HasSubstr("concurrency 51 exceeds allowed threshold of 50"));
  a = Ask("PUT", "actions/hello?overwrite=true", "{\"limits\":");
  EXPECT_EQ(a.code, 400);
  // Nothing of it was done.
  EXPECT_EQ(Ask("GET", "actions/hello").body["version"], "0.0.1");
  a = **Send("GET", "/api/v1/namespaces/other/actions/hello");
  EXPECT_EQ(a.code, 403);
  EXPECT_EQ(a.error(), "The supplied authentication is not authorized to access 'other/hello'.");
  a = Ask("GET", "actions", "", "Basic dTp4");
  EXPECT_EQ(a.code, 401);
  EXPECT_EQ(a.error(), "The supplied authentication is invalid");
  a = Ask("GET", "actions", "", "");
  EXPECT_EQ(a.code, 401);
  EXPECT_EQ(a.error(),
            "The resource requires authentication, which was not supplied with the request");
  EXPECT_EQ(Ask("PATCH", "actions/hello").code, 405);
  EXPECT_EQ(Ask("GET", "nothing").code, 404);
  Ask("PUT", "triggers/t", "{}");
  a = Create("t");
  EXPECT_EQ(a.code, 409);
  EXPECT_EQ(a.error(), "Resource by this name exists but is not in this collection.");
}

TEST_F(ActionsTest, CodeAndPayloadHaveASize) {
  config_.limits.code_size = Mebibytes(1);
  Answer a =
      Ask("PUT", "actions/big",
          json({{"exec", {{"kind", "nodejs:20"}, {"code", std::string(1100000, 'x')}}}}).dump());
  EXPECT_EQ(a.code, 413);
  EXPECT_EQ(a.error(), "Code larger than allowed: 1100000 > 1048576 bytes.");
  Create("f");
  a = Ask("POST", "actions/f", json({{"a", std::string(1100000, 'x')}}).dump());
  EXPECT_EQ(a.code, 413);
}

TEST_F(ActionsTest, PartialUpdateKeepsTheRest) {
  Create("f", R"(, "limits": {"timeout": 5000, "memory": 128}, "parameters": [{"key": "a",
              "value": 1}], "annotations": [{"key": "k", "value": "v"}])");
  const Answer a =
      Ask("PUT", "actions/f?overwrite=true", R"({"limits": {"memory": 512, "instances": 3}})");
  ASSERT_EQ(a.code, 200) << a.text;
  EXPECT_EQ(a.body["version"], "0.0.2");
  EXPECT_EQ(a.body["exec"]["code"], "x");
  EXPECT_EQ(a.body["limits"]["memory"], 512);
  EXPECT_EQ(a.body["limits"]["timeout"], 5000);
  EXPECT_EQ(a.body["limits"]["instances"], 3);
  EXPECT_EQ(a.body["parameters"], json::parse(R"([{"key": "a", "value": 1}])"));
  EXPECT_EQ(Annotation(a.body, "k"), "v");
}

TEST_F(ActionsTest, EveryUpdateBeginsCold) {
  Create("f");
  Answer a = Invoke("f");
  ASSERT_EQ(a.code, 200) << a.text;
  // A start of a second, a quarter of it initialisation; then 100 ms.
  EXPECT_EQ(Annotation(a.body, "waitTime"), 750);
  EXPECT_EQ(Annotation(a.body, "initTime"), 250);
  EXPECT_EQ(a.body["duration"], 350);
  a = Invoke("f");
  EXPECT_EQ(Annotation(a.body, "initTime"), std::nullopt);
  EXPECT_EQ(Annotation(a.body, "waitTime"), 0);
  EXPECT_EQ(a.body["duration"], 100);
  Ask("PUT", "actions/f?overwrite=true", R"({"limits": {"memory": 256}})");
  a = Invoke("f");
  EXPECT_EQ(a.body["version"], "0.0.2");
  EXPECT_EQ(Annotation(a.body, "initTime"), 250);
  EXPECT_EQ(model_->figures().containers(), 2u);
}

TEST_F(ActionsTest, ConfiguredActionsBehaveAsTheyAreTold) {
  ActionSpec spec;
  spec.behaviour.duration_ms = Distribution::Constant(40);
  spec.memory = Mebibytes(512);
  config_.actions["guest/pkg/api"] = spec;
  Answer a = Ask("GET", "actions/pkg/api");
  ASSERT_EQ(a.code, 200) << a.text;
  EXPECT_EQ(a.body["namespace"], "guest/pkg");
  EXPECT_EQ(a.body["limits"]["memory"], 512);
  Invoke("pkg/api");
  a = Invoke("pkg/api");
  EXPECT_EQ(a.body["duration"], 40);
  EXPECT_EQ(Annotation(a.body, "path"), "guest/pkg/api");
  EXPECT_EQ(Ask("GET", "activations?name=pkg/api").body.size(), 2u);
  EXPECT_EQ(Ask("GET", "activations?name=api").body.size(), 0u);
  EXPECT_EQ(Ask("GET", "actions/pkg/").body.size(), 1u);
}

TEST_F(ActionsTest, TheSystemsSamplesAreForEverybody) {
  const auto slot = Send("POST", "/api/v1/namespaces/whisk.system/actions/utils/sort?blocking=true",
                         R"({"lines": ["b"]})");
  Pass(SimTime::Seconds(5));
  ASSERT_TRUE(slot->has_value());
  EXPECT_EQ((*slot)->code, 200) << (*slot)->text;
  EXPECT_EQ((*slot)->body["namespace"], "guest");
  EXPECT_EQ(Annotation((*slot)->body, "path"), "whisk.system/utils/sort");
  EXPECT_EQ((*Send("DELETE", "/api/v1/namespaces/whisk.system/actions/utils/sort"))->code, 403);
}

TEST_F(ActionsTest, TheControllerTellsItsLimits) {
  const Answer info = **Send("GET", "/", "", "");
  EXPECT_EQ(info.code, 200);
  EXPECT_EQ(info.body["limits"]["max_action_memory"], int64_t{512} << 20);
  EXPECT_EQ(info.body["limits"]["min_action_duration"], 100);
  EXPECT_EQ(info.body["api_paths"], json::array({"/api/v1"}));
  EXPECT_EQ((*Send("GET", "/api/v1/namespaces"))->body, json::array({"guest"}));
  const Answer own = Ask("GET", "limits");
  EXPECT_EQ(own.body["invocationsPerMinute"], 120);
  EXPECT_EQ(own.body["concurrentInvocations"], 100);
  EXPECT_EQ((*Send("GET", "/api/v1/namespaces/other/limits"))->code, 403);
}

}  // namespace
}  // namespace reeve::openwhisk_server
