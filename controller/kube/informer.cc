#include "controller/kube/informer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "controller/kube/json_reading.h"
#include "controller/kube/watch_decoder.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

// Nonsense comes at once: a watch that has stood for so long is one.
constexpr SimTime kStandsAfter = SimTime::Millis(300);

std::string KeyOf(const std::string& ns, const std::string& name) {
  return ns + "/" + name;
}

std::string KeyOf(const json& object) {
  return KeyOf(TextAt(object, "metadata.namespace"), TextAt(object, "metadata.name"));
}

std::string VersionOf(const json& object) {
  return TextAt(object, "metadata.resourceVersion");
}

bool Refused(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status) ||
         absl::IsNotFound(status) || absl::IsInvalidArgument(status);
}

}  // namespace

Informer::Informer(KubeClient& client, const ResourceType& type, InformerOptions options,
                   NetClock& clock, Handler handler)
    : client_(client),
      type_(type),
      options_(std::move(options)),
      clock_(clock),
      handler_(std::move(handler)),
      backoff_(options_.backoff, options_.seed),
      random_(RandomStream(options_.seed, StreamPurpose::kBackoff, 1)) {}

Informer::~Informer() {
  Stop();
}

void Informer::Start() {
  REEVE_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Loop(); });
}

void Informer::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

// Who set which field is half of an object's bytes, and nothing here reads it.
void Informer::Trim(json& object) const {
  if (ObjectAt(object, "metadata") != nullptr) object["metadata"].erase("managedFields");
  if (options_.trim) options_.trim(object);
}

void Informer::Heard(absl::Status status) {
  const std::lock_guard lock(mutex_);
  if (status.ok()) health_.last_contact = clock_.Now();
  health_.last_failure = std::move(status);
}

SimTime Informer::WaitAfter(const absl::Status& failure) {
  const SimTime wait = backoff_.Next(clock_.Now());
  return Refused(failure) ? std::max(wait, options_.refused_wait) : wait;
}

void Informer::Loop() {
  while (!stop_.stopped()) {
    const SimTime began = clock_.Now();
    const bool listing = resource_version_.empty();
    const absl::Status status = listing ? ListAll() : WatchOnce();
    if (stop_.stopped()) return;
    if (status.ok()) {
      // A server that ends watches as they begin must not be asked without pause.
      if (!listing && clock_.Now() - began < SimTime::Seconds(1)) {
        clock_.WaitFor(backoff_.Next(clock_.Now()), stop_);
      }
      continue;
    }
    // Silence: of a resource in which nothing happens (then some servers send no bookmark either),
    // or of a server that is gone. A list on another connection tells which.
    if (!listing && absl::IsDeadlineExceeded(status)) {
      resource_version_.clear();
      continue;
    }
    const bool list_again = absl::IsOutOfRange(status) || absl::IsDataLoss(status);
    if (list_again) resource_version_.clear();
    // An expired version is ordinary, and listed again at once; unless it expires all the time.
    const bool ordinary = absl::IsOutOfRange(status) && !listing;
    if (ordinary && clock_.Now() - began >= SimTime::Seconds(1)) continue;
    if (ordinary) {
      clock_.WaitFor(backoff_.Next(clock_.Now()), stop_);
      continue;
    }
    Heard(status);
    clock_.WaitFor(WaitAfter(status), stop_);
  }
}

absl::Status Informer::ListAll() {
  ASSIGN_OR_RETURN(KubeList list, client_.List(type_, {.ns = options_.ns,
                                                       .label_selector = options_.label_selector,
                                                       .field_selector = "",
                                                       .page = options_.page,
                                                       .trim = [this](json& item) { Trim(item); },
                                                       .stop = &stop_}));
  std::set<std::string> gone;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, object] : objects_) gone.insert(key);
  }
  for (json& item : list.items) {
    const std::string key = KeyOf(item);
    gone.erase(key);
    Store(std::make_shared<const json>(std::move(item)));
  }
  for (const std::string& key : gone) Remove(key);
  resource_version_ = list.resource_version;
  {
    const std::lock_guard lock(mutex_);
    health_.synced = true;
    health_.lists += 1;
  }
  Heard(absl::OkStatus());
  return absl::OkStatus();
}

absl::Status Informer::WatchOnce() {
  {
    const std::lock_guard lock(mutex_);
    health_.watches += 1;
  }
  WatchDecoder decoder([this](WatchEventType type, json& object, const std::string& version) {
    if (type == WatchEventType::kDeleted) {
      Remove(KeyOf(object));
    } else if (type != WatchEventType::kBookmark) {
      Trim(object);
      Store(std::make_shared<const json>(std::move(object)));
    }
    resource_version_ = version;
    Heard(absl::OkStatus());
  });
  const double span = (options_.watch_at_most - options_.watch_at_least).seconds();
  WatchOptions watch;
  watch.ns = options_.ns;
  watch.label_selector = options_.label_selector;
  watch.resource_version = resource_version_;
  watch.length = options_.watch_at_least + SimTime::FromSeconds(span * random_.Uniform());
  watch.idle_timeout = options_.idle_timeout;
  watch.stop = &stop_;
  const auto since = [this](std::optional<SimTime> time) {
    const std::lock_guard lock(mutex_);
    watching_since_ = time;
  };
  watch.begun = [&] { since(clock_.Now()); };
  const absl::Status status =
      client_.Watch(type_, watch, [&](std::string_view chunk) { return decoder.Feed(chunk); });
  since(std::nullopt);
  RETURN_IF_ERROR(status);
  // Half an event at the end: the next watch begins before it.
  Heard(absl::OkStatus());
  return absl::OkStatus();
}

void Informer::Store(KubeObject object) {
  InformerChange change{.before = nullptr, .after = object};
  {
    const std::lock_guard lock(mutex_);
    KubeObject& slot = objects_[KeyOf(*object)];
    if (slot != nullptr && VersionOf(*slot) == VersionOf(*object)) return;  // as it was
    change.before = std::move(slot);
    slot = std::move(object);
    ++version_;
  }
  if (handler_) handler_(change);
}

void Informer::Remove(const std::string& key) {
  InformerChange change;
  {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return;
    change.before = std::move(found->second);
    objects_.erase(found);
    ++version_;
  }
  if (handler_) handler_(change);
}

void Informer::Assume(const std::string& read_version, json object) {
  Trim(object);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(KeyOf(object));
  if (found == objects_.end() || VersionOf(*found->second) != read_version) return;
  found->second = std::make_shared<const json>(std::move(object));
  ++version_;
}

KubeObject Informer::Find(const std::string& ns, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(KeyOf(ns, name));
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<KubeObject> Informer::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<KubeObject> all;
  all.reserve(objects_.size());
  for (const auto& [key, object] : objects_) all.push_back(object);
  return all;
}

uint64_t Informer::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

InformerHealth Informer::health() const {
  const std::lock_guard lock(mutex_);
  InformerHealth health = health_;
  if (!health.last_failure.ok() && watching_since_ &&
      clock_.Now() - *watching_since_ >= kStandsAfter) {
    health.last_failure = absl::OkStatus();
    health.last_contact = *watching_since_;
  }
  return health;
}

}  // namespace reeve
