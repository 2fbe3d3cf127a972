#include "controller/serve/loop_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <string_view>

#include "controller/serve/learning_series.h"
#include "controller/serve/metric_families.h"
#include "controller/serve/process_figures.h"
#include "controller/serve/tenant_series.h"

namespace reeve {
namespace {

using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

const Histogram::BucketBoundaries kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                              0.25,  0.5,    1,     2.5,  5,     10};

}  // namespace

struct LoopMetrics::Families {
  Families(const std::string& platform, const std::string& policy, SimTime period) {
    Gauges(registry, "reeve_build_info", "Always 1; labels say what is running")
        .Add({{"version", REEVE_VERSION}, {"platform", platform}, {"policy", policy}})
        .Set(1);
    Gauges(registry, "reeve_period_seconds", "Time between two ticks")
        .Add({})
        .Set(period.seconds());
    Gauges(registry, "process_start_time_seconds", "When this process began, since 1970 UTC")
        .Add({})
        .Set(ReadProcessFigures().start_seconds);
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
      Gauges(registry, "reeve_leading", "Whether this instance is one that acts").Add({});
  Gauge& led = Gauges(registry, "reeve_functions_led",
                      "Functions on which this instance is the one that may act")
                   .Add({});
  ByEnum<ControlMode, Gauge> by_mode{
      Gauges(registry, "reeve_functions", "Functions by their tenant's mode"), "mode"};
  ByEnum<TrustStage, Gauge> by_stage{
      Gauges(registry, "reeve_functions_by_trust",
             "Functions by what is done about their numbers: trusted, hold, fallback, handed_back"),
      "stage"};
  ByEnum<Actuation, Gauge> by_actuation{
      Gauges(registry, "reeve_functions_by_actuation",
             "Functions by what became of the last thing that was asked for"),
      "state"};
  Gauge& longest_pending =
      Gauges(registry, "reeve_actuation_pending_seconds",
             "Longest time for which what was asked for a function is not in force")
          .Add({});
  Gauge& ours =
      Gauges(registry, "reeve_functions_taken_over", "Functions that the loop has taken over")
          .Add({});
  GaugesByLabel bad{Gauges(registry, "reeve_functions_held_or_fallen_back",
                           "Functions whose policy does not decide, by reason"),
                    "reason"};
  ByEnum<Decider, Counter> decisions{Counters(registry, "reeve_decisions_total",
                                              "Decisions about single functions by who made them"),
                                     "decider"};
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
  Family<Counter>& event_family =
      Counters(registry, "reeve_events_total", "Events by kind and level");
  ByEnum<EventKind, Counter> events{event_family, "kind", {{"level", "info"}}};
  ByEnum<EventKind, Counter> warnings{event_family, "kind", {{"level", "warning"}}};
  TenantSeries tenants{registry};
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
  Counter& cpu =
      Counters(registry, "process_cpu_seconds_total", "User and system CPU time of this process")
          .Add({});
  Gauge& resident =
      Gauges(registry, "process_resident_memory_bytes", "Memory of this process in RAM").Add({});
  std::unique_ptr<LearningSeries> learning;  // once a policy that learns has been seen
};

LoopMetrics::LoopMetrics(const std::string& platform, const std::string& policy, SimTime period,
                         const StoreWriter* store)
    : store_(store), families_(std::make_unique<Families>(platform, policy, period)) {}

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
  CountFunctions(tick);
  f.tenants.Update(tick);
  const ProcessFigures process = ReadProcessFigures();
  f.cpu.Increment(std::max(0.0, process.cpu_seconds - f.cpu.Value()));
  f.resident.Set(process.resident_bytes);
  if (tick.adaptation != nullptr) {
    if (!f.learning) f.learning = std::make_unique<LearningSeries>(f.registry);
    f.learning->Show(*tick.adaptation);
  }
  if (store_ == nullptr) return;
  const StoreCounts counts = store_->counts();
  f.stored.Increment(static_cast<double>(counts.written - f.counted.written));
  f.dropped.Increment(static_cast<double>(counts.dropped - f.counted.dropped));
  f.counted = counts;
  f.waiting.Set(static_cast<double>(counts.waiting));
  f.store_size.Set(static_cast<double>(counts.bytes));
}

// Sums first, and looks for no series by its labels for each of ten thousand functions.
void LoopMetrics::CountFunctions(const TickRecord& tick) {
  Families& f = *families_;
  Tally<ControlMode> modes;
  Tally<TrustStage> stages;
  Tally<Actuation> actuations;
  Tally<Decider> deciders;
  std::map<std::string_view, double> bad, withheld;
  double ours = 0, led = 0, writes = 0;
  SimTime oldest, longest;
  for (const FunctionRecord& record : tick.functions) {
    ++modes[record.mode.mode];
    ++stages[record.stage];
    ++actuations[record.actuation];
    ++deciders[record.decider];
    ours += record.ours;
    led += record.led;
    writes += record.applied != Decision{};
    if (record.stage != TrustStage::kTrusted && record.mode.mode == ControlMode::kActive) {
      ++bad[record.why];
    }
    if (!record.why.empty() && record.wished != Decision{}) ++withheld[record.why];
    const FunctionStatus& status = tick.status[record.slot];
    if (status.metrics_age != SimTime::Max()) oldest = std::max(oldest, status.metrics_age);
    if (record.actuation != Actuation::kNone && record.actuation != Actuation::kDone) {
      longest = std::max(longest, status.pending_for);
    }
  }
  f.led.Set(led);
  modes.SetTo(f.by_mode);
  stages.SetTo(f.by_stage);
  actuations.SetTo(f.by_actuation);
  deciders.AddTo(f.decisions);
  f.bad.Set(bad);
  for (const auto& [reason, count] : withheld) {
    f.not_written.Add({{"reason", std::string(reason)}}).Increment(count);
  }
  f.ours.Set(ours);
  f.writes.Increment(writes);
  f.oldest.Set(oldest.seconds());
  f.longest_pending.Set(longest.seconds());
}

void LoopMetrics::OnEvent(const EventRecord& event) {
  (event.warning ? families_->warnings : families_->events)[event.kind].Increment();
}

std::string LoopMetrics::Text() const {
  return prometheus::TextSerializer().Serialize(families_->registry.Collect());
}

}  // namespace reeve
