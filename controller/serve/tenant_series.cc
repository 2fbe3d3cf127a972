#include "controller/serve/tenant_series.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace reeve {
namespace {

// Containers that a decision, with what is, comes to.
double Containers(const Decision& decision, uint32_t asked) {
  return decision.replicas ? *decision.replicas : static_cast<double>(asked);
}

// What one tick says of a tenant's functions together.
struct TenantTick {
  double recommended = 0, asked = 0, ready = 0, queued = 0;
  double worst_p99_ms = 0;
  // Of functions whose numbers can be believed.
  double arrivals = 0, completions = 0, failures = 0, cold_starts = 0, slo_violations = 0;

  void Add(const FunctionRecord& record, const FunctionWindows& w) {
    const size_t f = record.slot;
    recommended += Containers(record.wished, w.replicas_asked[f]);
    asked += w.replicas_asked[f];
    ready += w.containers_ready[f];
    if (!record.sound) return;
    queued += w.queued[f];
    arrivals += w.arrivals[f];
    completions += w.completions[f];
    failures += static_cast<double>(w.failures[f]) + w.timeouts[f] + w.rejections[f];
    cold_starts += w.cold_starts[f];
    slo_violations += w.slo_violations[f];
    const double p99 = w.latency_p99_ms[f];
    if (std::isfinite(p99)) worst_p99_ms = std::max(worst_p99_ms, p99);
  }
};

}  // namespace

TenantSeries::TenantSeries(prometheus::Registry& registry)
    : counters_{&Counters(registry, "reeve_requests_total", "Requests that came, by tenant"),
                &Counters(registry, "reeve_requests_completed_total",
                          "Requests that were answered, by tenant"),
                &Counters(registry, "reeve_requests_failed_total",
                          "Requests lost, given up or refused, by tenant"),
                &Counters(registry, "reeve_cold_starts_total",
                          "Requests that waited for a container to start, by tenant"),
                &Counters(registry, "reeve_slo_violations_total",
                          "Requests slower than their objective, lost or refused, by tenant")},
      gauges_{
          {{Gauges(registry, "reeve_recommended_replicas",
                   "Containers that the decisions of a tenant's functions come to, applied "
                   "or not"),
            "tenant"},
           {Gauges(registry, "reeve_asked_replicas",
                   "Containers that the platform is asked for, whoever asked"),
            "tenant"},
           {Gauges(registry, "reeve_ready_containers", "Containers ready, by tenant"), "tenant"},
           {Gauges(registry, "reeve_queued_requests",
                   "Requests that wait for a container, by tenant"),
            "tenant"},
           {Gauges(registry, "reeve_latency_p99_seconds",
                   "99th percentile of latency in the last window, of the tenant's function "
                   "with the highest"),
            "tenant"}}} {}

void TenantSeries::Update(const TickRecord& tick) {
  LearnTenants(*tick.catalogue);
  std::vector<TenantTick> sums(names_.size());
  std::vector<bool> present(names_.size());
  const FunctionWindows& w = tick.snapshot->functions;
  for (const FunctionRecord& record : tick.functions) {
    if (record.slot >= w.size() || record.slot >= of_slot_.size()) continue;
    present[of_slot_[record.slot]] = true;
    sums[of_slot_[record.slot]].Add(record, w);
  }
  std::array<std::map<std::string_view, double>, kGauges> values;
  for (size_t t = 0; t < names_.size(); ++t) {
    const TenantTick& sum = sums[t];
    if (!present[t]) continue;
    const std::array<double, kGauges> now = {sum.recommended, sum.asked, sum.ready, sum.queued,
                                             sum.worst_p99_ms / 1000};
    for (size_t g = 0; g < kGauges; ++g) values[g][names_[t]] = now[g];
    // What is not of a new window was counted before.
    if (!tick.observed) continue;
    const std::array<double, kCounters> more = {sum.arrivals, sum.completions, sum.failures,
                                                sum.cold_starts, sum.slo_violations};
    for (size_t c = 0; c < kCounters; ++c) series_[t][c]->Increment(more[c]);
  }
  for (size_t g = 0; g < kGauges; ++g) gauges_[g].Set(values[g]);
}

void TenantSeries::LearnTenants(const Catalogue& catalogue) {
  if (known_ && generation_ == catalogue.generation &&
      of_slot_.size() == catalogue.functions.size()) {
    return;
  }
  known_ = true;
  generation_ = catalogue.generation;
  of_slot_.clear();
  for (const LiveFunction& function : catalogue.functions) {
    const auto [at, added] =
        index_.try_emplace(function.tenant, static_cast<uint32_t>(names_.size()));
    if (added) {
      names_.push_back(function.tenant);
      auto& series = series_.emplace_back();
      for (size_t c = 0; c < kCounters; ++c) {
        series[c] = &counters_[c]->Add({{"tenant", function.tenant}});
      }
    }
    of_slot_.push_back(at->second);
  }
}

}  // namespace reeve
