#include "controller/fleet/api_workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>

namespace reeve {
namespace {

TEST(ApiWorkersTest, OfTheJobsThatWaitForAnObjectOnlyTheLastRuns) {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false, inside = false;
  int last = 0, runs = 0;
  ApiWorkers workers(4);
  workers.Post("a", [&] {
    std::unique_lock lock(mutex);
    inside = true;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return inside; });
  }
  // Three threads are free; what waits for the same object waits all the same.
  for (int i = 1; i <= 5; ++i) {
    workers.Post("a", [&, i] {
      const std::lock_guard lock(mutex);
      last = i;
      ++runs;
    });
  }
  std::atomic<bool> other = false;
  workers.Post("b", [&] { other = true; });
  while (!other) std::this_thread::yield();
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(runs, 0);
    open = true;
  }
  changed.notify_all();
  workers.Drain();
  EXPECT_EQ(last, 5);
  EXPECT_EQ(runs, 1);
}

TEST(ApiWorkersTest, JobsOfOneObjectNeverRunTogether) {
  std::map<std::string, std::atomic<int>> running;
  running["a"] = running["b"] = 0;
  std::atomic<int> together = 0, done = 0;
  ApiWorkers workers(4);
  for (int i = 0; i < 2000; ++i) {
    const std::string key = i % 2 == 0 ? "a" : "b";
    workers.Post(key, [&, key] {
      if (++running[key] > 1) ++together;
      --running[key];
      ++done;
    });
  }
  workers.Drain();
  EXPECT_EQ(together, 0);
  EXPECT_GE(done, 2);
}

}  // namespace
}  // namespace reeve
