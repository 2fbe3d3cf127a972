#include "sim/node_cpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/random.h"

namespace reeve {
namespace {

// Drives a NodeCpu alone and records when each job ends.
class Bench {
 public:
  Bench(double capacity, std::vector<InterferencePoint> points, size_t runners)
      : curve_(points),
        generations_(runners, 0),
        runners_(runners),
        cpu_(capacity, &curve_, &generations_) {}

  void Configure(uint32_t r, double demand, double limit, double weight) {
    cpu_.Configure(runners_[r], r, now_, demand, limit, weight);
  }
  void Start(uint32_t r, double work_us, uint32_t job) {
    cpu_.Start(runners_[r], r, now_, work_us, job);
  }
  void AdvanceTo(int64_t until) {
    while (cpu_.next_completion() <= until) {
      now_ = cpu_.next_completion();
      const uint32_t r = cpu_.next_runner();
      ended_[cpu_.FinishHead(runners_[r], r, now_)] = now_;
    }
    now_ = until;
  }
  void RunOut() {
    while (cpu_.next_completion() != NodeCpu::kNever) AdvanceTo(cpu_.next_completion());
  }
  double End(uint32_t job) const { return static_cast<double>(ended_.at(job)) / 1e6; }
  bool Ended(uint32_t job) const { return ended_.contains(job); }
  CpuRunner& runner(uint32_t r) { return runners_[r]; }
  NodeCpu& cpu() { return cpu_; }
  int64_t now() const { return now_; }

