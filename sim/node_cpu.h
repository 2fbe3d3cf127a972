// The CPU of one node, shared as Linux shares it, exact at O(log n) per start or completion.
//
// A container with j requests asks for D = min(j * cpu_demand, cpu_limit) and has weight W (its CPU
// shares). The node gives it R = min(D, W * theta), with theta such that the capacity is used up,
// or everybody has what he asks for (weighted max-min fairness, what CFS weights with CFS quotas
// converge to). So its speed relative to what it asks for is min(1, theta / rho), rho = D / W: all
// containers with the same rho slow down by the same factor. They form a class that shares one
// virtual clock, which runs at that factor; a completion has a fixed place on it, whatever happens
// to the factor meanwhile. With shares in proportion to limits there is one class, one clock.
//
// Inside a container of several requests each progresses at kappa = min(1, cpu_limit / (j *
// cpu_demand)) of the class clock; only the container's earliest completion stands in the heap.
//
// The interference curve divides every clock's rate by slowdown(load), load = sum of D / capacity.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/cluster_spec.h"
#include "sim/min_heap.h"

namespace reeve {

// Linear between points, flat outside; 1 without points.
class InterferenceCurve {
 public:
  explicit InterferenceCurve(std::span<const InterferencePoint> points)
      : points_(points.begin(), points.end()) {}
  bool empty() const { return points_.empty(); }
  double Slowdown(double load) const;

 private:
  std::vector<InterferencePoint> points_;
};

// A container as its node's CPU sees it. The CPU keeps its hands on all fields; others read.
// What every start and completion touches is one cache line.
struct CpuRunner {
  struct Job {
    double target;  // on the container's progress clock
    uint32_t id;    // the caller's
  };

  double progress = 0;     // of every job since the first began, us of work, at `mark`
  double mark = 0;         // class clock at the last update
  double kappa = 1;        // progress per class clock
  double used = 0;         // CPU used since last taken, millicores * us
  double head_target = 0;  // the job that completes first
  uint32_t head_id = 0;
  uint32_t jobs = 0;
  uint32_t cpu_class = 0;
  int32_t job_demand = 0;  // millicores per job
  int32_t limit = 0;       // millicores
  int32_t weight = 1;

  std::vector<Job> others;  // min-heap by (target, id), for concurrency above one

  // D, millicores.
  double demand() const {
    return static_cast<double>(std::min<int64_t>(int64_t{jobs} * job_demand, limit));
  }
};

class NodeCpu {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // Capacity in millicores. `curve` and `generations` outlive this; the latter has an element for
  // every runner number in use and may be shared by all nodes of a cluster.
  NodeCpu(double capacity, const InterferenceCurve* curve, std::vector<uint32_t>* generations)
      : capacity_(capacity), curve_(curve), generations_(generations) {}

  // As newly constructed: no runner has jobs, time begins at 0.
  void Clear();

  // Sets what a job of the runner asks for, the container's limit and weight (all > 0), also while
  // jobs run. `self` is the caller's number of the container.
  void Configure(CpuRunner& r, uint32_t self, int64_t now, int32_t job_demand, int32_t limit,
                 int32_t weight);

  // Begins a job of `work` us (at full speed).
  void Start(CpuRunner& r, uint32_t self, int64_t now, double work, uint32_t job);

  // Time of the earliest completion on the node, >= the time of the last call; kNever if none.
  int64_t next_completion() const { return next_; }
  // The container whose head job completes at next_completion().
  uint32_t next_runner() const { return next_runner_; }
  // Ends the head job of the runner, which must be next_runner(), at next_completion(). Returns it.
  uint32_t FinishHead(CpuRunner& r, uint32_t self, int64_t now);
  // Ends a job before its completion; false if the runner has no such job.
  bool Cancel(CpuRunner& r, uint32_t self, int64_t now, uint32_t job);
  // Ends all jobs; their ids are appended to `ended`.
  void CancelAll(CpuRunner& r, uint32_t self, int64_t now, std::vector<uint32_t>& ended);

  // CPU used by the runner since the last call, in millicores * us.
  double TakeUsed(CpuRunner& r, int64_t now);

  double demand() const { return demand_; }  // sum of D, millicores
  // Speed of the containers of a class relative to what they ask for.
  double speed(uint32_t cpu_class) const { return classes_[cpu_class].speed; }

 private:
  struct Entry {
    uint64_t order;  // Order() of the class clock at completion
    uint32_t runner;
    uint32_t generation;
    // Without branches: which of a heap's children is smaller cannot be predicted.
    friend bool Before(const Entry& a, const Entry& b) {
      return (a.order < b.order) | ((a.order == b.order) & (a.runner < b.runner));
    }
  };
  // Clocks are not negative, so their bits are in the order of their values; whole numbers are
  // compared in a third of the time.
  static uint64_t Order(double clock) { return std::bit_cast<uint64_t>(std::max(clock, 0.0)); }
  static double ClockOf(uint64_t order) { return std::bit_cast<double>(order); }
  struct Class {
    double rho;
    double demand = 0;     // sum of D
    double weight = 0;     // sum of W over runners with jobs
    double clock = 0;      // at last_
    double speed = 1;      // clock per real time
    uint32_t runners = 0;  // with jobs; each has one live entry in the heap
    MinHeap<Entry> heap;
  };

  std::span<Class> classes_in_use() { return {classes_.data(), classes_used_}; }
  double Clock(const Class& c, int64_t now) const {
    return c.clock + c.speed * static_cast<double>(now - last_);
  }
  bool Live(const Entry& e) const { return (*generations_)[e.runner] == e.generation; }
  uint32_t ClassOf(double rho, uint32_t hint);
  void Sync(CpuRunner& r, int64_t now);  // brings progress and used up to now
  // Takes the runner out of its class with its present demand; `in_heap`: its entry is still there.
  void Leave(CpuRunner& r, uint32_t self, bool in_heap);
  // Puts the runner into the class that its jobs call for.
  void Join(CpuRunner& r, uint32_t self, int64_t now);
  void PopHead(CpuRunner& r);  // the next job becomes the head
  // After demand changed: new speeds, and the next completion.
  void Update(int64_t now);
  void AdvanceClocks(int64_t now);
  void FillWater();
  void FindNext(int64_t now);

  double capacity_;
  const InterferenceCurve* curve_;
  std::vector<uint32_t>* generations_;
  std::vector<Class> classes_;
  uint32_t classes_used_ = 0;  // of them, at the front; runners or none
  double demand_ = 0;          // sum of D over all classes
  bool full_speed_ = true;     // every class has speed 1
  int64_t last_ = 0;           // when the clocks were last advanced
  int64_t next_ = kNever;
  uint32_t next_runner_ = 0;
  std::vector<double> speeds_;    // scratch of Update
  std::vector<uint32_t> by_rho_;  // scratch of FillWater
};

}  // namespace reeve
