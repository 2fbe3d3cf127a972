#include "controller/openwhisk/whisk_objects.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "controller/net/json_reading.h"

namespace reeve {
namespace {

using nlohmann::json;

// Ten thousand years, in ms: sums of a few of these are far from overflow.
constexpr int64_t kLatest = 315'360'000'000'000;

std::optional<int64_t> WithinAt(const json& object, std::string_view key, int64_t least,
                                int64_t most) {
  const std::optional<int64_t> value = IntegerAt(object, key);
  if (!value || *value < least || *value > most) return std::nullopt;
  return value;
}

std::optional<int32_t> CountAt(const json& object, std::string_view key) {
  const auto value = WithinAt(object, key, 1, std::numeric_limits<int32_t>::max());
  if (!value) return std::nullopt;
  return static_cast<int32_t>(*value);
}

WhiskLimits ReadLimits(const json& object) {
  WhiskLimits limits;
  if (const auto memory = CountAt(object, "limits.memory")) limits.memory = Mebibytes(*memory);
  limits.concurrency = CountAt(object, "limits.concurrency").value_or(limits.concurrency);
  limits.instances = CountAt(object, "limits.instances");
  if (!limits.instances) limits.instances = CountAt(object, "limits.maxContainerConcurrency");
  if (const auto ms = CountAt(object, "limits.timeout")) limits.timeout = SimTime::Millis(*ms);
  return limits;
}

// "guest/package" and "hello" as namespace and path.
void SplitName(const std::string& ns, const std::string& name, std::string& root,
               std::string& path) {
  const size_t slash = ns.find('/');
  root = ns.substr(0, slash);
  path = slash == std::string::npos ? name : ns.substr(slash + 1) + "/" + name;
}

std::optional<int64_t> AnnotatedMs(const json& annotations, std::string_view key) {
  const json* value = WhiskAnnotation(annotations, key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  return WithinAt({{"ms", *value}}, "ms", 0, kLatest);
}

bool Says(const json& annotations, std::string_view key, std::string_view text) {
  const json* value = WhiskAnnotation(annotations, key);
  return value != nullptr && value->is_string() && value->get<std::string>() == text;
}

// "guest/hello" or "guest/package/hello", without the namespace.
std::string PathOfActivation(const json& object, const json& annotations) {
  const json* path = WhiskAnnotation(annotations, "path");
  if (path == nullptr || !path->is_string()) return "";
  const std::string whole = path->get<std::string>();
  const size_t slash = whole.find('/');
  return slash == std::string::npos ? TextAt(object, "name") : whole.substr(slash + 1);
}

}  // namespace

const json* WhiskAnnotation(const json& annotations, std::string_view key) {
  if (!annotations.is_array()) return nullptr;
  for (const json& entry : annotations) {
    if (TextAt(entry, "key") == key) return MemberAt(entry, "value");
  }
  return nullptr;
}

absl::StatusOr<WhiskAction> ReadWhiskAction(const json& object) {
  WhiskAction action;
  const std::string name = TextAt(object, "name");
  if (name.empty()) return absl::InvalidArgumentError("an action without a name");
  SplitName(TextAt(object, "namespace"), name, action.ns, action.path);
  action.version = TextAt(object, "version");
  action.limits = ReadLimits(object);
  action.updated_ms = WithinAt(object, "updated", 1, kLatest);
  if (const json* annotations = ArrayAt(object, "annotations")) action.annotations = *annotations;
  action.sequence =
      TextAt(object, "exec.kind") == "sequence" || Says(action.annotations, "exec", "sequence");
  return action;
}

std::optional<WhiskActivation> ReadWhiskActivation(const json& object) {
  WhiskActivation a;
  a.id = TextAt(object, "activationId");
  const auto start = WithinAt(object, "start", 0, kLatest);
  if (a.id.empty() || !start) return std::nullopt;
  a.start_ms = *start;
  static const json kNone = json::array();
  const json* annotations = ArrayAt(object, "annotations");
  if (annotations == nullptr) annotations = &kNone;
  if (Says(*annotations, "kind", "sequence")) return std::nullopt;
  a.path = PathOfActivation(object, *annotations);
  if (a.path.empty()) return std::nullopt;  // triggers have none
  a.version = TextAt(object, "version");
  // One that has not ended has none, or the beginning of time.
  if (const auto end = WithinAt(object, "end", 1, kLatest)) a.end_ms = std::max(*end, a.start_ms);
  a.wait_ms = std::min(AnnotatedMs(*annotations, "waitTime").value_or(0), a.start_ms);
  a.init_ms = AnnotatedMs(*annotations, "initTime");
  if (const json* timeout = WhiskAnnotation(*annotations, "timeout")) {
    a.timeout = timeout->is_boolean() && timeout->get<bool>();
  }
  auto code = WithinAt(object, "statusCode", 0, 3);
  if (!code) code = WithinAt(object, "response.statusCode", 0, 3);
  a.status_code = static_cast<int32_t>(code.value_or(0));
  return a;
}

void ReadWhiskBounds(const json& answer, WhiskBounds& bounds) {
  const auto narrow = [](auto& bound, const auto& said, bool least) {
    if (!said) return;
    bound = !bound ? *said : least ? std::max(*bound, *said) : std::min(*bound, *said);
  };
  const auto memory = [&](std::initializer_list<const char*> keys, int64_t unit, bool least,
                          std::optional<Mebibytes>& bound) {
    for (const char* key : keys) {
      const auto said = WithinAt(answer, key, 1, int64_t{1} << 60);
      // Of a least one that is no whole number of MiB, the next one up.
      const int64_t up = least ? unit - 1 : 0;
      if (said) narrow(bound, std::optional(Mebibytes((*said + up) / unit)), least);
    }
  };
  const auto count = [&](std::initializer_list<const char*> keys, bool least,
                         std::optional<int32_t>& bound) {
    for (const char* key : keys) narrow(bound, CountAt(answer, key), least);
  };
  constexpr int64_t kBytes = 1 << 20;
  memory({"limits.min_action_memory"}, kBytes, true, bounds.min_memory);
  memory({"limits.max_action_memory"}, kBytes, false, bounds.max_memory);
  memory({"minActionMemory", "actionMemoryMin"}, 1, true, bounds.min_memory);
  memory({"maxActionMemory", "actionMemoryMax"}, 1, false, bounds.max_memory);
  count({"limits.min_action_concurrency", "minActionConcurrency", "actionConcurrencyMin"}, true,
        bounds.min_concurrency);
  count({"limits.max_action_concurrency", "maxActionConcurrency", "actionConcurrencyMax"}, false,
        bounds.max_concurrency);
  count({"limits.max_action_instances", "maxActionInstances"}, false, bounds.max_instances);
  // What a namespace may goes before what namespaces may without more.
  const auto rate = [&](const char* general, const char* own, std::optional<int32_t>& bound) {
    if (const auto said = CountAt(answer, general); said && !bound) bound = said;
    if (const auto said = CountAt(answer, own)) bound = said;
  };
  rate("limits.concurrent_actions", "concurrentInvocations", bounds.concurrent_invocations);
  rate("limits.actions_per_minute", "invocationsPerMinute", bounds.invocations_per_minute);
}

std::string WhiskErrorText(std::string_view body) {
  const json parsed = json::parse(body, nullptr, /*allow_exceptions=*/false);
  std::string text = TextAt(parsed, "error");
  if (text.empty()) text = std::string(body.substr(0, 200));
  text.resize(std::min<size_t>(text.size(), 500));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return text;
}

}  // namespace reeve
