#include "controller/serve/loop_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace reeve {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;

Family<Counter>& Counters(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& Gauges(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry);
}

const Histogram::BucketBoundaries kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                              0.25,  0.5,    1,     2.5,  5,     10};

// Gauges by one label whose values come and go: what was not set in a round is zero.
class GaugesByLabel {
 public:
  GaugesByLabel(Family<Gauge>& family, std::string label)
      : family_(family), label_(std::move(label)) {}

  void Set(const std::map<std::string, double>& values) {
    for (auto gauge = gauges_.begin(); gauge != gauges_.end();) {
      if (values.contains(gauge->first)) {
        ++gauge;
      } else {
        family_.Remove(gauge->second);
        gauge = gauges_.erase(gauge);
      }
    }
    for (const auto& [name, value] : values) {
      Gauge*& gauge = gauges_[name];
      if (gauge == nullptr) gauge = &family_.Add({{label_, name}});
      gauge->Set(value);
    }
  }

 private:
  Family<Gauge>& family_;
  const std::string label_;
  std::map<std::string, Gauge*> gauges_;
};

// Containers that a decision, with what is, comes to.
double Containers(const Decision& decision, uint32_t asked) {
  return decision.replicas ? *decision.replicas : static_cast<double>(asked);
}

}  // namespace

struct LoopMetrics::Families {
  Families(const std::string& platform, const std::string& policy) {
    Gauges(registry, "reeve_build_info", "Always 1; labels say what is running")
        .Add({{"version", REEVE_VERSION}, {"platform", platform}, {"policy", policy}})
        .Set(1);
  }

  prometheus::Registry registry;
  StoreCounts counted;  // of the store, as of the last tick
  Counter& ticks = Counters(registry, "reeve_ticks_total", "Ticks of the loop").Add({});
  Counter& skipped = Counters(registry, "reeve_ticks_skipped_total",
                              "Ticks left out, since an earlier one lasted "
                              "too long")
                         .Add({});
  Counter& overrun = Counters(registry, "reeve_ticks_overrun_total",
                              "Ticks that took longer than a period: decided, not applied")
                         .Add({});
  Histogram& lateness = BuildHistogram()
                            .Name("reeve_tick_lateness_seconds")
                            .Help("How late ticks began")
                            .Register(registry)
                            .Add({}, kSeconds);
  Family<Histogram>& duration = BuildHistogram()
                                    .Name("reeve_tick_duration_seconds")
                                    .Help("How long the parts of a tick took")
                                    .Register(registry);
  Histogram& observe = duration.Add({{"phase", "observe"}}, kSeconds);
  Histogram& decide = duration.Add({{"phase", "decide"}}, kSeconds);
  Histogram& apply = duration.Add({{"phase", "apply"}}, kSeconds);
  Gauge& up = Gauges(registry, "reeve_platform_up", "Whether the platform answered last").Add({});
  Gauge& leading =
      Gauges(registry, "reeve_leading", "Whether this instance is the one that acts").Add({});
  GaugesByLabel by_mode{Gauges(registry, "reeve_functions", "Functions by their tenant's mode"),
                        "mode"};
  GaugesByLabel by_stage{
      Gauges(registry, "reeve_functions_by_trust",
             "Functions by what is done about their numbers: trusted, hold, fallback, handed_back"),
      "stage"};
  Gauge& ours =
      Gauges(registry, "reeve_functions_taken_over", "Functions that the loop has taken over")
          .Add({});
  GaugesByLabel bad{Gauges(registry, "reeve_functions_held_or_fallen_back",
                           "Functions whose policy does not decide, by reason"),
                    "reason"};
  Family<Counter>& decisions = Counters(registry, "reeve_decisions_total",
                                        "Decisions about single functions by who made them");
  Counter& writes = Counters(registry, "reeve_writes_total",
                             "Decisions about single functions that were written to the platform")
                        .Add({});
  Family<Counter>& not_written =
      Counters(registry, "reeve_writes_withheld_total",
               "Decisions that were wished and not written as they were, by reason");
  Counter& wakes = Counters(registry, "reeve_wakes_total",
                            "Decisions for functions without containers that got a request")
                       .Add({});
  Counter& taken_over =
      Counters(registry, "reeve_take_overs_total", "Functions taken over").Add({});
  Counter& handed_back =
      Counters(registry, "reeve_hand_backs_total", "Functions handed back to the platform").Add({});
  Family<Counter>& events = Counters(registry, "reeve_events_total", "Events by kind and level");
  GaugesByLabel recommended{
      Gauges(registry, "reeve_recommended_replicas",
             "Containers that the decisions of a tenant's functions come to, applied or not"),
      "tenant"};
  GaugesByLabel asked{Gauges(registry, "reeve_asked_replicas",
                             "Containers that the platform is asked for, whoever asked"),
                      "tenant"};
  GaugesByLabel ready{Gauges(registry, "reeve_ready_containers", "Containers ready, by tenant"),
                      "tenant"};
  Gauge& oldest = Gauges(registry, "reeve_metrics_age_seconds",
                         "Age of the oldest numbers of a function whose numbers are known")
                      .Add({});
  Counter& stored =
      Counters(registry, "reeve_store_records_total", "Records written to the store").Add({});
  Counter& dropped =
      Counters(registry, "reeve_store_dropped_total", "Records that could not be kept").Add({});
  Gauge& waiting =
      Gauges(registry, "reeve_store_waiting_records", "Records that wait to be written").Add({});
  Gauge& store_size = Gauges(registry, "reeve_store_size_bytes", "Size of the store").Add({});
};

