#include "sim/node_cpu.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace reeve {
namespace {

// Order of a container's waiting jobs; std::*_heap keeps the largest first, so this is reversed.
bool Later(const CpuRunner::Job& a, const CpuRunner::Job& b) {
  return a.target != b.target ? a.target > b.target : a.id > b.id;
}

}  // namespace

double InterferenceCurve::Slowdown(double load) const {
  if (points_.empty()) return 1;
  if (load <= points_.front().load) return points_.front().slowdown;
  for (size_t i = 1; i < points_.size(); ++i) {
    const InterferencePoint &a = points_[i - 1], &b = points_[i];
    if (load <= b.load) {
      return a.slowdown + (b.slowdown - a.slowdown) * (load - a.load) / (b.load - a.load);
    }
  }
  return points_.back().slowdown;
}

void NodeCpu::Clear() {
  classes_used_ = 0;
  demand_ = 0;
  full_speed_ = true;
  last_ = 0;
  next_ = kNever;
  next_runner_ = 0;
}

uint32_t NodeCpu::ClassOf(double rho, uint32_t hint) {
  if (hint < classes_used_ && classes_[hint].rho == rho) return hint;
  uint32_t empty = classes_used_;
  for (uint32_t i = 0; i < classes_used_; ++i) {
    if (classes_[i].rho == rho) return i;
    if (classes_[i].runners == 0) empty = std::min(empty, i);
  }
  if (empty == classes_used_) {
    if (classes_used_++ == classes_.size()) classes_.emplace_back();
    classes_[empty].clock = 0;
    classes_[empty].runners = 0;
    // A class begins at the speed of full service; Update corrects it before time passes.
    classes_[empty].speed = 1;
  }
  Class& c = classes_[empty];
  c.rho = rho;
  c.demand = c.weight = 0;
  c.heap.Clear();  // what is left there is stale
  return empty;
}

void NodeCpu::Sync(CpuRunner& r, int64_t now) {
  const double clock = Clock(classes_[r.cpu_class], now);
  const double passed = clock - r.mark;
  r.progress += r.kappa * passed;
  r.used += r.demand() * passed;
  r.mark = clock;
}

void NodeCpu::Leave(CpuRunner& r, uint32_t self, bool in_heap) {
  Class& c = classes_[r.cpu_class];
  const double demand = r.demand();
  c.demand -= demand;
  c.weight -= r.weight;
  --c.runners;
  demand_ -= demand;
  if (in_heap) ++(*generations_)[self];
  // Stale entries go when they reach the top; when they crowd the heap, all at once.
  if (c.heap.size() > 64 && c.heap.size() > 4 * size_t{c.runners}) {
    c.heap.RemoveIf([this](const Entry& e) { return !Live(e); });
  }
}

void NodeCpu::Join(CpuRunner& r, uint32_t self, int64_t now) {
  const double asked = static_cast<double>(r.jobs) * r.job_demand;
  const double demand = r.demand();
  r.kappa = demand == asked ? 1 : demand / asked;
  r.cpu_class = ClassOf(demand / r.weight, r.cpu_class);
  Class& c = classes_[r.cpu_class];
  r.mark = Clock(c, now);
  c.demand += demand;
  c.weight += r.weight;
  ++c.runners;
  demand_ += demand;
  const double ahead = r.head_target - r.progress;
  c.heap.Push(
      {Order(r.mark + (r.kappa == 1 ? ahead : ahead / r.kappa)), self, (*generations_)[self]});
}

void NodeCpu::Configure(CpuRunner& r, uint32_t self, int64_t now, int32_t job_demand, int32_t limit,
                        int32_t weight) {
  REEVE_CHECK(job_demand > 0 && limit > 0 && weight > 0);
  const bool running = r.jobs > 0;
  if (running) {
    Sync(r, now);
    Leave(r, self, true);
  }
  r.job_demand = job_demand;
  r.limit = limit;
  r.weight = weight;
  if (running) {
    Join(r, self, now);
    Update(now);
  }
}

void NodeCpu::Start(CpuRunner& r, uint32_t self, int64_t now, double work, uint32_t job) {
  if (r.jobs == 0) {
    r.progress = 0;
    r.head_target = work;
    r.head_id = job;
  } else {
    Sync(r, now);
    Leave(r, self, true);
    CpuRunner::Job added{r.progress + work, job};
    if (Later({r.head_target, r.head_id}, added)) {
      std::swap(r.head_target, added.target);
      std::swap(r.head_id, added.id);
    }
    r.others.push_back(added);
    std::push_heap(r.others.begin(), r.others.end(), Later);
  }
  ++r.jobs;
  Join(r, self, now);
  Update(now);
}

void NodeCpu::PopHead(CpuRunner& r) {
  --r.jobs;
  if (r.jobs == 0) return;
  r.head_target = r.others.front().target;
  r.head_id = r.others.front().id;
  std::pop_heap(r.others.begin(), r.others.end(), Later);
  r.others.pop_back();
}

