#include "controller/openwhisk/attachment.h"

#include <limits>

#include "controller/net/json_reading.h"

namespace reeve {
namespace {

using nlohmann::json;

constexpr const char* kNames[] = {"memory", "concurrency", "instances"};

WhiskLimitValues ReadValues(const json* object) {
  WhiskLimitValues values;
  if (object == nullptr) return values;
  for (const char* name : kNames) {
    const json* value = MemberAt(*object, name);
    if (value == nullptr) continue;
    const auto number = IntegerAt(*object, name);
    if (number && *number >= 1 && *number <= std::numeric_limits<int32_t>::max()) {
      values[name] = number;
    } else if (value->is_null() && std::string_view(name) == "instances") {
      values[name] = std::nullopt;
    }
  }
  return values;
}

json JsonOf(const WhiskLimitValues& values) {
  json object = json::object();
  for (const auto& [name, value] : values) object[name] = value ? json(*value) : json(nullptr);
  return object;
}

// All annotations but ours. Some releases replace the whole list by what a PUT has, others merge.
json OthersAnnotations(const WhiskAction& action) {
  json others = json::array();
  for (const json& entry : action.annotations) {
    if (TextAt(entry, "key") != kWhiskAttached) others.push_back(entry);
  }
  return others;
}

bool IsSet(const WhiskSetsSpec& sets, std::string_view name) {
  return name == "memory" ? sets.memory : name == "concurrency" ? sets.concurrency : sets.instances;
}

}  // namespace

WhiskLimitValues ValuesOf(const WhiskLimits& limits) {
  return {
      {"memory", limits.memory.value()},
      {"concurrency", limits.concurrency},
      {"instances", limits.instances ? std::optional<int64_t>(*limits.instances) : std::nullopt}};
}

bool IsAttached(const WhiskAction& action) {
  return WhiskAnnotation(action.annotations, kWhiskAttached) != nullptr;
}

WhiskAttachment AttachmentOf(const WhiskAction& action) {
  WhiskAttachment attachment;
  const json* value = WhiskAnnotation(action.annotations, kWhiskAttached);
  if (value == nullptr) return attachment;
  const WhiskLimitValues set = ReadValues(ObjectAt(*value, "set"));
  const WhiskLimitValues before = ReadValues(ObjectAt(*value, "before"));
  for (const auto& [name, number] : set) {
    const auto was = before.find(name);
    // Without both it is not known what to go back to.
    if (was == before.end()) continue;
    attachment.set[name] = number;
    attachment.before[name] = was->second;
  }
  return attachment;
}

bool IsOverridden(const WhiskAction& action) {
  const WhiskLimitValues now = ValuesOf(action.limits);
  for (const auto& [name, value] : AttachmentOf(action).set) {
    if (now.at(name) != value) return true;
  }
  return false;
}

std::optional<json> AttachBody(const WhiskAction& action, const WhiskLimits& wanted,
                               const WhiskSetsSpec& sets) {
  const WhiskAttachment old = AttachmentOf(action);
  const WhiskLimitValues now = ValuesOf(action.limits), then = ValuesOf(wanted);
  WhiskAttachment fresh;
  json limits = json::object();
  for (const char* name : kNames) {
    const auto known = old.set.find(name);
    const bool ours = known != old.set.end() && now.at(name) == known->second;
    const std::optional<int64_t> owners = ours ? old.before.at(name) : now.at(name);
    std::optional<int64_t> value = IsSet(sets, name) ? then.at(name) : owners;
    if (!value) value = now.at(name);  // it cannot be taken away
    if (value != now.at(name)) limits[name] = *value;
    // What is as the owner has it is nothing of ours.
    if (value == owners) continue;
    fresh.before[name] = owners;
    fresh.set[name] = value;
  }
  if (limits.empty()) return std::nullopt;
  json annotations = OthersAnnotations(action);
  json body = {{"limits", std::move(limits)}};
  if (fresh.empty()) {
    body["delAnnotations"] = json::array({kWhiskAttached});
  } else {
    annotations.push_back(
        {{"key", kWhiskAttached},
         {"value", {{"before", JsonOf(fresh.before)}, {"set", JsonOf(fresh.set)}}}});
  }
  body["annotations"] = std::move(annotations);
  return body;
}

std::optional<json> HandBackBody(const WhiskAction& action, int64_t no_instances_limit) {
  if (!IsAttached(action)) return std::nullopt;
  const WhiskAttachment attachment = AttachmentOf(action);
  const WhiskLimitValues now = ValuesOf(action.limits);
  json limits = json::object();
  for (const auto& [name, value] : attachment.set) {
    if (now.at(name) != value) continue;  // the owner's by now
    const std::optional<int64_t> before = attachment.before.at(name);
    limits[name] = before ? *before : no_instances_limit;
  }
  json body = {{"annotations", OthersAnnotations(action)},
               {"delAnnotations", json::array({kWhiskAttached})}};
  if (!limits.empty()) body["limits"] = std::move(limits);
  return body;
}

}  // namespace reeve
