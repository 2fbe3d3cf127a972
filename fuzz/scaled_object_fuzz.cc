// A trigger's metadata, as KEDA sends it: lines of namespace, name, and then "key=value". What is
// accepted is within what is promised, and what is refused says so in one short line.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "controller/keda/scaled_objects.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

std::string_view Line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

void FuzzOne(std::string_view input) {
  const std::string ns(Line(input));
  const std::string name(Line(input));
  std::map<std::string, std::string> metadata;
  while (!input.empty()) {
    const std::string_view line = Line(input);
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    metadata.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  const auto object = ReadScaledObject(ns, name, metadata);
  if (!object.ok()) {
    const std::string message = MessageOf(object.status());
    REEVE_CHECK(message.size() < 500 && message.find('\n') == std::string::npos);
    return;
  }
  REEVE_CHECK(object->key().size() <= 507);
  REEVE_CHECK(!object->deployment.empty() && !object->tenant.empty());
  REEVE_CHECK(0 <= object->min_replicas && object->min_replicas <= object->max_replicas);
  REEVE_CHECK(object->max_replicas >= 1 && object->concurrency >= 0);
  REEVE_CHECK(object->slo_latency > SimTime());
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
