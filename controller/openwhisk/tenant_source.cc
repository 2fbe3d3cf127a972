#include "controller/openwhisk/tenant_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "controller/net/json_reading.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

constexpr SimTime kBoundsPeriod = SimTime::Minutes(5);
constexpr SimTime kLately = SimTime::Minutes(10);
// Requests wait for machines at most about as long.
constexpr SimTime kLongestWait = SimTime::Minutes(1);

int64_t Ms(SimTime span) {
  return span.micros() / 1000;
}

absl::Status NoList(const std::string& what) {
  return absl::UnavailableError(what + ": the answer is not a list");
}

}  // namespace

TenantSource::TenantSource(const WhiskTenantSpec& tenant, const OpenWhiskConfig& config,
                           bool with_activations, WhiskClientOptions options, WhiskKey& key,
                           NetClock& clock)
    : tenant_ns_(tenant.ns),
      config_(config),
      with_activations_(with_activations),
      client_(std::move(options), key, clock),
      clock_(clock) {}

TenantSource::~TenantSource() {
  Stop();
}

void TenantSource::Start() {
  thread_ = std::thread([this] { Run(); });
}

void TenantSource::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_.Stop();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TenantSource::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_.stopped()) {
    const SimTime begin = clock_.Now();
    if (begin < next_) {
      const SimTime most = std::min(next_ - begin, SimTime::Seconds(1));
      wake_.wait_for(lock, std::chrono::microseconds(most.micros()));
      continue;
    }
    next_ = SimTime::Max();  // until the next Collect, which may come meanwhile
    lock.unlock();
    TenantRound round = Read();
    const SimTime end = clock_.Now();
    lock.lock();
    // Of several failures in a row the last says enough.
    if (!round.status.ok() && !rounds_.empty() && !rounds_.back().status.ok()) rounds_.pop_back();
    rounds_.push_back(std::move(round));
    takes_ = end - begin;
    wake_.notify_all();
  }
}

std::vector<TenantRound> TenantSource::Collect(SimTime now, SimTime window, SimTime patience) {
  std::vector<TenantRound> rounds;
  if (!thread_.joinable()) {
    rounds.push_back(Read());
    return rounds;
  }
  {
    std::unique_lock lock(mutex_);
    if (rounds_.empty()) {
      next_ = std::min(next_, now);
      wake_.notify_all();
      wake_.wait_for(lock, std::chrono::microseconds(patience.micros()),
                     [this] { return !rounds_.empty() || stop_.stopped(); });
    }
    rounds.swap(rounds_);
    // Rounds do not take equally long, and one that is late is not there.
    next_ = now + std::max(SimTime(), window - takes_ * 2 - SimTime::Millis(50));
  }
  wake_.notify_all();
  return rounds;
}

void TenantSource::ListActionsSoon() {
  const std::lock_guard lock(mutex_);
  list_soon_ = true;
}

TenantRound TenantSource::Read() {
  TenantRound round;
  round.began = clock_.Now();
  round.wall_ms = Ms(clock_.WallNow());
  round.status = ReadAll(round);
  if (!round.status.ok()) {
    round.actions.reset();
    round.activations.clear();
    return round;
  }
  round.ns = ns_;
  round.bounds = bounds_;
  Learn(round);
  if (latest_start_ms_) {
    const SimTime reach = slowest_ + kLongestWait + config_.activations.settle;
    round.forget_before_ms = *latest_start_ms_ - Ms(reach + SimTime::Minutes(1));
  }
  return round;
}

absl::Status TenantSource::ReadAll(TenantRound& round) {
  RETURN_IF_ERROR(ReadBounds(round));
  bool soon = false;
  {
    const std::lock_guard lock(mutex_);
    soon = std::exchange(list_soon_, false);
  }
  // Records first: then no record is of a version that is newer than the list's.
  if (with_activations_) RETURN_IF_ERROR(ReadActivations(round));
  if (soon || !actions_at_ || round.began - *actions_at_ >= config_.actions_period) {
    RETURN_IF_ERROR(ReadActions(round));
  }
  return absl::OkStatus();
}

// Servers need not tell their bounds: then only their refusals do.
absl::Status TenantSource::ReadBounds(TenantRound& round) {
  if (bounds_at_ && round.began - *bounds_at_ < kBoundsPeriod) return absl::OkStatus();
  if (tenant_ns_ == "_") {
    ASSIGN_OR_RETURN(const json names, client_.Get("/api/v1/namespaces", {}, &stop_));
    if (!names.is_array() || names.empty() || !names[0].is_string()) {
      return NoList("GET /api/v1/namespaces");
    }
    ns_ = names[0].get<std::string>();
  } else {
    ns_ = tenant_ns_;
  }
  WhiskBounds bounds;
  for (const std::string& path :
       {std::string("/"), "/api/v1/namespaces/" + tenant_ns_ + "/limits"}) {
    const absl::StatusOr<json> answer = client_.Get(path, {}, &stop_);
    if (answer.ok()) {
      ReadWhiskBounds(*answer, bounds);
    } else if (!absl::IsNotFound(answer.status()) && !absl::IsPermissionDenied(answer.status())) {
      return answer.status();
    }
  }
  bounds_ = bounds;
  bounds_at_ = round.began;
  return absl::OkStatus();
}