uint32_t NodeCpu::FinishHead(CpuRunner& r, uint32_t self, int64_t now) {
  REEVE_DCHECK(next_runner_ == self && next_ <= now);
  const uint32_t job = r.head_id;
  classes_[r.cpu_class].heap.Pop();
  Sync(r, now);
  // Completions are rounded up to the next microsecond; a job alone did its own work, no more.
  if (r.jobs == 1) {
    const double over = r.progress - r.head_target;
    r.used -= (r.kappa == 1 ? over : over / r.kappa) * r.demand();
  }
  Leave(r, self, false);
  PopHead(r);
  if (r.jobs > 0) Join(r, self, now);
  Update(now);
  return job;
}

bool NodeCpu::Cancel(CpuRunner& r, uint32_t self, int64_t now, uint32_t job) {
  if (r.jobs == 0) return false;
  const auto other =
      std::find_if(r.others.begin(), r.others.end(), [job](const auto& j) { return j.id == job; });
  if (r.head_id != job && other == r.others.end()) return false;
  Sync(r, now);
  Leave(r, self, true);
  if (r.head_id == job) {
    PopHead(r);
  } else {
    r.others.erase(other);
    std::make_heap(r.others.begin(), r.others.end(), Later);
    --r.jobs;
  }
  if (r.jobs > 0) Join(r, self, now);
  Update(now);
  return true;
}

void NodeCpu::CancelAll(CpuRunner& r, uint32_t self, int64_t now, std::vector<uint32_t>& ended) {
  if (r.jobs == 0) return;
  Sync(r, now);
  Leave(r, self, true);
  while (r.jobs > 0) {
    ended.push_back(r.head_id);
    PopHead(r);
  }
  Update(now);
}

double NodeCpu::TakeUsed(CpuRunner& r, int64_t now) {
  if (r.jobs > 0) Sync(r, now);
  return std::exchange(r.used, 0.0);
}

void NodeCpu::AdvanceClocks(int64_t now) {
  const double passed = static_cast<double>(now - last_);
  for (Class& c : classes_in_use()) c.clock += c.speed * passed;
  last_ = now;
}

void NodeCpu::Update(int64_t now) {
  const bool fits = demand_ <= capacity_ && curve_->empty();
  if (!(fits && full_speed_)) {
    speeds_.assign(classes_used_, 1.0);
    if (demand_ > capacity_) FillWater();
    if (!curve_->empty()) {
      const double slowdown = curve_->Slowdown(demand_ / capacity_);
      for (double& speed : speeds_) speed /= slowdown;
    }
    bool same = true;
    for (size_t i = 0; i < classes_used_; ++i) same &= classes_[i].speed == speeds_[i];
    if (!same) {
      AdvanceClocks(now);
      for (size_t i = 0; i < classes_used_; ++i) classes_[i].speed = speeds_[i];
    }
    full_speed_ = fits;
  }
  FindNext(now);
}

void NodeCpu::FillWater() {
  if (classes_used_ == 1) {
    speeds_[0] = capacity_ / demand_;
    return;
  }
  by_rho_.clear();
  for (uint32_t i = 0; i < classes_used_; ++i) {
    if (classes_[i].runners > 0) by_rho_.push_back(i);
  }
  std::sort(by_rho_.begin(), by_rho_.end(),
            [this](uint32_t a, uint32_t b) { return classes_[a].rho < classes_[b].rho; });
  double capacity = capacity_, weight = 0;
  for (uint32_t i : by_rho_) weight += classes_[i].weight;
  for (uint32_t i : by_rho_) {
    // theta if nobody from here on got all he asks for.
    const double theta = capacity / weight;
    const Class& c = classes_[i];
    if (theta < c.rho) {
      speeds_[i] = theta / c.rho;
    } else {
      capacity -= c.demand;
      weight -= c.weight;
    }
  }
}

void NodeCpu::FindNext(int64_t now) {
  next_ = kNever;
  for (Class& c : classes_in_use()) {
    // As many entries as runners: none is stale.
    while (c.heap.size() > c.runners && !Live(c.heap.top())) c.heap.Pop();
    if (c.heap.empty()) continue;
    const double ahead = ClockOf(c.heap.top().order) - c.clock;
    // Nearly starved work may be further away than time can tell.
    const double after = std::min(c.speed == 1 ? ahead : ahead / c.speed, 4e18);
    int64_t rounded_up = static_cast<int64_t>(after);
    rounded_up += static_cast<double>(rounded_up) < after;
    const int64_t time = std::max(now, last_ + rounded_up);
    if (time < next_) {
      next_ = time;
      next_runner_ = c.heap.top().runner;
    }
  }
}

}  // namespace reeve
