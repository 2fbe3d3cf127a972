#include "controller/openwhisk_server/activations.h"

#include <limits>
#include <utility>

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;

const char* StatusText(ActivationStatus status) {
  switch (status) {
    case ActivationStatus::kSuccess:
      return "success";
    case ActivationStatus::kApplicationError:
      return "application error";
    case ActivationStatus::kDeveloperError:
      return "action developer error";
    case ActivationStatus::kWhiskError:
      return "whisk internal error";
  }
  return "";
}

}  // namespace

json Activation::ResponseJson() const {
  return {{"status", StatusText(status)},
          {"statusCode", static_cast<int>(status)},
          {"success", status == ActivationStatus::kSuccess},
          {"result", result},
          {"size", size}};
}

json Activation::Summary() const {
  json j = {{"namespace", ns},
            {"name", name},
            {"version", version.ToString()},
            {"publish", false},
            {"annotations", annotations},
            {"activationId", id},
            {"start", start_ms},
            {"statusCode", static_cast<int>(status)}};
  if (end_ms) j["end"] = *end_ms;
  if (duration_ms) j["duration"] = *duration_ms;
  if (cause) j["cause"] = *cause;
  return j;
}

json Activation::ToJson() const {
  json j = Summary();
  j["subject"] = ns;
  j["response"] = ResponseJson();
  j["logs"] = logs;
  return j;
}

int Activation::HttpCode() const {
  switch (status) {
    case ActivationStatus::kSuccess:
      return 200;
    case ActivationStatus::kApplicationError:
    case ActivationStatus::kDeveloperError:
      return 502;
    case ActivationStatus::kWhiskError:
      return 500;
  }
  return 500;
}

void ActivationStore::Add(Activation activation) {
  OfNamespace& of = namespaces_[activation.ns];
  const Order order{activation.start_ms, added_++};
  of.by_id.emplace(activation.id, order);
  of.activations.emplace(order, std::move(activation));
  if (of.activations.size() > kept_) {
    of.by_id.erase(of.activations.begin()->second.id);
    of.activations.erase(of.activations.begin());
  }
}

const Activation* ActivationStore::Find(const std::string& ns, const std::string& id) const {
  const auto of = namespaces_.find(ns);
  if (of == namespaces_.end()) return nullptr;
  const auto found = of->second.by_id.find(id);
  return found == of->second.by_id.end() ? nullptr : &of->second.activations.at(found->second);
}

template <class Visit>
void ActivationStore::Walk(const std::string& ns, const ActivationQuery& query, Visit visit) const {
  const auto of = namespaces_.find(ns);
  if (of == namespaces_.end()) return;
  const auto& all = of->second.activations;
  constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();
  auto at = query.upto ? all.upper_bound({*query.upto, kLast}) : all.end();
  size_t skipped = 0;
  while (at != all.begin()) {
    --at;
    const Activation& activation = at->second;
    if (query.since && activation.start_ms < *query.since) return;
    if (query.name && activation.filter != *query.name) continue;
    if (skipped < query.range.skip) {
      ++skipped;
      continue;
    }
    if (!visit(activation)) return;
  }
}

std::vector<const Activation*> ActivationStore::List(const std::string& ns,
                                                     const ActivationQuery& query) const {
  std::vector<const Activation*> found;
  Walk(ns, query, [&](const Activation& activation) {
    found.push_back(&activation);
    return found.size() < query.range.limit;
  });
  return found;
}

uint64_t ActivationStore::Count(const std::string& ns, const ActivationQuery& query) const {
  uint64_t count = 0;
  Walk(ns, query, [&](const Activation&) {
    ++count;
    return true;
  });
  return count;
}

}  // namespace reeve::openwhisk_server
