#include "controller/knative/prometheus_source.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/status.h"

namespace reeve {
namespace {

std::string LabelFrom(const PrometheusSample& sample, const char* name) {
  const auto found = sample.labels.find(name);
  return found == sample.labels.end() ? "" : found->second;
}

std::string RevisionOf(const PrometheusSample& sample) {
  return LabelFrom(sample, "reeve_ns") + "/" + LabelFrom(sample, "reeve_rev");
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

bool ReadBound(const std::string& text, double& bound) {
  if (text == "+Inf") {
    bound = std::numeric_limits<double>::infinity();
    return true;
  }
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), bound);
  return error == std::errc() && end == text.data() + text.size() && !std::isnan(bound);
}

}  // namespace

std::array<std::string, kFigures> PrometheusQueries(MetricNames names, SimTime range) {
  const std::string span = fmt::format("{}s", std::max<int64_t>(1, range / SimTime::Seconds(1)));
  std::array<std::string, kFigures> queries =
      names == MetricNames::kOpenCensus ? OpenCensusQueries(span) : OpenTelemetryQueries(span);
  AddContainerQueries(span, queries);
  return queries;
}

PrometheusSource::PrometheusSource(PrometheusOptions options, MetricNames names, SimTime range)
    : client_(std::move(options), "reeve"), range_(range) {
  if (names != MetricNames::kAuto) found_ = names;
}

FigureRound PrometheusSource::Round(const Answers& answers,
                                    const std::vector<RevisionView>& revisions, SimTime now,
                                    SimTime window) const {
  FigureRound round;
  round.measured_at = now;
  round.window = window;
  const double seconds = window.seconds();
  const bool milliseconds = found_ == MetricNames::kOpenCensus;
  std::map<std::string, std::string> revision_of_pod;
  for (const RevisionView& revision : revisions) {
    for (const PodView& pod : revision.pods) {
      revision_of_pod[revision.ns + "/" + pod.name] = revision.key();
    }
  }
  const auto samples = [&](Figure figure) -> const std::vector<PrometheusSample>& {
    static const std::vector<PrometheusSample> none;
    const auto& answer = answers[static_cast<size_t>(figure)];
    return answer.ok() ? *answer : none;
  };
  for (const PrometheusSample& sample : samples(Figure::kPresent)) {
    round.revisions[RevisionOf(sample)];
  }
  const auto each = [&](Figure figure, const auto& use) {
    for (const PrometheusSample& sample : samples(figure)) {
      const auto found = round.revisions.find(RevisionOf(sample));
      if (found == round.revisions.end() || !std::isfinite(sample.value)) continue;
      use(sample, found->second);
    }
  };
  const auto bucket = [&](const PrometheusSample& sample,
                          std::optional<CumulativeHistogram>& into) {
    double bound = 0;
    if (!ReadBound(LabelFrom(sample, "le"), bound)) return;
    if (!into) into.emplace();
    into->Add(milliseconds ? bound / 1000 : bound, std::max(0.0, sample.value) * seconds);
  };
  each(Figure::kLatency, [&](const PrometheusSample& sample, RevisionFigures& figures) {
    bucket(sample, figures.latency_seconds);
  });
  each(Figure::kExecution, [&](const PrometheusSample& sample, RevisionFigures& figures) {
    bucket(sample, figures.execution_seconds);
  });
  // Little's law: seconds of requests in a second are requests at once.
  each(Figure::kBusy, [&](const PrometheusSample& sample, RevisionFigures& figures) {
    figures.mean_in_flight = std::max(0.0, milliseconds ? sample.value / 1000 : sample.value);
  });
  each(Figure::kFailures, [&](const PrometheusSample& sample, RevisionFigures& figures) {
    figures.failures = std::max(0.0, sample.value) * seconds;
  });
  each(Figure::kQueued, [&](const PrometheusSample& sample, RevisionFigures& figures) {
    figures.queued = std::max(0.0, sample.value);
  });
  const auto by_pod = [&](Figure figure, double unit,
                          std::optional<double> RevisionFigures::*into) {
    for (const PrometheusSample& sample : samples(figure)) {
      const auto pod = revision_of_pod.find(LabelFrom(sample, "reeve_ns") + "/" +
                                            LabelFrom(sample, "reeve_pod"));
      if (pod == revision_of_pod.end() || !std::isfinite(sample.value)) continue;
      const auto found = round.revisions.find(pod->second);
      if (found == round.revisions.end()) continue;
      std::optional<double>& sum = found->second.*into;
      sum = sum.value_or(0) + sample.value * unit;
    }
  };
  by_pod(Figure::kCpu, 1000, &RevisionFigures::cpu_used_millicores);
  by_pod(Figure::kMemory, 1.0 / (1 << 20), &RevisionFigures::memory_used_mebibytes);
  for (auto& [key, figures] : round.revisions) {
    if (figures.latency_seconds) figures.completions = figures.latency_seconds->total();
  }
  return round;
}

FigureRound PrometheusSource::Collect(const std::vector<RevisionView>& revisions, SimTime now,
                                      SimTime window) {
  std::vector<MetricNames> tries = {found_.value_or(MetricNames::kOpenTelemetry)};
  if (!found_) tries.push_back(MetricNames::kOpenCensus);
  FigureRound round;
  for (const MetricNames names : tries) {
    const auto figures = PrometheusQueries(names, range_);
    std::vector<std::string> queries;
    std::vector<size_t> places;
    for (size_t i = 0; i < kFigures; ++i) {
      if (figures[i].empty()) continue;
      queries.push_back(figures[i]);
      places.push_back(i);
    }
    Answers some = client_.Query(queries);
    Answers answers(kFigures, std::vector<PrometheusSample>());
    for (size_t i = 0; i < places.size(); ++i) {
      if (!some[i].ok()) {
        round.status = some[i].status();
        return round;
      }
      answers[places[i]] = std::move(some[i]);
    }
    if (!answers[0]->empty()) found_ = names;
    const bool last = names == tries.back();
    if (!answers[0]->empty() || last) {
      round = Round(answers, revisions, now, window);
      break;
    }
  }
  return round;
}

}  // namespace reeve
