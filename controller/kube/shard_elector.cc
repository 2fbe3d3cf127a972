#include "controller/kube/shard_elector.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <optional>

#include "core/check.h"

namespace reeve {

int ShardOf(std::string_view key, int shards) {
  return static_cast<int>(XXH3_64bits(key.data(), key.size()) % static_cast<uint64_t>(shards));
}

ShardElector::ShardElector(KubeClient& client, const LeaseOptions& lease, int shards,
                           NetClock& clock)
    : clock_(clock), retry_(lease.retry) {
  REEVE_CHECK(shards >= 1 && shards <= 16);
  const auto add = [&](std::vector<std::unique_ptr<LeaderElector>>& to, const std::string& name) {
    LeaseOptions one = lease;
    one.name = name;
    to.push_back(std::make_unique<LeaderElector>(client, one, clock));
  };
  if (shards == 1) {
    add(shards_, lease.name);
    return;
  }
  for (int i = 0; i < shards; ++i) {
    add(seats_, fmt::format("{}-seat-{}", lease.name, i));
    add(shards_, fmt::format("{}-shard-{}", lease.name, i));
  }
}

ShardElector::~ShardElector() {
  Stop();
}

void ShardElector::Start() {
  REEVE_CHECK(!thread_.joinable());
  thread_ = std::thread([this] {
    while (!stop_.stopped()) {
      Attempt();
      clock_.WaitFor(retry_, stop_);
    }
  });
}

void ShardElector::Stop() {
  stop_.Stop();
  if (!thread_.joinable()) return;
  thread_.join();
  for (const auto& shard : shards_) shard->Release();
  for (const auto& seat : seats_) seat->Release();
}

bool ShardElector::Holds(int shard) const {
  return shards_[static_cast<size_t>(shard)]->IsLeader();
}

bool ShardElector::HoldsAny() const {
  for (const auto& shard : shards_) {
    if (shard->IsLeader()) return true;
  }
  return false;
}

std::string ShardElector::Holder(int shard) const {
  return shards_[static_cast<size_t>(shard)]->Leader();
}

int ShardElector::Share() {
  if (seats_.empty()) return 1;
  std::optional<size_t> mine;
  for (size_t i = 0; i < seats_.size() && !mine; ++i) {
    if (seats_[i]->IsLeader()) mine = i;
  }
  int taken = 0, before_mine = 0;
  for (size_t i = 0; i < seats_.size(); ++i) {
    if (!mine || *mine == i) {
      seats_[i]->Attempt();
      if (seats_[i]->IsLeader()) mine = i;
    } else {
      seats_[i]->Look();
    }
    if (!seats_[i]->Taken()) continue;
    if (!mine || i < *mine) ++before_mine;
    ++taken;
  }
  if (!mine) return 0;
  first_ = before_mine * shards() / taken;
  return shards() / taken + (before_mine < shards() % taken ? 1 : 0);
}

void ShardElector::Attempt() {
  const int share = Share();
  int held = 0;
  for (const auto& shard : shards_) {
    if (!shard->IsLeader()) continue;
    if (held == share) {
      shard->Release();
      continue;
    }
    shard->Attempt();
    if (shard->IsLeader()) ++held;
  }
  for (int i = 0; i < shards(); ++i) {
    LeaderElector& shard = *shards_[static_cast<size_t>((first_ + i) % shards())];
    if (shard.IsLeader()) continue;
    if (held == share) {
      shard.Look();
      continue;
    }
    shard.Attempt();
    if (shard.IsLeader()) ++held;
  }
}

}  // namespace reeve
