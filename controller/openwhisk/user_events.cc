#include "controller/openwhisk/user_events.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "controller/prometheus/exposition.h"
#include "controller/prometheus/row_filling.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr std::string_view kPrefix = "openwhisk_action_";

bool ReadBound(std::string_view text, double& bound) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), bound);
  return error == std::errc() && end == text.data() + text.size() && !std::isnan(bound);
}

PrometheusOptions OptionsOf(const WhiskUserEventsSpec& spec) {
  PrometheusOptions options;
  options.url = spec.prometheus;
  options.token_file = spec.token_file;
  options.ca_file = spec.ca_file;
  options.timeout = spec.timeout;
  return options;
}

double Since(double now, double before) {
  return now < before ? now : now - before;
}

}  // namespace

void AddUserEvent(std::string_view metric,
                  const std::function<std::string_view(std::string_view)>& label, double value,
                  EventTable& table) {
  if (metric.substr(0, kPrefix.size()) != kPrefix || !std::isfinite(value) || value < 0) return;
  metric.remove_prefix(kPrefix.size());
  const std::string_view ns = label("namespace"), action = label("action");
  if (ns.empty() || action.empty()) return;
  EventCounters& counters = table[fmt::format("{}/{}", ns, action)];
  const auto bucket = [&](CumulativeHistogram& histogram) {
    double bound = 0;
    if (ReadBound(label("le"), bound)) histogram.Add(bound, value);
  };
  if (metric == "activations_total") counters.activations += value;
  if (metric == "coldStarts_total") counters.cold_starts += value;
  if (metric == "waitTime_seconds_sum") counters.wait_sum += value;
  if (metric == "initTime_seconds_sum") counters.init_sum += value;
  if (metric == "duration_seconds_sum") counters.duration_sum += value;
  if (metric == "waitTime_seconds_bucket") bucket(counters.wait);
  if (metric == "duration_seconds_bucket") bucket(counters.duration);
  if (metric == "status" || metric == "status_total") {
    const std::string_view status = label("status");
    if (status.find("developer") != std::string_view::npos) counters.developer_errors += value;
    if (status.find("internal") != std::string_view::npos) counters.platform_errors += value;
  }
}

UserEventsSource::UserEventsSource(const WhiskUserEventsSpec& spec,
                                   std::shared_ptr<const TlsIdentity> tls, NetClock& clock)
    : spec_(spec),
      tls_(std::move(tls)),
      http_("reeve"),
      prometheus_(OptionsOf(spec), "reeve"),
      clock_(clock) {}

UserEventsSource::~UserEventsSource() {
  Stop();
}

void UserEventsSource::Start() {
  thread_ = std::thread([this] { Run(); });
}

void UserEventsSource::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_.Stop();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void UserEventsSource::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_.stopped()) {
    const SimTime begin = clock_.Now();
    if (begin < next_) {
      const SimTime most = std::min(next_ - begin, SimTime::Seconds(1));
      wake_.wait_for(lock, std::chrono::microseconds(most.micros()));
      continue;
    }
    next_ = SimTime::Max();
    lock.unlock();
    auto round = std::make_shared<const EventRound>(Ask());
    const SimTime end = clock_.Now();
    lock.lock();
    latest_ = std::move(round);
    takes_ = end - begin;
  }
}

std::shared_ptr<const EventRound> UserEventsSource::Collect(SimTime now, SimTime window) {
  if (!thread_.joinable()) return std::make_shared<const EventRound>(Ask());
  std::shared_ptr<const EventRound> latest;
  {
    const std::lock_guard lock(mutex_);
    latest = latest_;
    next_ = now + std::max(SimTime(), window - takes_ * 2 - SimTime::Millis(50));
  }
  wake_.notify_all();
  return latest;
}

EventRound UserEventsSource::Ask() {
  EventRound round;
  round.began = clock_.Now();
  round.status = spec_.prometheus.empty() ? AskExporter(round.table) : AskPrometheus(round.table);
  return round;
}

