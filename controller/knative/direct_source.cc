#include "controller/knative/direct_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "controller/knative/queue_stat.h"
#include "controller/prometheus/exposition.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

// A statistic that has not changed for so long comes from something that repeats itself.
constexpr SimTime kFrozenAfter = SimTime::Seconds(5);

std::optional<double> BoundOf(const ExpositionSample& sample) {
  const auto le = sample.labels.find("le");
  return le == sample.labels.end() ? std::nullopt : BucketBound(le->second);
}

bool IsServerError(const ExpositionSample& sample) {
  for (const char* label : {"http_response_status_code", "response_code"}) {
    const auto code = sample.labels.find(label);
    if (code != sample.labels.end()) return !code->second.empty() && code->second[0] == '5';
  }
  return false;
}

std::string UrlOf(const std::string& address, const std::string& ip, int32_t port) {
  if (!address.empty()) return fmt::format("http://{}/metrics", address);
  const bool six = ip.find(':') != std::string::npos;
  return six ? fmt::format("http://[{}]:{}/metrics", ip, port)
             : fmt::format("http://{}:{}/metrics", ip, port);
}

}  // namespace

absl::StatusOr<RequestCounters> ReadRequestCounters(std::string_view exposition) {
  RequestCounters counters;
  bool any = false;
  const absl::Status status = ReadExposition(exposition, [&](const ExpositionSample& sample) {
    if (!std::isfinite(sample.value) || sample.value < 0) return;
    const auto bucket = [&](CumulativeHistogram& histogram, double unit) {
      const std::optional<double> bound = BoundOf(sample);
      if (bound) histogram.Add(*bound * unit, sample.value);
    };
    const std::string_view name = sample.name;
    if (name == "kn_serving_invocation_duration_seconds_bucket") {
      bucket(counters.latency_seconds, 1);
    } else if (name == "revision_request_latencies_bucket") {
      bucket(counters.latency_seconds, 1e-3);
    } else if (name == "http_client_request_duration_seconds_bucket") {
      bucket(counters.execution_seconds, 1);
    } else if (name == "revision_app_request_latencies_bucket") {
      bucket(counters.execution_seconds, 1e-3);
    } else if (name == "kn_serving_invocation_duration_seconds_sum") {
      counters.busy_seconds += sample.value;
    } else if (name == "revision_request_latencies_sum") {
      counters.busy_seconds += sample.value / 1000;
    } else if (name == "kn_serving_invocation_duration_seconds_count" ||
               name == "revision_request_count") {
      if (IsServerError(sample)) counters.failures += sample.value;
    } else if (name != "target_info" && name != "kn_serving_queue_depth" &&
               name != "revision_queue_depth") {
      return;
    }
    any = true;
  });
  if (!status.ok()) return status;
  if (!any) return absl::InvalidArgumentError("none of a queue-proxy's metrics is there");
  return counters;
}

DirectSource::DirectSource(DirectOptions options, NetClock& clock)
    : options_(std::move(options)), clock_(clock), http_("reeve") {}

DirectSource::~DirectSource() {
  Stop();
}

void DirectSource::Start(std::function<std::vector<RevisionView>()> pods) {
  REEVE_CHECK(!thread_.joinable());
  thread_ = std::thread([this, pods = std::move(pods)] {
    // Mostly the loop has looked by then, and has told whom to ask.
    if (pods) clock_.WaitFor(std::min(options_.period, SimTime::Millis(100)), stop_);
    while (!stop_.stopped()) {
      if (pods && !collected()) Expect(pods());
      Scrape();
      clock_.WaitFor(options_.period, stop_);
    }
  });
}

void DirectSource::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

bool DirectSource::collected() const {
  const std::lock_guard lock(mutex_);
  return collected_;
}

std::optional<SimTime> DirectSource::asking_since() const {
  const std::lock_guard lock(mutex_);
  return asking_since_;
}

void DirectSource::Expect(const std::vector<RevisionView>& revisions) {
  const std::lock_guard lock(mutex_);
  if (collected_) return;
  targets_.clear();
  for (const RevisionView& revision : revisions) {
    for (const PodView& pod : revision.pods) {
      if (!pod.ready || pod.terminating) continue;
      records_.try_emplace(targets_.emplace_back(TargetFor(revision.ns, pod)).pod);
    }
  }
  if (!targets_.empty() && !asking_since_) asking_since_ = clock_.Now();
}

DirectSource::Target DirectSource::TargetFor(const std::string& ns, const PodView& pod) const {
  Target target{.pod = ns + "/" + pod.name, .statistics_url = "", .requests_url = ""};
  PodAddress address;
  if (const auto found = options_.addresses.find(target.pod); found != options_.addresses.end()) {
    address = found->second;
  }
  if (!address.statistics.empty() || !pod.ip.empty()) {
    target.statistics_url = UrlOf(address.statistics, pod.ip, options_.statistics_port);
  }
  if (!address.requests.empty() ||
      (address.statistics.empty() && options_.requests_port > 0 && !pod.ip.empty())) {
    target.requests_url = UrlOf(address.requests, pod.ip, options_.requests_port);
  }
  return target;
}

