// The stream of a watch: the same events, and the same end, however the network cuts it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "controller/kube/watch_decoder.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  std::string whole, pieces;
  const auto recorder = [](std::string& into) {
    return [&into](WatchEventType type, nlohmann::json& object, const std::string& version) {
      REEVE_CHECK(object.is_object() && !version.empty());
      into += std::to_string(static_cast<int>(type)) + version + "\n";
    };
  };
  WatchDecoder at_once(recorder(whole), 1000);
  const absl::Status status = at_once.Feed(input);
  WatchDecoder cut(recorder(pieces), 1000);
  absl::Status cut_status;
  for (size_t i = 0; i < input.size(); ++i) cut_status = cut.Feed(input.substr(i, 1));
  REEVE_CHECK(status == cut_status);
  REEVE_CHECK(whole == pieces);
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