absl::Status TenantSource::ReadActions(TenantRound& round) {
  const std::string path = "/api/v1/namespaces/" + tenant_ns_ + "/actions";
  constexpr size_t kPage = 200, kMost = 100 * kPage;
  std::vector<WhiskAction> actions;
  for (size_t skip = 0; skip < kMost; skip += kPage) {
    ASSIGN_OR_RETURN(
        const json page,
        client_.Get(path, {{"limit", std::to_string(kPage)}, {"skip", std::to_string(skip)}},
                    &stop_));
    if (!page.is_array()) return NoList("GET " + path);
    for (const json& one : page) {
      absl::StatusOr<WhiskAction> action = ReadWhiskAction(one);
      if (action.ok()) actions.push_back(*std::move(action));
    }
    if (page.size() < kPage) break;
  }
  round.actions = std::move(actions);
  return absl::OkStatus();
}

// The first start of what is read.
int64_t TenantSource::ReadFrom(const TenantRound& round, bool sweep) const {
  // At the beginning: what may have containers still.
  if (!latest_start_ms_) return round.wall_ms - Ms(config_.assumed.keep_alive);
  const int64_t settle = Ms(config_.activations.settle);
  if (sweep) return *latest_start_ms_ - Ms(slowest_ + kLongestWait) - settle;
  int64_t longest = 0;
  for (const auto& [at, ms] : longest_ms_) longest = std::max(longest, ms);
  int64_t from = *latest_start_ms_ - longest - settle;
  if (oldest_open_ms_) from = std::min(from, *oldest_open_ms_);
  return std::max(from, *latest_start_ms_ - Ms(slowest_ + kLongestWait) - settle);
}

absl::Status TenantSource::ReadActivations(TenantRound& round) {
  const std::string path = "/api/v1/namespaces/" + tenant_ns_ + "/activations";
  const WhiskActivationsSpec& spec = config_.activations;
  const bool first = !latest_start_ms_;
  const bool sweep = !swept_at_ || round.began - *swept_at_ >= spec.sweep;
  const int64_t from = std::max<int64_t>(0, ReadFrom(round, sweep));
  bool all = false;
  for (int32_t page = 0; page < spec.max_pages && !all; ++page) {
    // New ones come at the beginning meanwhile: then some are read twice, and none is missed.
    const int64_t skip = int64_t{page} * spec.page;
    ASSIGN_OR_RETURN(const json list, client_.Get(path,
                                                  {{"limit", std::to_string(spec.page)},
                                                   {"skip", std::to_string(skip)},
                                                   {"since", std::to_string(from)},
                                                   {"docs", "false"}},
                                                  &stop_));
    if (!list.is_array()) return NoList("GET " + path);
    for (const json& one : list) {
      if (auto activation = ReadWhiskActivation(one)) {
        round.activations.push_back(*std::move(activation));
      }
    }
    all = list.size() < static_cast<size_t>(spec.page);
  }
  // What was before the beginning is of no window: it may be cut short.
  if (!all && !first) {
    return absl::ResourceExhaustedError(fmt::format(
        "more than {} activations since the last round: raise activations.max_pages, or use "
        "metrics: user_events",
        spec.max_pages * spec.page));
  }
  if (sweep) swept_at_ = round.began;
  return absl::OkStatus();
}

void TenantSource::Learn(const TenantRound& round) {
  if (round.actions) {
    actions_at_ = round.began;
    SimTime slowest = SimTime::Seconds(1);
    for (const WhiskAction& action : *round.actions) {
      slowest = std::max(slowest, action.limits.timeout);
    }
    slowest_ = std::min(slowest, SimTime::Hours(1));
  }
  if (!with_activations_) return;
  // The clock of the server, or ours where nothing has happened yet.
  int64_t latest = latest_start_ms_.value_or(round.wall_ms - Ms(config_.assumed.keep_alive));
  int64_t longest = 0;
  oldest_open_ms_.reset();
  for (const WhiskActivation& a : round.activations) {
    // One from the future would hide all that come before then.
    if (a.start_ms > round.wall_ms + Ms(SimTime::Hours(1))) continue;
    latest = std::max(latest, a.start_ms);
    if (a.end_ms) {
      longest = std::max(longest, *a.end_ms - a.start_ms);
    } else {
      oldest_open_ms_ = std::min(oldest_open_ms_.value_or(a.start_ms), a.start_ms);
    }
  }
  latest_start_ms_ = latest;
  while (!longest_ms_.empty() && round.began - longest_ms_.front().first > kLately) {
    longest_ms_.pop_front();
  }
  // Only what is not outdone by something later.
  while (!longest_ms_.empty() && longest_ms_.back().second <= longest) longest_ms_.pop_back();
  longest_ms_.emplace_back(round.began, longest);
}

}  // namespace reeve
