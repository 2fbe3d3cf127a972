// What happened in a run under a changing load: interval by interval, visit by visit of each
// environment, and over the whole.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agents/adapt/detection_score.h"
#include "core/histogram.h"
#include "core/table.h"
#include "core/units.h"

namespace reeve {

// A control period that has passed, [start, end).
struct AdaptationPeriod {
  SimTime start, end;
  int64_t truth = 0;      // environment, index of labels
  int64_t detected = -1;  // environment in force for the detector, its id; -1: there is none
  int64_t expert = -1;    // whose policy chose, by environment; -1: a rule
  double exploring = 0;   // 1: that expert is new to its environment
  double engaged = 0;     // share of functions that the fallback drove
  double reward = 0;      // mean over agents
  double cost = 0;        // of the period, in the run's unit
};

// Sums over periods, in the end as shares and means.
struct AdaptationFigures {
  double seconds = 0;
  uint64_t requests = 0, violations = 0;
  double latency_mean_ms = 0, latency_p95_ms = 0, latency_p99_ms = 0;  // NaN without requests
  double over_slo_p99 = 0;  // of latency over the request's objective; NaN without requests
  double violation_share = 0;
  double cost = 0;           // of all periods
  double reward = 0;         // mean over periods
  double engaged_share = 0;  // of periods and functions
  double exploring_share = 0;
};

// One stretch of one environment.
struct AdaptationVisit {
  SimTime from, to;
  int64_t truth = 0;
  bool first = false;          // this environment had not been there
  int64_t detected = -1;       // at its end
  double reward_settling = 0;  // mean over its beginning; NaN if it is all beginning
  double reward_rest = 0;      // and over what comes after
  AdaptationFigures figures;
};

struct AdaptationRow {
  SimTime from;
  int64_t truth = 0, detected = -1, expert = -1;  // at its end
  AdaptationFigures figures;
};

// What the learner did, for the record.
struct LearnerRecord {
  int64_t updates = 0, switches = 0, experts_begun = 0, batches_dropped = 0;
  int64_t batches_lost = 0;
  uint64_t engagements = 0;  // of the safeguard
};

struct AdaptationRecord {
  std::string name, title, driver;
  uint64_t seed = 0;
  bool complete = true;
  double interval_s = 60;
  std::string cost_unit;            // "GiB h"
  std::vector<std::string> labels;  // of true environments
  std::vector<AdaptationRow> rows;
  std::vector<AdaptationVisit> visits;
  AdaptationFigures whole, first_visits, returns;
  DetectionScore detection;  // shifts without a detector: none
  bool detects = false;
  LearnerRecord learner;

  double cost_per_hour() const;
  // Means over visits of the reward in the beginning less that of the rest: first visits, returns.
  // Near 0 for returns where nothing is learned anew. NaN without such visits.
  double first_settling_gap() const;
  double return_settling_gap() const;
};

// Not thread-safe.
class AdaptationTimeline {
 public:
  AdaptationTimeline(SimTime interval, SimTime settling);

  // A request that left in the period that is being recorded.
  struct Request {
    int64_t latency_us = 0, slo_us = 0;  // slo_us: SimTime::Max() if it has none
    bool failed = false;                 // it violates its objective, however soon
  };
  void AddRequest(const Request& request) { pending_.push_back(request); }
  // The period is over. They come without gaps.
  void EndPeriod(const AdaptationPeriod& period);
  SimTime end() const { return end_; }

  // Rows, visits and figures; names, labels and the learner's record are the caller's. Shifts are
  // scored with this tolerance if the periods tell of a detector. Call once.
  AdaptationRecord Finish(SimTime tolerance);

 private:
  struct Sums {
    RunHistogram latencies, over_slo;  // us; per mille
    double seconds = 0, latency_sum_us = 0, cost = 0, reward = 0, engaged = 0, exploring = 0;
    uint64_t requests = 0, violations = 0, periods = 0;
    void AddRequest(const Request& request);
    void AddPeriod(const AdaptationPeriod& period);
    AdaptationFigures Figures() const;
  };
  void CloseRow();
  void CloseVisit();
  void BeginVisit(const AdaptationPeriod& period);

  const SimTime interval_, settling_;
  std::vector<Request> pending_;  // of the present period
  AdaptationPeriod last_;
  SimTime end_, row_from_;
  bool started_ = false, row_open_ = false;
  Sums row_, visit_, whole_, first_visits_, returns_;
  double settling_reward_ = 0, rest_reward_ = 0;
  uint64_t settling_periods_ = 0, rest_periods_ = 0;
  AdaptationVisit open_visit_;
  std::vector<int64_t> seen_;  // environments so far
  std::vector<EnvironmentSpan> truth_, detected_;
  AdaptationRecord record_;
};

// A figure of whole runs that studies compare and pages show.
struct AdaptationMetric {
  std::string_view key, title, unit;
  double (*of)(const AdaptationRecord&);  // NaN: the run has none
};
// In the order of tables.
const std::vector<AdaptationMetric>& AdaptationMetrics();

// Format "reeve-adaptation", version 1; with or without the rows of intervals.
nlohmann::ordered_json AdaptationToJson(const AdaptationRecord& record, bool rows);
Table TimelineTable(const AdaptationRecord& record);  // a row for each interval
Table VisitsTable(const AdaptationRecord& record);    // and each visit

}  // namespace reeve