std::vector<DirectSource::Target> DirectSource::Targets() const {
  const std::lock_guard lock(mutex_);
  return targets_;
}

void DirectSource::Scrape() {
  const std::vector<Target> targets = Targets();
  std::vector<HttpRequest> requests;
  std::vector<std::pair<size_t, bool>> whose;  // target, whether of its statistics
  for (size_t i = 0; i < targets.size(); ++i) {
    const auto ask = [&](const std::string& url, bool statistics) {
      if (url.empty()) return;
      HttpRequest request;
      request.url = url;
      request.timeout = request.connect_timeout = options_.timeout;
      request.max_body_bytes = 4u << 20;
      requests.push_back(std::move(request));
      whose.emplace_back(i, statistics);
    };
    ask(targets[i].statistics_url, true);
    ask(targets[i].requests_url, false);
  }
  const auto responses = http_.PerformAll(requests, static_cast<size_t>(options_.parallel), &stop_);
  const SimTime now = clock_.Now();
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < responses.size(); ++i) {
    if (!responses[i].ok() || responses[i]->status != 200) continue;
    const auto& [target, statistics] = whose[i];
    const auto found = records_.find(targets[target].pod);
    if (found == records_.end()) continue;  // gone meanwhile
    PodRecord& record = found->second;
    if (statistics) {
      const auto stat = ParseQueueStat(responses[i]->body);
      if (!stat.ok()) continue;
      // It comes last: what had one and has none is cut short, which the format does not tell.
      if (stat->timestamp_ms == 0 && record.statistic_ms != 0) continue;
      if (stat->timestamp_ms == 0 || stat->timestamp_ms != record.statistic_ms) {
        record.statistic_news = now;
      }
      record.statistic_ms = stat->timestamp_ms;
      if (now - record.statistic_news > kFrozenAfter) continue;
      record.concurrency += stat->average_concurrency;
      record.rate += stat->request_rate;
      record.answers += 1;
    } else {
      auto counters = ReadRequestCounters(responses[i]->body);
      if (!counters.ok()) continue;
      record.counters = *std::move(counters);
      record.has_counters = true;
    }
    record.last_answer = now;
  }
}

namespace {

// Sums over the pods of one revision.
struct PodSums {
  double ready = 0, answered = 0;
  FunctionFigures figures;
  SimTime youngest;
};

}  // namespace

FigureRound DirectSource::Collect(const std::vector<RevisionView>& revisions, SimTime now,
                                  SimTime window) {
  FigureRound round;
  round.window = window;
  const std::lock_guard lock(mutex_);
  collected_ = true;
  targets_.clear();
  std::set<std::string> living;
  for (const RevisionView& revision : revisions) {
    PodSums sums;
    for (const PodView& pod : revision.pods) {
      if (!pod.ready || pod.terminating) continue;
      const Target& target = targets_.emplace_back(TargetFor(revision.ns, pod));
      living.insert(target.pod);
      const auto [entry, is_new] = records_.try_emplace(target.pod);
      // Nobody has asked it yet: that says nothing of whether it would answer.
      if (is_new) continue;
      PodRecord& record = entry->second;
      sums.ready += 1;
      const bool counted = record.has_counters && record.has_baseline;
      if (record.answers > 0 || counted) {
        sums.answered += 1;
        sums.youngest = std::max(sums.youngest, record.last_answer);
      }
      FunctionFigures& figures = sums.figures;
      if (counted) {
        const auto fresh = record.counters.latency_seconds.Since(record.baseline.latency_seconds);
        if (!figures.latency_seconds) figures.latency_seconds.emplace();
        if (!figures.execution_seconds) figures.execution_seconds.emplace();
        figures.latency_seconds->Add(fresh);
        figures.execution_seconds->Add(
            record.counters.execution_seconds.Since(record.baseline.execution_seconds));
        figures.completions += fresh.total();
        const bool restarted = record.counters.failures < record.baseline.failures;
        figures.failures += record.counters.failures - (restarted ? 0 : record.baseline.failures);
      } else if (record.answers > 0) {
        figures.completions += record.rate / record.answers * window.seconds();
      }
      if (record.answers > 0) {
        figures.mean_in_flight += record.concurrency / record.answers;
      } else if (counted && window > SimTime()) {
        figures.mean_in_flight +=
            std::max(0.0, record.counters.busy_seconds - record.baseline.busy_seconds) /
            window.seconds();
      }
      record.concurrency = record.rate = 0;
      record.answers = 0;
      record.baseline = record.counters;
      record.has_baseline = record.has_counters;
      // Counters that are not read again must not count as news.
      record.has_counters = false;
    }
    if (sums.ready == 0 || sums.answered < 0.8 * sums.ready) continue;
    const double scale = sums.ready / sums.answered;
    sums.figures.completions *= scale;
    sums.figures.failures *= scale;
    sums.figures.mean_in_flight *= scale;
    round.revisions[revision.key()] = std::move(sums.figures);
    round.measured_at = std::max(round.measured_at, sums.youngest);
  }
  std::erase_if(records_, [&](const auto& entry) { return living.count(entry.first) == 0; });
  if (round.measured_at == SimTime()) round.measured_at = now;
  return round;
}

}  // namespace reeve
