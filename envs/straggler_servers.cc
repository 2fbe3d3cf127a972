#include "envs/straggler_servers.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"

namespace reeve {
namespace {

constexpr uint64_t kCopies = 2;  // draws per job

}  // namespace

StragglerServers::StragglerServers(const StragglerSpec& spec)
    : slow_probability_(spec.slow_probability),
      slow_factor_(spec.slow_factor),
      queues_(static_cast<size_t>(spec.servers)),
      free_us_(queues_.size()) {
  window_.queue_us.resize(queues_.size());
  Reset(0);
}

void StragglerServers::Reset(uint64_t seed) {
  luck_ = RandomStream(seed, StreamPurpose::kServiceTime, 1);
  now_us_ = 0;
  events_set_ = 0;
  std::fill(queues_.begin(), queues_.end(), 0);
  std::fill(free_us_.begin(), free_us_.end(), 0);
  jobs_.clear();
  free_jobs_.clear();
  events_.Clear();
  totals_ = {};
  StartWindow();
}

void StragglerServers::StartWindow() {
  window_.latencies_us.clear();
  window_.arrivals = 0;
  window_.gap_sum_ms = window_.size_sum_ms = 0;
  std::fill(window_.queue_us.begin(), window_.queue_us.end(), 0.0);
}

int64_t StragglerServers::next_event_us() const {
  return events_.empty() ? std::numeric_limits<int64_t>::max() : events_.top().time_us;
}

int32_t StragglerServers::longest_queue() const {
  return *std::max_element(queues_.begin(), queues_.end());
}

void StragglerServers::MoveTo(int64_t time_us) {
  const auto passed = static_cast<double>(time_us - now_us_);
  for (size_t s = 0; s < queues_.size(); ++s) window_.queue_us[s] += queues_[s] * passed;
  now_us_ = time_us;
}

void StragglerServers::AdvanceTo(int64_t time_us) {
  while (next_event_us() <= time_us) {
    const Event event = events_.top();
    events_.Pop();
    MoveTo(event.time_us);
    Happen(event);
  }
  MoveTo(time_us);
}

uint32_t StragglerServers::NewJob() {
  if (free_jobs_.empty()) {
    jobs_.emplace_back();
    return static_cast<uint32_t>(jobs_.size() - 1);
  }
  const uint32_t job = free_jobs_.back();
  free_jobs_.pop_back();
  return job;
}

int32_t StragglerServers::Enqueue(uint32_t index, uint64_t copy, int32_t other_than) {
  Job& job = jobs_[index];
  int32_t server = -1;
  for (int32_t s = 0; s < static_cast<int32_t>(queues_.size()); ++s) {
    if (s == other_than) continue;
    if (server < 0 || queues_[static_cast<size_t>(s)] < queues_[static_cast<size_t>(server)]) {
      server = s;
    }
  }
  const bool slow = luck_.Uniform(job.number * kCopies + copy) < slow_probability_;
  totals_.slow += slow ? 1 : 0;
  const double factor = slow ? slow_factor_ : 1;
  const int64_t takes = std::llround(static_cast<double>(job.size_us) * factor);
  const auto at = static_cast<size_t>(server);
  free_us_[at] = (queues_[at] > 0 ? free_us_[at] : now_us_) + takes;
  ++queues_[at];
  ++job.copies;
  job.done_us = std::min(job.done_us, free_us_[at]);
  events_.Push({free_us_[at], events_set_++, index, server});
  return server;
}

void StragglerServers::Arrive(int64_t time_us, int64_t gap_us, int64_t size_us,
                              int64_t timeout_us) {
  REEVE_CHECK(time_us >= now_us_ && size_us >= 0);
  // Arrivals are before what else happens at their time.
  if (time_us > now_us_) AdvanceTo(time_us - 1);
  MoveTo(time_us);
  const uint32_t index = NewJob();
  Job& job = jobs_[index];
  job = {now_us_, size_us, std::numeric_limits<int64_t>::max(), totals_.arrived++, 0, 0, false};
  job.server = Enqueue(index, 0, -1);
  ++window_.arrivals;
  window_.gap_sum_ms += static_cast<double>(gap_us) / 1000;
  window_.size_sum_ms += static_cast<double>(size_us) / 1000;
  // When the job will be done is known, as nobody overtakes it.
  if (timeout_us >= 0 && queues_.size() > 1 && job.done_us - now_us_ > timeout_us) {
    ++job.copies;
    events_.Push({now_us_ + timeout_us, events_set_++, index, -1});
  }
}

void StragglerServers::Happen(const Event& event) {
  Job& job = jobs_[event.job];
  if (event.server < 0) {  // the place that was kept for it is taken
    --job.copies;
    ++totals_.duplicates;
    Enqueue(event.job, 1, job.server);
    return;
  }
  --queues_[static_cast<size_t>(event.server)];
  ++totals_.copies_finished;
  if (!job.done) {
    job.done = true;
    ++totals_.done;
    window_.latencies_us.push_back(now_us_ - job.arrival_us);
  }
  if (--job.copies == 0) free_jobs_.push_back(event.job);
}

}  // namespace reeve