 private:
  InterferenceCurve curve_;
  std::vector<uint32_t> generations_;
  std::vector<CpuRunner> runners_;
  NodeCpu cpu_;
  int64_t now_ = 0;
  std::map<uint32_t, int64_t> ended_;
};

// By hand: 7 cores; five jobs of 2 shares (1 s) with five of 3 shares (2 s). All ten ask for 25
// cores and get 7: the short ones end at 25/7 s; then 15 cores' worth is left, of which one second
// each, and 7/15 of the speed: 25/7 + 15/7 s.
TEST(NodeCpuTest, SevenCores) {
  Bench bench(7000, {}, 10);
  for (uint32_t i = 0; i < 10; ++i) {
    const double cores = i < 5 ? 2000 : 3000;
    bench.Configure(i, cores, cores, cores);
    bench.Start(i, i < 5 ? 1e6 : 2e6, i);
  }
  bench.RunOut();
  for (uint32_t i = 0; i < 5; ++i) EXPECT_NEAR(bench.End(i), 3.5714285714, 1e-6);
  for (uint32_t i = 5; i < 10; ++i) EXPECT_NEAR(bench.End(i), 40.0 / 7, 2e-6);
}

TEST(NodeCpuTest, UncontendedJobsTakeTheirWork) {
  Bench bench(4000, {}, 4);
  for (uint32_t i = 0; i < 4; ++i) {
    bench.Configure(i, 1000, 1000, 1000);
    bench.AdvanceTo(100'000 * i);
    bench.Start(i, 1'000'000, i);
  }
  bench.RunOut();
  for (uint32_t i = 0; i < 4; ++i) EXPECT_DOUBLE_EQ(bench.End(i), 1.0 + 0.1 * i);
}

// A container limited to half a core runs a one-core job at half speed, contention or not.
TEST(NodeCpuTest, LimitSlowsTheContainer) {
  Bench bench(4000, {}, 1);
  bench.Configure(0, 1000, 500, 500);
  bench.Start(0, 1'000'000, 0);
  bench.RunOut();
  EXPECT_DOUBLE_EQ(bench.End(0), 2.0);
}

// CFS weights 1:4 on one core, both want all of it: rates 0.2 and 0.8 until the heavy one is done
// at 1/0.8 = 1.25 s; the light one has done 0.25 s of work and needs 0.75 s more alone.
TEST(NodeCpuTest, SharesOneToFour) {
  Bench bench(1000, {}, 2);
  bench.Configure(0, 1000, 1000, 256);
  bench.Configure(1, 1000, 1000, 1024);
  bench.Start(0, 1e6, 0);
  bench.Start(1, 1e6, 1);
  bench.RunOut();
  EXPECT_NEAR(bench.End(1), 1.25, 2e-6);
  EXPECT_NEAR(bench.End(0), 2.0, 3e-6);
}

// Weighted max-min fairness: 3 cores, weights equal; A is capped at 0.5, B and C want 2 each. A
// gets its 0.5 (its fair share of 1 is more), B and C share 2.5.
TEST(NodeCpuTest, WaterFillingLeavesTheCappedAlone) {
  Bench bench(3000, {}, 3);
  bench.Configure(0, 1000, 500, 1000);
  bench.Configure(1, 2000, 2000, 1000);
  bench.Configure(2, 2000, 2000, 1000);
  bench.Start(0, 1e6, 0);  // at 0.5 core: 2 s
  bench.Start(1, 1e6, 1);  // at 1.25 of 2 cores: 1.6 s
  bench.Start(2, 1e6, 2);
  bench.RunOut();
  EXPECT_NEAR(bench.End(1), 1.6, 2e-6);
  EXPECT_NEAR(bench.End(2), 1.6, 2e-6);
  EXPECT_NEAR(bench.End(0), 2.0, 2e-6);
}

// Two requests in a container of one core share it; a third container is not touched.
TEST(NodeCpuTest, RequestsInOneContainerShareIt) {
  Bench bench(8000, {}, 2);
  bench.Configure(0, 1000, 1000, 1000);
  bench.Configure(1, 1000, 1000, 1000);
  bench.Start(0, 1e6, 0);
  bench.Start(0, 2e6, 1);
  bench.Start(1, 1e6, 2);
  bench.RunOut();
  EXPECT_NEAR(bench.End(0), 2.0, 1e-6);  // 1 s of work at half speed
  EXPECT_NEAR(bench.End(1), 3.0, 2e-6);  // 1 s at half, 1 s alone
  EXPECT_NEAR(bench.End(2), 1.0, 1e-6);
}

TEST(NodeCpuTest, InterferenceSlowsEverybody) {
  // Slowdown 1 up to load 0.5, 2 at load 1.
  Bench bench(2000, {{0.5, 1}, {1, 2}}, 2);
  bench.Configure(0, 1000, 1000, 1000);
  bench.Configure(1, 1000, 1000, 1000);
  bench.Start(0, 1e6, 0);
  bench.AdvanceTo(500'000);  // half done, alone
  bench.Start(1, 1e6, 1);    // load 1: both at half speed
  bench.RunOut();
  EXPECT_NEAR(bench.End(0), 1.5, 2e-6);
  // The second did 0.5 s of work by 1.5 s, the rest alone.
  EXPECT_NEAR(bench.End(1), 2.0, 3e-6);
}

TEST(NodeCpuTest, CancelledJobLeavesTheOthersTheirTime) {
  Bench bench(1000, {}, 2);
  bench.Configure(0, 1000, 1000, 1000);
  bench.Configure(1, 1000, 1000, 1000);
  bench.Start(0, 1e6, 0);
  bench.Start(1, 1e6, 1);
  bench.AdvanceTo(1'000'000);  // both half done
  EXPECT_TRUE(bench.cpu().Cancel(bench.runner(0), 0, bench.now(), 0));
  EXPECT_FALSE(bench.cpu().Cancel(bench.runner(0), 0, bench.now(), 0));
  bench.RunOut();
  EXPECT_FALSE(bench.Ended(0));
  EXPECT_NEAR(bench.End(1), 1.5, 2e-6);
  EXPECT_EQ(bench.cpu().demand(), 0);
}

TEST(NodeCpuTest, UsedCpuIsTheWorkDone) {
  Bench bench(1000, {}, 2);
  bench.Configure(0, 1000, 1000, 1000);
  bench.Configure(1, 1000, 1000, 1000);
  bench.Start(0, 1e6, 0);
  bench.Start(1, 3e6, 1);
  bench.AdvanceTo(3'000'000);
  // The first is done (1 core-second); together they used the one core all the time.
  const double first = bench.cpu().TakeUsed(bench.runner(0), bench.now()) / 1e9;
  const double second = bench.cpu().TakeUsed(bench.runner(1), bench.now()) / 1e9;
  EXPECT_NEAR(first, 1.0, 1e-5);
  EXPECT_NEAR(first + second, 3.0, 1e-5);
}

TEST(NodeCpuTest, ResizingWhileRunning) {
  Bench bench(8000, {}, 1);
  bench.Configure(0, 2000, 1000, 1000);
  bench.Start(0, 1e6, 0);  // asks for 2 cores, has 1: half speed
  bench.AdvanceTo(1'000'000);
  bench.Configure(0, 2000, 2000, 2000);
  bench.RunOut();
  EXPECT_NEAR(bench.End(0), 1.5, 1e-6);
}

// The oracle: the same system stepped with every job re-computed at every event.
struct NaiveJob {
  uint32_t runner, id;
  double left;
};

std::vector<double> NaiveRates(const std::vector<NaiveJob>& jobs,
                               const std::vector<std::array<double, 3>>& config, double capacity,
                               const InterferenceCurve& curve) {
  const size_t n = config.size();
  std::vector<double> count(n, 0), demand(n, 0), rate(n, 0);
  for (const NaiveJob& job : jobs) ++count[job.runner];
  double total = 0;
  for (size_t r = 0; r < n; ++r) {
    demand[r] = std::min(count[r] * config[r][0], config[r][1]);
    total += demand[r];
  }
  // Water filling by bisection on the level.
  double low = 0, high = 1e9;
  const auto given = [&](double level) {
    double sum = 0;
    for (size_t r = 0; r < n; ++r) sum += std::min(demand[r], config[r][2] * level);
    return sum;
  };
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (given(middle) > capacity ? high : low) = middle;
  }
  const double slowdown = curve.Slowdown(total / capacity);
  for (size_t r = 0; r < n; ++r) {
    const double got = total <= capacity ? demand[r] : std::min(demand[r], config[r][2] * low);
    rate[r] = count[r] > 0 ? got / (count[r] * config[r][0]) / slowdown : 0;
  }
  std::vector<double> per_job;
  for (const NaiveJob& job : jobs) per_job.push_back(rate[job.runner]);
  return per_job;
}

TEST(NodeCpuTest, RandomRunsAgreeWithTheNaiveSimulation) {
  for (uint32_t trial = 0; trial < 60; ++trial) {
    RandomCursor random(RandomStream(7, StreamPurpose::kGenerator, trial));
    const size_t runners = 1 + random.Below(6);
    const double capacity = 1000.0 * static_cast<double>(1 + random.Below(4));
    std::vector<InterferencePoint> points;
    if (trial % 2 == 1) points = {{0.5, 1}, {2, 1.7}, {4, 3}};
    Bench bench(capacity, points, runners);
    const InterferenceCurve curve(points);
    std::vector<std::array<double, 3>> config;
    for (uint32_t r = 0; r < runners; ++r) {
      const double demand = 250.0 * static_cast<double>(1 + random.Below(8));
      const double limit = 250.0 * static_cast<double>(1 + random.Below(12));
      const double weight =
          trial % 3 == 0 ? limit : 128.0 * static_cast<double>(1 + random.Below(16));
      config.push_back({demand, limit, weight});
      bench.Configure(r, demand, limit, weight);
    }
    std::vector<NaiveJob> jobs;
    std::map<uint32_t, double> naive_end;
    double now = 0;
    const auto naive_advance = [&](double until) {
      while (!jobs.empty()) {
        const std::vector<double> rates = NaiveRates(jobs, config, capacity, curve);
        size_t first = 0;
        double soonest = 1e300;
        for (size_t i = 0; i < jobs.size(); ++i) {
          if (jobs[i].left / rates[i] < soonest) soonest = jobs[i].left / rates[i], first = i;
        }
        const double step = std::min(soonest, until - now);
        for (size_t i = 0; i < jobs.size(); ++i) jobs[i].left -= rates[i] * step;
        now += step;
        if (step < soonest) return;
        naive_end[jobs[first].id] = now;
        jobs.erase(jobs.begin() + static_cast<ptrdiff_t>(first));
      }
      now = std::max(now, until);
    };
    int64_t t = 0;
    constexpr uint32_t kJobs = 40;
    for (uint32_t job = 0; job < kJobs; ++job) {
      t += static_cast<int64_t>(random.Below(400'000));
      bench.AdvanceTo(t);
      naive_advance(static_cast<double>(t));
      const uint32_t r = static_cast<uint32_t>(random.Below(runners));
      const double work = static_cast<double>(1 + random.Below(1'000'000));
      bench.Start(r, work, job);
      jobs.push_back({r, job, work});
    }
    bench.RunOut();
    naive_advance(1e15);
    for (uint32_t job = 0; job < kJobs; ++job) {
      // Each event is rounded up to a microsecond; 80 events can shift a job by that much, times
      // the largest change of speed.
      EXPECT_NEAR(bench.End(job), naive_end.at(job) / 1e6, 1e-3) << "trial " << trial;
    }
  }
}

}  // namespace
}  // namespace reeve
