#include "controller/knative/prometheus_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace reeve {
namespace {

// "namespace/name", of the label that names it.
void KeyOf(const PrometheusSample& sample, std::string_view label, std::string& key) {
  key.assign(sample.Label("reeve_ns"));
  key += '/';
  key += sample.Label(label);
}

// Results under our own label names, whatever theirs are.
std::string Renamed(const std::string& expression, std::string_view ns, std::string_view revision) {
  return fmt::format(
      "label_replace(label_replace({}, \"reeve_ns\", \"$1\", \"{}\", \"(.*)\"), \"reeve_rev\", "
      "\"$1\", \"{}\", \"(.*)\")",
      expression, ns, revision);
}

std::array<std::string, kFigures> OpenTelemetryQueries(const std::string& range) {
  // A queue-proxy's series do not say whose they are; the target_info of the same scrape does.
  const auto sum = [&](const std::string& by, const std::string& series) {
    return Renamed(
        fmt::format("sum by ({}k8s_namespace_name, kn_revision_name) (rate({}[{}]) * on (job, "
                    "instance) group_left (k8s_namespace_name, kn_revision_name) "
                    "target_info{{kn_revision_name!=\"\"}})",
                    by, series, range),
        "k8s_namespace_name", "kn_revision_name");
  };
  return {
      Renamed("count by (k8s_namespace_name, kn_revision_name) "
              "(target_info{kn_revision_name!=\"\"})",
              "k8s_namespace_name", "kn_revision_name"),
      sum("le, ", "kn_serving_invocation_duration_seconds_bucket"),
      sum("le, ", "http_client_request_duration_seconds_bucket"),
      sum("", "kn_serving_invocation_duration_seconds_sum"),
      sum("", "kn_serving_invocation_duration_seconds_count{http_response_status_code=~\"5..\"}"),
      Renamed("sum by (k8s_namespace_name, kn_revision_name) (kn_revision_request_queued)",
              "k8s_namespace_name", "kn_revision_name"),
  };
}

std::array<std::string, kFigures> OpenCensusQueries(const std::string& range) {
  const auto sum = [&](const std::string& by, const std::string& series) {
    return Renamed(
        fmt::format("sum by ({}namespace_name, revision_name) (rate({}[{}]))", by, series, range),
        "namespace_name", "revision_name");
  };
  return {
      Renamed("count by (namespace_name, revision_name) (revision_queue_depth)", "namespace_name",
              "revision_name"),
      sum("le, ", "revision_request_latencies_bucket"),
      sum("le, ", "revision_app_request_latencies_bucket"),
      sum("", "revision_request_latencies_sum"),
      sum("", "revision_request_count{response_code_class=\"5xx\"}"),
      "",
  };
}

// The containers' own figures, by the kubelet's cAdvisor: not Knative's, alike in both generations.
void AddContainerQueries(const std::string& range, std::array<std::string, kFigures>& queries) {
  constexpr std::string_view kFunctions =
      "container!=\"\",container!=\"POD\",container!=\"queue-proxy\"";
  const auto by_pod = [](const std::string& expression) {
    return fmt::format(
        "label_replace(label_replace({}, \"reeve_ns\", \"$1\", \"namespace\", \"(.*)\"), "
        "\"reeve_pod\", \"$1\", \"pod\", \"(.*)\")",
        expression);
  };
  queries[static_cast<size_t>(Figure::kCpu)] = by_pod(
      fmt::format("sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{{{}}}[{}]))",
                  kFunctions, range));
  queries[static_cast<size_t>(Figure::kMemory)] = by_pod(fmt::format(
      "sum by (namespace, pod) (container_memory_working_set_bytes{{{}}})", kFunctions));
}

}  // namespace

std::array<std::string, kFigures> PrometheusQueries(MetricNames names, SimTime range) {
  const std::string span = fmt::format("{}s", std::max<int64_t>(1, range / SimTime::Seconds(1)));
  std::array<std::string, kFigures> queries =
      names == MetricNames::kOpenCensus ? OpenCensusQueries(span) : OpenTelemetryQueries(span);
  AddContainerQueries(span, queries);
  return queries;
}

PrometheusSource::PrometheusSource(PrometheusOptions options, MetricNames names, SimTime range,
                                   NetClock& clock)
    : client_(std::move(options), "reeve"),
      range_(range),
      answers_([this](SimTime now, const StopSignal& stop) { return Ask(now, stop); }, Answers(),
               clock) {
  if (names != MetricNames::kAuto) found_ = names;
}

FigureRound PrometheusSource::Collect(const std::vector<RevisionView>& revisions, SimTime now,
                                      SimTime window) {
  return Round(*answers_.Take(now, window), revisions, window);
}

