#include "controller/keda/scaled_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/config.h"

namespace reeve {
namespace {

// What KEDA's own external scaler reads from the same metadata.
constexpr std::array<std::string_view, 8> kKedasOwn = {"scalerAddress", "tlsCertFile",  "caCert",
                                                       "tlsClientCert", "tlsClientKey", "enableTLS",
                                                       "unsafeSsl",     "metricType"};

bool IsName(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), fits) &&
         text.front() != '-' && text.front() != '.' && text.back() != '-' && text.back() != '.';
}

// What comes from outside, for a message: short, and without control characters.
std::string Quoted(std::string_view text) {
  std::string shown(text.substr(0, 60));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return "'" + shown + (text.size() > 60 ? "…'" : "'");
}

class MetadataReader {
 public:
  MetadataReader(const std::map<std::string, std::string>& metadata, std::string where)
      : metadata_(metadata), where_(std::move(where)) {}

  void Name(const char* key, std::string& into) {
    const std::string* text = Find(key);
    if (text == nullptr) return;
    if (IsName(*text)) {
      into = *text;
    } else {
      Wrong(key, *text, "a name as Kubernetes has them");
    }
  }
  void Count(const char* key, int32_t least, int32_t& into) {
    Scalar(
        key, into, [least](int32_t value) { return value >= least; },
        fmt::format("a whole number of at least {}", least));
  }
  void Latency(const char* key, SimTime& into) {
    Scalar(
        key, into, [](SimTime value) { return value > SimTime(); }, "a time, as 500ms");
  }

  const absl::Status& status() const { return status_; }
  // A key that nobody asked for and that is not KEDA's.
  std::string Ignored() const {
    for (const auto& [key, value] : metadata_) {
      const bool known = std::find(seen_.begin(), seen_.end(), key) != seen_.end() ||
                         std::find(kKedasOwn.begin(), kKedasOwn.end(), key) != kKedasOwn.end();
      if (!known) return Quoted(key);
    }
    return "";
  }
  void Wrong(const char* key, std::string_view text, std::string_view what) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        fmt::format("{}: metadata.{}: {} is not {}", where_, key, Quoted(text), what));
  }

 private:
  const std::string* Find(const char* key) {
    seen_.push_back(key);
    const auto at = metadata_.find(key);
    return at == metadata_.end() || at->second.empty() ? nullptr : &at->second;
  }
  template <class T, class Fits>
  void Scalar(const char* key, T& into, Fits fits, std::string_view what) {
    const std::string* text = Find(key);
    if (text == nullptr) return;
    T value{};
    std::string why;
    if (config_internal::ReadScalar(*text, value, why) && fits(value)) {
      into = value;
    } else {
      Wrong(key, *text, what);
    }
  }

  const std::map<std::string, std::string>& metadata_;
  const std::string where_;
  std::vector<std::string_view> seen_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<ScaledObject> ReadScaledObject(const std::string& ns, const std::string& name,
                                              const std::map<std::string, std::string>& metadata) {
  const std::string where = fmt::format("ScaledObject {}/{}", Quoted(ns), Quoted(name));
  if (!IsName(ns) || !IsName(name)) {
    return absl::InvalidArgumentError(where + ": namespace and name as Kubernetes has them needed");
  }
  ScaledObject object;
  object.ns = object.tenant = ns;
  object.name = object.deployment = name;
  MetadataReader reader(metadata, where);
  reader.Name("deployment", object.deployment);
  reader.Name("tenant", object.tenant);
  reader.Latency("sloLatency", object.slo_latency);
  reader.Count("minReplicas", 0, object.min_replicas);
  reader.Count("maxReplicas", 1, object.max_replicas);
  reader.Count("concurrency", 0, object.concurrency);
  if (object.min_replicas > object.max_replicas) {
    reader.Wrong("minReplicas", std::to_string(object.min_replicas),
                 fmt::format("at most maxReplicas, {}", object.max_replicas));
  }
  if (!reader.status().ok()) return reader.status();
  object.ignored = reader.Ignored();
  return object;
}

ScaledObjects::ScaledObjects(size_t capacity, SimTime forget_after, NetClock& clock)
    : capacity_(capacity), forget_after_(forget_after), clock_(clock) {}

void ScaledObjects::ForgetGone(SimTime now) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const Entry& entry = at->second;
    const bool gone = entry.listeners.empty() && now - entry.asked_at > forget_after_;
    at = gone ? entries_.erase(at) : std::next(at);
  }
}

absl::StatusOr<ScaledObjects::Entry*> ScaledObjects::Touch(const ScaledObject& object) {
  const SimTime now = clock_.Now();
  auto at = entries_.find(object.key());
  if (at == entries_.end()) {
    if (entries_.size() >= capacity_) ForgetGone(now);
    if (entries_.size() >= capacity_) {
      return absl::ResourceExhaustedError(fmt::format(
          "{} ScaledObjects ask already, and keda.max_functions allows no more", entries_.size()));
    }
    at = entries_.emplace(object.key(), Entry()).first;
  }
  at->second.object = object;
  at->second.asked_at = now;
  return &at->second;
}

absl::Status ScaledObjects::Asked(const ScaledObject& object) {
  const std::lock_guard lock(mutex_);
  return Touch(object).status();
}

absl::StatusOr<int32_t> ScaledObjects::Target(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(key);
  if (at == entries_.end() || !at->second.target) {
    return absl::UnavailableError("reeve does not decide about " + key +
                                  " now: its tenant is not active, it has been handed back, or "
                                  "nothing was decided yet");
  }
  return *at->second.target;
}

void ScaledObjects::SetTarget(const std::string& key, int32_t replicas) {
  std::vector<std::shared_ptr<const Listener>> listeners;
  {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(key);
    if (at == entries_.end()) return;
    Entry& entry = at->second;
    const bool changed = !entry.target || (*entry.target > 0) != (replicas > 0);
    entry.target = replicas;
    if (!changed) return;
    for (const auto& [number, listener] : entry.listeners) listeners.push_back(listener);
  }
  for (const auto& listener : listeners) (*listener)(replicas > 0);
}

void ScaledObjects::Withdraw(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(key);
  if (at != entries_.end()) at->second.target.reset();
}

absl::StatusOr<uint64_t> ScaledObjects::Listen(const ScaledObject& object,
                                               std::shared_ptr<const Listener> listener) {
  std::optional<int32_t> target;
  uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    const absl::StatusOr<Entry*> entry = Touch(object);
    if (!entry.ok()) return entry.status();
    target = (*entry)->target;
    number = next_listener_++;
    (*entry)->listeners.emplace(number, listener);
  }
  if (target) (*listener)(*target > 0);
  return number;
}

void ScaledObjects::StopListening(const std::string& key, uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(key);
  if (at == entries_.end()) return;
  at->second.listeners.erase(number);
  at->second.asked_at = clock_.Now();
}

std::vector<ScaledObjects::Known> ScaledObjects::List() {
  const std::lock_guard lock(mutex_);
  const SimTime now = clock_.Now();
  ForgetGone(now);
  std::vector<Known> list;
  list.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    list.push_back({entry.object, entry.listeners.empty() ? now - entry.asked_at : SimTime()});
  }
  return list;
}

}  // namespace reeve
