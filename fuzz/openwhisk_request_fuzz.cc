// Requests to the OpenWhisk server, one a line: "METHOD TARGET BODY". Every one is answered once,
// with a status that HTTP has and JSON where it says so; who shows no key learns and changes
// nothing.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "controller/openwhisk_server/model.h"
#include "core/check.h"

namespace reeve::openwhisk_server {
namespace {

ServerConfig Config() {
  ServerConfig config;
  config.namespaces = {{"guest", {.key = "u:g"}}};
  config.behaviour.duration_ms = Distribution::Constant(10);
  config.versions = config.client_versions = 2;
  config.kept_activations = 50;
  return config;
}

void CheckAnswer(const ServedAnswer& answer) {
  REEVE_CHECK(answer.code >= 200 && answer.code < 600);
  if (std::string_view(answer.content_type) == "application/json" && !answer.body.empty()) {
    REEVE_CHECK(nlohmann::json::accept(answer.body));
  }
}

void FuzzOne(std::string_view input) {
  static const ServerConfig& config = *new ServerConfig(Config());
  auto model = Model::Make(config, nullptr, SimTime::Seconds(1'700'000'000));
  REEVE_CHECK(model.ok());
  for (int requests = 0; !input.empty() && requests < 32; ++requests) {
    const size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
    const size_t first = line.find(' ');
    if (first == std::string_view::npos) continue;
    const size_t second = line.find(' ', first + 1);
    const std::string target(line.substr(
        first + 1, second == std::string_view::npos ? std::string_view::npos : second - first - 1));
    ServedRequest request = HeadOf(std::string(line.substr(0, first)), target, "Basic dTpn");
    if (second != std::string_view::npos) request.body = std::string(line.substr(second + 1));
    ServedRequest stranger = request;
    stranger.authorization = request.body;
    if (const auto refused = (*model)->Judge(stranger)) {
      REEVE_CHECK(refused->code == 401);
      CheckAnswer(*refused);
    }
    REEVE_CHECK(!(*model)->Judge(request));
    const auto answers = std::make_shared<int>(0);
    (*model)->Handle(request, [answers](const ServedAnswer& answer) {
      REEVE_CHECK(++*answers == 1);
      CheckAnswer(answer);
    });
    (*model)->AdvanceTo((*model)->now() + SimTime::Millis(200));
    if (requests % 8 == 7) (*model)->AdvanceTo((*model)->now() + SimTime::Minutes(2));
  }
  (*model)->AdvanceTo((*model)->now() + SimTime::Minutes(10));
  REEVE_CHECK(!(*model)->busy());
}

}  // namespace
}  // namespace reeve::openwhisk_server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::openwhisk_server::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
