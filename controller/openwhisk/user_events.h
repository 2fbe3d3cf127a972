// What the counters of OpenWhisk's user-events service say of actions (openwhisk_action_…, one set
// for each namespace, initiator and action): read from the service itself, or from a Prometheus
// that scrapes it. Both give the same samples.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "controller/net/clock.h"
#include "controller/net/http_client.h"
#include "controller/openwhisk/activation_ledger.h"
#include "controller/openwhisk/openwhisk_config.h"
#include "controller/prometheus/cumulative_histogram.h"
#include "controller/prometheus/prometheus_client.h"
#include "core/units.h"

namespace reeve {

// Of one action, since the service was started. Seconds.
struct EventCounters {
  double activations = 0, cold_starts = 0;
  double developer_errors = 0, platform_errors = 0;
  double wait_sum = 0, init_sum = 0, duration_sum = 0;
  CumulativeHistogram wait, duration;
};
// By "namespace/action" or "namespace/package/action".
using EventTable = std::map<std::string, EventCounters>;

// Adds a sample to the table; those of other metrics, without labels or not finite are passed over.
// `label` gives a label's text, "" where there is none.
void AddUserEvent(std::string_view metric,
                  const std::function<std::string_view(std::string_view)>& label, double value,
                  EventTable& table);

// One reading.
struct EventRound {
  absl::Status status = absl::UnavailableError("the user-events service has not been asked yet");
  SimTime began;  // monotonic
  EventTable table;
};

// Asks in a thread of its own, so that it ends just before the loop asks.
class UserEventsSource {
 public:
  UserEventsSource(const WhiskUserEventsSpec& spec, std::shared_ptr<const TlsIdentity> tls,
                   NetClock& clock);
  ~UserEventsSource();
  UserEventsSource(const UserEventsSource&) = delete;
  UserEventsSource& operator=(const UserEventsSource&) = delete;

  void Start();
  void Stop();
  // The last reading; without Start one that is made now.
  std::shared_ptr<const EventRound> Collect(SimTime now, SimTime window);

 private:
  EventRound Ask();
  absl::Status AskExporter(EventTable& table);
  absl::Status AskPrometheus(EventTable& table);
  void Run();

  const WhiskUserEventsSpec spec_;
  const std::shared_ptr<const TlsIdentity> tls_;
  HttpClient http_;              // of whoever asks
  PrometheusClient prometheus_;  // of whoever asks
  NetClock& clock_;
  StopSignal stop_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::shared_ptr<const EventRound> latest_ = std::make_shared<const EventRound>();
  SimTime next_, takes_;
};

// Figures of windows from readings of one action's counters. Not thread-safe.
class EventDifferences {
 public:
  explicit EventDifferences(SimTime keep_alive) : keep_alive_(keep_alive) {}

  // Another version of the action: its containers are not used any more.
  void Renew() { lately_.clear(); }
  // What came between the last reading and this one, `window` after it; zeros of the first.
  // Counters that went down were started anew. Containers are estimated as the larger of the most
  // requests at once (a window's mean, rounded up) and the number of cold starts, within
  // keep-alive.
  ActionFigures Take(const EventCounters& now, SimTime at, SimTime window, int32_t concurrency);

  double cold_start_ms() const { return cold_start_ms_; }  // as of ActivationLedger, of this action
  double execution_ms() const { return execution_ms_; }

 private:
  struct Past {
    SimTime at;
    uint32_t busy, cold;
  };
  const SimTime keep_alive_;
  std::optional<EventCounters> last_;
  std::deque<Past> lately_;
  double cold_start_ms_ = 0, execution_ms_ = 0;
};

}  // namespace reeve
