#include "controller/knative/attachment.h"

#include <nlohmann/json.hpp>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"

namespace reeve {
namespace {

using nlohmann::json;

std::optional<std::string> ValueIn(const Annotations& annotations, const std::string& key) {
  const auto found = annotations.find(key);
  if (found == annotations.end()) return std::nullopt;
  return found->second;
}

json JsonOf(const std::optional<std::string>& value) {
  return value ? json(*value) : json(nullptr);
}

// Restores what the owner had where our value still stands.
void Restore(const Annotations& now, const AttachmentRecord& record, const std::string& key,
             json& patch) {
  const auto ours = record.set.find(key);
  if (ours == record.set.end() || ValueIn(now, key) != ours->second) return;
  const auto before = record.before.find(key);
  patch[key] = before == record.before.end() ? json(nullptr) : JsonOf(before->second);
}

json AsPatch(json annotations) {
  return {{"metadata", {{"annotations", std::move(annotations)}}}};
}

}  // namespace

AttachmentRecord ParseAttachment(const std::string& text) {
  AttachmentRecord record;
  const json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const json* set = ObjectAt(parsed, "set");
  const json* before = ObjectAt(parsed, "before");
  if (set == nullptr) return record;
  for (const auto& [key, value] : set->items()) {
    if (value.is_string()) record.set[key] = value.get<std::string>();
  }
  if (before == nullptr) return record;
  for (const auto& [key, value] : before->items()) {
    if (record.set.count(key) == 0) continue;
    if (value.is_string()) record.before[key] = value.get<std::string>();
    if (value.is_null()) record.before[key] = std::nullopt;
  }
  return record;
}

AttachmentRecord AttachmentOf(const Annotations& annotations) {
  const auto text = ValueIn(annotations, std::string(knative::kAttached));
  return text ? ParseAttachment(*text) : AttachmentRecord();
}

std::string WriteAttachment(const AttachmentRecord& record) {
  json before = json::object();
  for (const auto& [key, value] : record.before) before[key] = JsonOf(value);
  return ToText({{"before", std::move(before)}, {"set", record.set}});
}

std::optional<json> AttachPatch(const Annotations& now, const Annotations& wanted) {
  if (wanted.empty()) return HandBackPatch(now);
  const AttachmentRecord old = AttachmentOf(now);
  AttachmentRecord fresh;
  json patch = json::object();
  for (const auto& [key, value] : old.set) {
    if (wanted.count(key) == 0) Restore(now, old, key, patch);
  }
  for (const auto& [key, value] : wanted) {
    const auto known = old.before.find(key);
    // What stands there is the owner's, unless it is ours: an owner who changed it meanwhile has
    // said something new.
    const bool ours = old.set.count(key) > 0 && ValueIn(now, key) == old.set.at(key);
    fresh.before[key] = ours && known != old.before.end() ? known->second
                        : ours                            ? std::nullopt
                                                          : ValueIn(now, key);
    fresh.set[key] = value;
    if (ValueIn(now, key) != value) patch[key] = value;
  }
  const std::string record = WriteAttachment(fresh);
  const std::string name(knative::kAttached);
  if (ValueIn(now, name) != record) patch[name] = record;
  if (patch.empty()) return std::nullopt;
  return AsPatch(std::move(patch));
}

std::optional<json> HandBackPatch(const Annotations& now) {
  const std::string name(knative::kAttached);
  if (now.count(name) == 0) return std::nullopt;
  const AttachmentRecord record = AttachmentOf(now);
  json patch = {{name, nullptr}};
  for (const auto& [key, value] : record.set) Restore(now, record, key, patch);
  return AsPatch(std::move(patch));
}

Annotations OwnersAnnotations(const Annotations& now) {
  Annotations owners = now;
  owners.erase(std::string(knative::kAttached));
  const AttachmentRecord record = AttachmentOf(now);
  for (const auto& [key, value] : record.set) {
    if (ValueIn(now, key) != value) continue;
    const auto before = record.before.find(key);
    if (before == record.before.end() || !before->second) {
      owners.erase(key);
    } else {
      owners[key] = *before->second;
    }
  }
  return owners;
}

bool Overridden(const Annotations& now) {
  const AttachmentRecord record = AttachmentOf(now);
  for (const auto& [key, value] : record.set) {
    if (ValueIn(now, key) != value) return true;
  }
  return false;
}

}  // namespace reeve
