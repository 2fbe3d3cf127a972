#include "controller/serve/kept_state.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "controller/loop_records.h"

namespace reeve {
namespace {

nlohmann::json ModeJson(const TenantMode& mode) {
  return {{"mode", NameOf(mode.mode)}, {"paused", mode.paused}};
}

std::optional<TenantMode> ReadMode(const nlohmann::json& json) {
  if (!json.is_object() || !json.contains("mode") || !json.contains("paused")) return std::nullopt;
  if (!json["mode"].is_string() || !json["paused"].is_boolean()) return std::nullopt;
  for (const auto& [mode, name] : EnumNames(ControlMode{})) {
    if (json["mode"].get<std::string>() == name) {
      return TenantMode{mode, json["paused"].get<bool>()};
    }
  }
  return std::nullopt;
}

TenantMode Configured(const LoopSpec& spec, const std::string& tenant) {
  const auto found = spec.tenants.find(tenant);
  return found == spec.tenants.end() ? TenantMode{spec.mode, false} : found->second;
}

absl::Status Broken() {
  return absl::DataLossError("what the store keeps of the last run cannot be read");
}

}  // namespace

std::string WriteModes(const std::map<std::string, TenantMode>& switched, const LoopSpec& spec) {
  nlohmann::json all = nlohmann::json::object();
  for (const auto& [tenant, mode] : switched) {
    const TenantMode configured = Configured(spec, tenant);
    if (mode == configured) continue;
    all[tenant] = {{"switched", ModeJson(mode)}, {"configured", ModeJson(configured)}};
  }
  return all.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<std::map<std::string, TenantMode>> ModesAfterRestart(const std::string& kept,
                                                                    const LoopSpec& spec) {
  std::map<std::string, TenantMode> modes = spec.tenants;
  if (kept.empty()) return modes;
  const nlohmann::json all = nlohmann::json::parse(kept, nullptr, false);
  if (!all.is_object()) return Broken();
  for (const auto& [tenant, entry] : all.items()) {
    if (!entry.is_object() || !entry.contains("switched") || !entry.contains("configured")) {
      return Broken();
    }
    const auto switched = ReadMode(entry["switched"]), configured = ReadMode(entry["configured"]);
    if (!switched || !configured) return Broken();
    if (*configured == Configured(spec, tenant)) modes[tenant] = *switched;
  }
  return modes;
}

std::string WriteIds(const std::vector<std::string>& ids) {
  return nlohmann::json(ids).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<std::vector<std::string>> ReadIds(const std::string& kept) {
  std::vector<std::string> ids;
  if (kept.empty()) return ids;
  const nlohmann::json all = nlohmann::json::parse(kept, nullptr, false);
  if (!all.is_array()) return Broken();
  for (const nlohmann::json& id : all) {
    if (!id.is_string()) return Broken();
    ids.push_back(id.get<std::string>());
  }
  return ids;
}

}  // namespace reeve