absl::Status UserEventsSource::AskExporter(EventTable& table) {
  HttpRequest request;
  request.url = spec_.exporter;
  request.tls = tls_;
  request.connect_timeout = spec_.timeout;
  request.timeout = spec_.timeout;
  ASSIGN_OR_RETURN(const HttpResponse response, http_.Perform(request, &stop_));
  if (response.status != 200) {
    return absl::UnavailableError(fmt::format("GET {}: HTTP {}", spec_.exporter, response.status));
  }
  const absl::Status read = ReadExposition(response.body, [&](const ExpositionSample& sample) {
    const auto label = [&](std::string_view name) -> std::string_view {
      const auto found = sample.labels.find(std::string(name));
      return found == sample.labels.end() ? std::string_view() : std::string_view(found->second);
    };
    AddUserEvent(sample.name, label, sample.value, table);
  });
  if (read.ok()) return read;
  return absl::UnavailableError(fmt::format("GET {}: {}", spec_.exporter, MessageOf(read)));
}

absl::Status UserEventsSource::AskPrometheus(EventTable& table) {
  // The counters as they are: differences are taken here, as of the service's own.
  const std::string query =
      "{__name__=~\"openwhisk_action_(activations_total|coldStarts_total|waitTime_seconds_sum|"
      "waitTime_seconds_bucket|initTime_seconds_sum|duration_seconds_sum|duration_seconds_bucket|"
      "status|status_total)\"}";
  const auto visit = [&](size_t, const PrometheusSample& sample) {
    AddUserEvent(
        sample.Label("__name__"), [&](std::string_view name) { return sample.Label(name); },
        sample.value, table);
  };
  for (const absl::Status& status : prometheus_.Query({query}, visit, &stop_)) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

ActionFigures EventDifferences::Take(const EventCounters& now, SimTime at, SimTime window,
                                     int32_t concurrency) {
  ActionFigures figures;
  const std::optional<EventCounters> last = std::exchange(last_, now);
  if (last) {
    const double seconds = std::max(1e-6, window.seconds());
    const double ended = Since(now.activations, last->activations);
    const double failed = Since(now.developer_errors, last->developer_errors) +
                          Since(now.platform_errors, last->platform_errors);
    const double cold = Since(now.cold_starts, last->cold_starts);
    const double init = Since(now.init_sum, last->init_sum);
    const double wait = Since(now.wait_sum, last->wait_sum);
    const double busy = std::max(0.0, Since(now.duration_sum, last->duration_sum) - init);
    figures.failures = WholeRequests(std::min(failed, ended));
    figures.completions = WholeRequests(ended) - figures.failures;
    figures.arrivals = WholeRequests(ended);
    figures.cold_starts = figures.containers_started = WholeRequests(cold);
    // Little's law: seconds of requests in a second are requests at once.
    figures.mean_in_flight = busy / seconds;
    figures.mean_queued = (wait + init) / seconds;
    figures.in_flight = WholeRequests(figures.mean_in_flight);
    figures.wait_seconds = now.wait.Since(last->wait);
    figures.duration_seconds = now.duration.Since(last->duration);
    if (cold > 0) cold_start_ms_ = 1e3 * init / cold;
    if (ended > 0) execution_ms_ = 1e3 * busy / ended;
  }
  while (!lately_.empty() && at - lately_.front().at > keep_alive_) lately_.pop_front();
  const double at_once = figures.mean_in_flight / std::max(1, concurrency);
  lately_.push_back(
      {at, static_cast<uint32_t>(std::min(std::ceil(at_once), 4e9)), figures.containers_started});
  uint32_t most = 0, started = 0;
  for (const Past& past : lately_) {
    most = std::max(most, past.busy);
    started += past.cold;
  }
  figures.containers = std::max(most, started);
  return figures;
}

}  // namespace reeve