PrometheusSource::Answers PrometheusSource::Ask(SimTime now, const StopSignal& stop) {
  std::vector<MetricNames> tries = {found_.value_or(MetricNames::kOpenTelemetry)};
  if (!found_) tries.push_back(MetricNames::kOpenCensus);
  Answers answers;
  for (const MetricNames names : tries) {
    answers = Answers();
    answers.status = AskFor(names, stop, answers);
    if (!answers.status.ok()) break;
    if (answers.revisions.empty()) continue;
    found_ = names;
    break;
  }
  answers.measured_at = answers.status.ok() ? age_.MeasuredAt(now, answers.evaluated) : now;
  return answers;
}

absl::Status PrometheusSource::AskFor(MetricNames names, const StopSignal& stop, Answers& answers) {
  const auto figures = PrometheusQueries(names, range_);
  std::vector<std::string> queries;
  std::vector<Figure> of_query;
  for (size_t i = 0; i < kFigures; ++i) {
    if (figures[i].empty()) continue;
    queries.push_back(figures[i]);
    of_query.push_back(static_cast<Figure>(i));
  }
  const bool milliseconds = names == MetricNames::kOpenCensus;
  const double seconds = milliseconds ? 1e-3 : 1;
  const auto bucket = [&](const PrometheusSample& sample,
                          std::optional<CumulativeHistogram>& into) {
    const std::optional<double> bound = BucketBound(sample.Label("le"));
    if (!bound) return;
    if (!into) into.emplace();
    into->Add(milliseconds ? *bound / 1000 : *bound, std::max(0.0, sample.value));
  };
  std::string key;
  const auto visit = [&](size_t query, const PrometheusSample& sample) {
    const Figure figure = of_query[query];
    answers.evaluated = std::max(answers.evaluated, sample.time);
    if (figure == Figure::kPresent) {  // the first
      KeyOf(sample, "reeve_rev", key);
      answers.revisions[key];
      return;
    }
    if (!std::isfinite(sample.value)) return;
    if (figure == Figure::kCpu || figure == Figure::kMemory) {
      KeyOf(sample, "reeve_pod", key);
      Answers::PodFigures& pod = answers.pods[key];
      (figure == Figure::kCpu ? pod.cpu_millicores : pod.memory_mebibytes) =
          sample.value * (figure == Figure::kCpu ? 1000 : 1.0 / (1 << 20));
      return;
    }
    KeyOf(sample, "reeve_rev", key);
    const auto found = answers.revisions.find(key);
    if (found == answers.revisions.end()) return;
    FunctionFigures& revision = found->second;
    if (figure == Figure::kLatency) bucket(sample, revision.latency_seconds);
    if (figure == Figure::kExecution) bucket(sample, revision.execution_seconds);
    const double value = std::max(0.0, sample.value);
    // Little's law: seconds of requests in a second are requests at once.
    if (figure == Figure::kBusy) revision.mean_in_flight = value * seconds;
    if (figure == Figure::kFailures) revision.failures = value;
    if (figure == Figure::kQueued) revision.queued = value;
  };
  static_assert(static_cast<size_t>(Figure::kPresent) == 0);
  for (const absl::Status& status : client_.Query(queries, visit, &stop)) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

FigureRound PrometheusSource::Round(const Answers& answers,
                                    const std::vector<RevisionView>& revisions, SimTime window) {
  FigureRound round;
  round.status = answers.status;
  if (!round.status.ok()) return round;
  round.measured_at = answers.measured_at;
  round.window = window;
  const double seconds = window.seconds();
  std::string key;
  for (const RevisionView& revision : revisions) {
    const auto found = answers.revisions.find(revision.key());
    if (found == answers.revisions.end()) continue;
    FunctionFigures& figures = round.revisions[found->first];
    figures = found->second;
    if (figures.latency_seconds) {
      figures.latency_seconds->Scale(seconds);
      figures.completions = figures.latency_seconds->total();
    }
    if (figures.execution_seconds) figures.execution_seconds->Scale(seconds);
    figures.failures *= seconds;
    if (answers.pods.empty()) continue;
    for (const PodView& pod : revision.pods) {
      key = revision.ns + "/" + pod.name;
      const auto used = answers.pods.find(key);
      if (used == answers.pods.end()) continue;
      const auto add = [](std::optional<double>& sum, const std::optional<double>& more) {
        if (more) sum = sum.value_or(0) + *more;
      };
      add(figures.cpu_used_millicores, used->second.cpu_millicores);
      add(figures.memory_used_mebibytes, used->second.memory_mebibytes);
    }
  }
  return round;
}

}  // namespace reeve