LoopMetrics::LoopMetrics(const std::string& platform, const std::string& policy,
                         const StoreWriter* store)
    : store_(store), families_(std::make_unique<Families>(platform, policy)) {}

LoopMetrics::~LoopMetrics() = default;

void LoopMetrics::OnTick(const TickRecord& tick) {
  Families& f = *families_;
  f.ticks.Increment();
  f.skipped.Increment(static_cast<double>(tick.skipped));
  if (tick.overrun) f.overrun.Increment();
  f.lateness.Observe(tick.lateness.seconds());
  f.observe.Observe(tick.observe.seconds());
  f.decide.Observe(tick.decide.seconds());
  f.apply.Observe(tick.apply.seconds());
  f.up.Set(tick.observed);
  f.leading.Set(tick.acting);
  f.wakes.Increment(static_cast<double>(tick.wakes));
  f.taken_over.Increment(static_cast<double>(tick.taken_over));
  f.handed_back.Increment(static_cast<double>(tick.handed_back));

  std::map<std::string, double> modes, stages, reasons, recommended, asked, ready;
  double ours = 0, oldest = 0;
  const FunctionWindows& w = tick.snapshot->functions;
  for (const FunctionRecord& record : tick.functions) {
    const std::string& tenant = tick.catalogue->functions[record.slot].tenant;
    ++modes[std::string(NameOf(record.mode.mode))];
    ++stages[std::string(NameOf(record.stage))];
    ours += record.ours;
    if (record.stage != TrustStage::kTrusted && record.mode.mode == ControlMode::kActive) {
      ++reasons[std::string(record.why)];
    }
    f.decisions.Add({{"decider", std::string(NameOf(record.decider))}}).Increment();
    if (record.applied != Decision{}) f.writes.Increment();
    if (!record.why.empty() && record.wished != Decision{}) {
      f.not_written.Add({{"reason", std::string(record.why)}}).Increment();
    }
    const SimTime age = tick.status[record.slot].metrics_age;
    if (age != SimTime::Max()) oldest = std::max(oldest, age.seconds());
    if (record.slot >= w.size()) continue;
    recommended[tenant] += Containers(record.wished, w.replicas_asked[record.slot]);
    asked[tenant] += w.replicas_asked[record.slot];
    ready[tenant] += w.containers_ready[record.slot];
  }
  f.by_mode.Set(modes);
  f.by_stage.Set(stages);
  f.bad.Set(reasons);
  f.recommended.Set(recommended);
  f.asked.Set(asked);
  f.ready.Set(ready);
  f.ours.Set(ours);
  f.oldest.Set(oldest);
  if (store_ == nullptr) return;
  const StoreCounts counts = store_->counts();
  f.stored.Increment(static_cast<double>(counts.written - f.counted.written));
  f.dropped.Increment(static_cast<double>(counts.dropped - f.counted.dropped));
  f.counted = counts;
  f.waiting.Set(static_cast<double>(counts.waiting));
  f.store_size.Set(static_cast<double>(counts.bytes));
}

void LoopMetrics::OnEvent(const EventRecord& event) {
  families_->events
      .Add({{"kind", std::string(NameOf(event.kind))},
            {"level", event.warning ? "warning" : "info"}})
      .Increment();
}

std::string LoopMetrics::Text() const {
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace reeve
