#include "controller/kube/leader_elector.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

std::string SpecText(const json& lease) {
  const json* spec = ObjectAt(lease, "spec");
  return spec == nullptr ? "" : ToText(*spec);
}

}  // namespace

absl::Status LeaseOptions::Validate() const {
  if (identity.empty()) return absl::InvalidArgumentError("lease: identity is empty");
  if (retry <= SimTime() || retry >= renew_deadline || renew_deadline >= lease_duration) {
    return absl::InvalidArgumentError(
        "lease: 0 < retry < renew_deadline < lease_duration is needed");
  }
  if (lease_duration % SimTime::Seconds(1) != SimTime()) {
    return absl::InvalidArgumentError("lease: lease_duration must be whole seconds");
  }
  return absl::OkStatus();
}

LeaderElector::LeaderElector(KubeClient& client, LeaseOptions options, NetClock& clock)
    : client_(client), options_(std::move(options)), clock_(clock) {
  REEVE_CHECK(options_.Validate().ok());
}

LeaderElector::~LeaderElector() {
  Stop();
}

void LeaderElector::Start() {
  REEVE_CHECK(!thread_.joinable());
  thread_ = std::thread([this] {
    while (!stop_.stopped()) {
      Attempt();
      clock_.WaitFor(options_.retry, stop_);
    }
  });
}

void LeaderElector::Stop() {
  stop_.Stop();
  if (!thread_.joinable()) return;
  thread_.join();
  Release();
}

bool LeaderElector::IsLeader() const {
  const std::lock_guard lock(mutex_);
  return held_ && clock_.Now() < renewed_at_ + options_.renew_deadline;
}

std::string LeaderElector::Leader() const {
  const std::lock_guard lock(mutex_);
  return holder_;
}

absl::Status LeaderElector::last_failure() const {
  const std::lock_guard lock(mutex_);
  return last_failure_;
}

bool LeaderElector::Taken() const {
  const std::lock_guard lock(mutex_);
  return !holder_.empty() && clock_.Now() < observed_at_ + observed_duration_;
}

void LeaderElector::Attempt() {
  Note(AttemptOnce(clock_.Now()));
}

void LeaderElector::Look() {
  Note(LookOnce());
}

void LeaderElector::Note(const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  last_failure_ = status;
}

absl::Status LeaderElector::LookOnce() {
  const auto lease = client_.Get({kube::kLeases, options_.ns, options_.name}, {.stop = &stop_});
  if (absl::IsNotFound(lease.status())) return absl::OkStatus();
  if (!lease.ok()) return lease.status();
  Observe(*lease, clock_.Now());
  return absl::OkStatus();
}

absl::Status LeaderElector::AttemptOnce(SimTime began) {
  const auto lease = client_.Get({kube::kLeases, options_.ns, options_.name}, {.stop = &stop_});
  if (absl::IsNotFound(lease.status())) return CreateLease(began);
  if (!lease.ok()) return lease.status();
  // From when it was read, not from when reading began: others may have waited in between.
  Observe(*lease, clock_.Now());
  return TakeOrRenew(*lease, began);
}

void LeaderElector::Observe(const json& lease, SimTime now) {
  const std::lock_guard lock(mutex_);
  holder_ = TextAt(lease, "spec.holderIdentity");
  if (holder_ != options_.identity) held_ = false;
  const std::string version = TextAt(lease, "metadata.resourceVersion");
  const std::string spec = SpecText(lease);
  if (spec == observed_spec_ && version == observed_version_) return;
  observed_spec_ = spec;
  observed_version_ = version;
  observed_at_ = now;
  const int64_t seconds = IntegerAt(lease, "spec.leaseDurationSeconds").value_or(0);
  // Somebody else's duration counts for their lease; nonsense counts as ours.
  observed_duration_ =
      seconds >= 1 && seconds <= 3600 ? SimTime::Seconds(seconds) : options_.lease_duration;
}

absl::Status LeaderElector::TakeOrRenew(const json& lease, SimTime began) {
  {
    const std::lock_guard lock(mutex_);
    const bool free = holder_.empty() || holder_ == options_.identity;
    if (!free && clock_.Now() < observed_at_ + observed_duration_) return absl::OkStatus();
  }
  json mine = lease;
  mine["spec"] = SpecFor(&lease);
  const auto written =
      client_.Replace({kube::kLeases, options_.ns, options_.name}, mine, {.stop = &stop_});
  // Somebody was quicker: the next attempt sees who.
  if (absl::IsAborted(written.status())) return absl::OkStatus();
  if (!written.ok()) return written.status();
  Won(*written, began);
  return absl::OkStatus();
}

absl::Status LeaderElector::CreateLease(SimTime began) {
  const json lease = {{"apiVersion", "coordination.k8s.io/v1"},
                      {"kind", "Lease"},
                      {"metadata", {{"name", options_.name}, {"namespace", options_.ns}}},
                      {"spec", SpecFor(nullptr)}};
  const auto written = client_.Create(kube::kLeases, options_.ns, lease, {.stop = &stop_});
  if (absl::IsAlreadyExists(written.status())) return absl::OkStatus();
  if (!written.ok()) return written.status();
  Won(*written, began);
  return absl::OkStatus();
}

json LeaderElector::SpecFor(const json* before) const {
  const std::string now = MicroTimestamp(clock_.WallNow());
  std::string acquired = now;
  int64_t transitions = 0;
  if (before != nullptr) {
    transitions = IntegerAt(*before, "spec.leaseTransitions").value_or(0);
    if (TextAt(*before, "spec.holderIdentity") == options_.identity) {
      const std::string since = TextAt(*before, "spec.acquireTime");
      if (!since.empty()) acquired = since;
    } else {
      ++transitions;
    }
  }
  return {{"holderIdentity", options_.identity},
          {"leaseDurationSeconds", options_.lease_duration / SimTime::Seconds(1)},
          {"acquireTime", acquired},
          {"renewTime", now},
          {"leaseTransitions", transitions}};
}

void LeaderElector::Won(const json& lease, SimTime began) {
  Observe(lease, clock_.Now());
  const std::lock_guard lock(mutex_);
  held_ = true;
  renewed_at_ = began;
}

void LeaderElector::Release() {
  {
    const std::lock_guard lock(mutex_);
    if (!held_) return;
    held_ = false;  // first: nothing is done any more when another may lead
  }
  const ObjectRef object{kube::kLeases, options_.ns, options_.name};
  auto lease = client_.Get(object);
  if (!lease.ok() || TextAt(*lease, "spec.holderIdentity") != options_.identity) return;
  json& spec = (*lease)["spec"];
  spec["holderIdentity"] = "";
  spec["leaseDurationSeconds"] = 1;
  spec["renewTime"] = MicroTimestamp(clock_.WallNow());
  // Failing costs the next leader the rest of the lease, no more.
  const auto written = client_.Replace(object, *lease);
  const std::lock_guard lock(mutex_);
  last_failure_ = written.status();
}

}  // namespace reeve
