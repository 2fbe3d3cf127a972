// A model whose clock the test moves, asked without HTTP.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "controller/openwhisk_server/model.h"

namespace reeve::openwhisk_server {

struct Answer {
  int code = 0;
  nlohmann::json body;
  std::string text;
  std::string activation;  // of the header
  ServedAnswer whole;
  std::string error() const { return body.is_object() ? body.value("error", "") : ""; }
};

// "Basic …" of these keys: Base64 of the two namespaces' of ModelTest.
inline constexpr const char* kGuest = "Basic dTpn";  // u:g
inline constexpr const char* kOther = "Basic dTpv";  // u:o

class ModelTest : public ::testing::Test {
 protected:
  ModelTest() {
    config_.namespaces = {{"guest", {.key = "u:g"}}, {"other", {.key = "u:o"}}};
    config_.behaviour.duration_ms = Distribution::Constant(100);
    config_.cluster.nodes = {NodeGroupSpec{.cpu = Millicores::Cores(4), .memory = Mebibytes(8192)}};
    config_.cluster.prewarm.clear();
    config_.cluster.cold_start.time_ms = Distribution::Constant(1000);
    config_.limits.concurrency_max = 50;
    config_.init_share = 0.25;
  }

  void Make(std::unique_ptr<const Trace> load = nullptr) {
    const absl::Status valid = config_.Validate();
    ASSERT_TRUE(valid.ok()) << valid;
    auto model = Model::Make(config_, std::move(load), SimTime::Seconds(1'700'000'000));
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  // The request's answer, once there is one.
  std::shared_ptr<std::optional<Answer>> Send(const std::string& method, const std::string& target,
                                              const std::string& body = "",
                                              const char* key = kGuest) {
    if (model_ == nullptr) Make();
    auto slot = std::make_shared<std::optional<Answer>>();
    ServedRequest request = HeadOf(method, target, key);
    request.body = body;
    const auto keep = [slot](ServedAnswer answer) {
      EXPECT_FALSE(slot->has_value()) << "answered twice";
      Answer kept;
      kept.code = answer.code;
      kept.text = answer.body;
      kept.body = nlohmann::json::parse(answer.body, nullptr, false);
      for (const auto& [name, value] : answer.headers) {
        if (name == "X-OpenWhisk-Activation-Id") kept.activation = value;
      }
      kept.whole = std::move(answer);
      *slot = std::move(kept);
    };
    if (auto refused = model_->Judge(request)) {
      keep(*std::move(refused));
    } else {
      model_->Handle(request, keep);
    }
    return slot;
  }
  // Of a request that is answered at once. `path`: below /api/v1/namespaces/_/.
  Answer Ask(const std::string& method, const std::string& path, const std::string& body = "",
             const char* key = kGuest) {
    const auto slot = Send(method, "/api/v1/namespaces/_/" + path, body, key);
    EXPECT_TRUE(slot->has_value()) << method << " " << path << ": no answer yet";
    return slot->value_or(Answer());
  }
  Answer Create(const std::string& name, const std::string& more = "") {
    return Ask("PUT", "actions/" + name,
               R"({"exec": {"kind": "nodejs:default", "code": "x"})" + more + "}");
  }
  // A blocking invocation, waited for.
  Answer Invoke(const std::string& name, const std::string& body = "{}",
                const std::string& query = "blocking=true") {
    const auto slot = Send("POST", "/api/v1/namespaces/_/actions/" + name + "?" + query, body);
    for (int i = 0; i < 100 && !slot->has_value(); ++i) Pass(SimTime::Seconds(1));
    EXPECT_TRUE(slot->has_value());
    return slot->value_or(Answer());
  }
  void Pass(SimTime span) { model_->AdvanceTo(model_->now() + span); }

  static std::optional<nlohmann::json> Annotation(const nlohmann::json& entity,
                                                  const std::string& key) {
    for (const auto& annotation : entity["annotations"]) {
      if (annotation["key"] == key) return annotation["value"];
    }
    return std::nullopt;
  }

  ServerConfig config_;
  std::unique_ptr<Model> model_;
};

}  // namespace reeve::openwhisk_server
