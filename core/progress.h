// How far the work has come: a redrawn block on a terminal, one key=value line per interval
// elsewhere, nothing when quiet.
//
//   Progress progress({.what = "simulate", .total = 1e6, .unit = "invocations"}, {});
//   while (…) {
//     …
//     if (progress.Due()) progress.Report(done, {{"cold_starts", HumanCount(cold_starts)}});
//   }
//   progress.Finish(done, {…});
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace reeve {

// One figure of the status: "slo_violations", "1,204".
struct ProgressItem {
  std::string key, value;
};

// Due may be called from any thread; Report and Finish lock.
class Progress {
 public:
  struct Work {
    std::string what = {};  // "simulate"
    double total = 0;       // amount of work in `unit`; 0 = unknown: no bar, no time left
    std::string unit = {};  // "invocations"
  };
  enum class Mode { kAuto, kBlock, kLines, kQuiet };
  struct Options {
    Mode mode = Mode::kAuto;               // kAuto: kBlock when standard error is a terminal
    double line_interval_s = 10;           // between lines
    double block_interval_s = 0.1;         // between redraws
    std::function<int64_t()> now_us = {};  // a steady clock; unset: the system's
    std::function<void(std::string_view)> write = {};  // unset: standard error
    size_t columns = 0;                                // of the terminal; 0: ask it
  };

  explicit Progress(Work work) : Progress(std::move(work), Options{}) {}
  Progress(Work work, Options options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // removes the block

  // Whether Report would show something now. Costs a reading of the coarse clock (some ns); in a
  // tight loop ask every few hundred rounds.
  bool Due() const {
    return mode_ != Mode::kQuiet && Now() >= due_us_.load(std::memory_order_relaxed);
  }

  // Shows `done` (in Work::unit, 0..total) and the figures.
  void Report(double done, const std::vector<ProgressItem>& items);

  // Ends: the block is removed; elsewhere a last line is written. Later calls do nothing.
  void Finish(double done, const std::vector<ProgressItem>& items);

 private:
  int64_t Now() const;
  void Write(std::string_view text) const;
  std::string Block(double done, const std::vector<ProgressItem>& items, double elapsed_s);
  std::string Line(double done, const std::vector<ProgressItem>& items, double elapsed_s,
                   std::string_view state) const;
  void EraseBlock();
  // Seconds until `total` at the pace so far; negative when there is no telling.
  double SecondsLeft(double done, double elapsed_s) const;

  // Constant after construction.
  const Work work_;
  Options options_;
  Mode mode_;
  int64_t start_us_;

  std::atomic<int64_t> due_us_;

  std::mutex mutex_;  // guards what follows
  size_t lines_drawn_ = 0;
  bool finished_ = false;
};

}  // namespace reeve
