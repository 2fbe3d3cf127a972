// Figures of all revisions straight from the queue-proxies of their pods, as Knative's own
// autoscaler gets them: without a Prometheus, and a second old instead of half a minute.
//
// :9090 always has the last second's rate and concurrency (protobuf); :9091 has counters and
// latencies where the cluster's config-observability switches them on, and then counts are exact.
// Pods are asked in a thread, every `period`; Collect hands out what came since the last Collect.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "controller/knative/figures.h"
#include "controller/knative/revision_view.h"
#include "controller/net/clock.h"
#include "controller/net/http_client.h"
#include "controller/prometheus/cumulative_histogram.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

// "HOST:PORT" of one pod's queue-proxy.
struct PodAddress {
  std::string statistics = {};
  std::string requests = {};

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("statistics", &PodAddress::statistics, "HOST:PORT instead of the pod's :9090");
    v.Field("requests", &PodAddress::requests, "HOST:PORT instead of the pod's :9091");
  }
};

struct DirectOptions {
  SimTime period = SimTime::Seconds(2);
  SimTime timeout = SimTime::Seconds(1);
  int32_t statistics_port = 9090;
  int32_t requests_port = 9091;
  int32_t parallel = 32;
  std::map<std::string, PodAddress> addresses;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("period", &DirectOptions::period, "time between two rounds of all pods", AtLeast(0.05));
    v.Field("timeout", &DirectOptions::timeout, "for one pod", AtLeast(0.01));
    v.Field("statistics_port", &DirectOptions::statistics_port, "of the queue-proxy's statistics",
            Between(1, 65535));
    v.Field("requests_port", &DirectOptions::requests_port,
            "of its request metrics; 0 = do not ask for them", Between(0, 65535));
    v.Field("parallel", &DirectOptions::parallel, "pods asked at once", Between(1, 1000));
    v.Field("addresses", &DirectOptions::addresses,
            "where pods, by namespace/name, are reached instead of at their own address");
  }
};

// The counters of one pod's :9091.
struct RequestCounters {
  CumulativeHistogram latency_seconds, execution_seconds;
  double busy_seconds = 0;  // sum of all latencies
  double failures = 0;
};
// Of either generation of names. InvalidArgument: not the text format, or none of the series.
absl::StatusOr<RequestCounters> ReadRequestCounters(std::string_view exposition);

class DirectSource {
 public:
  DirectSource(DirectOptions options, NetClock& clock);
  ~DirectSource();
  DirectSource(const DirectSource&) = delete;
  DirectSource& operator=(const DirectSource&) = delete;

  // `pods` tells whom to ask until the first Collect does, so that a loop that has to wait for its
  // first look has numbers then. Called in the thread.
  void Start(std::function<std::vector<RevisionView>()> pods = nullptr);
  void Stop();
  // When pods were asked first, though nobody has collected yet.
  std::optional<SimTime> asking_since() const;
  // What came since the last call. A revision counts as measured when at least four fifths of its
  // ready pods answered, those left out that have come since the last call and were not asked yet;
  // the others are taken to be like them. A statistic of the same moment as one of five seconds ago
  // is no answer: a queue-proxy makes one a second. A revision without ready pods is not in it.
  FigureRound Collect(const std::vector<RevisionView>& revisions, SimTime now, SimTime window);
  // One round of all pods known by the last Collect; for tests, not together with Start.
  void Scrape();

 private:
  struct Target {
    std::string pod;  // "namespace/name"
    std::string statistics_url, requests_url;
  };
  struct PodRecord {
    double concurrency = 0, rate = 0;  // sums over the answers since the last Collect
    int answers = 0;
    SimTime last_answer;
    int64_t statistic_ms = 0;  // of the last statistic, by the pod's clock; 0: it does not say
    SimTime statistic_news;    // when that changed last
    bool has_counters = false, has_baseline = false;
    RequestCounters counters, baseline;  // now, and at the last Collect
  };

  bool collected() const;
  void Expect(const std::vector<RevisionView>& revisions);
  std::vector<Target> Targets() const;
  Target TargetFor(const std::string& ns, const PodView& pod) const;

  const DirectOptions options_;
  NetClock& clock_;
  StopSignal stop_;
  std::thread thread_;
  HttpClient http_;  // of the thread that scrapes

  mutable std::mutex mutex_;
  std::vector<Target> targets_;               // guarded by mutex_
  std::map<std::string, PodRecord> records_;  // guarded by mutex_; by pod
  bool collected_ = false;                    // guarded by mutex_
  std::optional<SimTime> asking_since_;       // guarded by mutex_
};

}  // namespace reeve
