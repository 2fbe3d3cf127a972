#include "traces/arrival_stream.h"

#include <algorithm>
#include <bit>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/check.h"
#include "core/random.h"
#include "traces/arrival_draws.h"

namespace reeve {
namespace {

// A function with at most so many invocations in a part of a minute gets them drawn there and then.
constexpr uint32_t kDrawnAtOnce = 64;
// Below this level of the tree of halves (half a millisecond) counts are not split.
constexpr uint32_t kDeepestNode = 1u << 17;

__extension__ using Wide = unsigned __int128;

uint32_t ScaleBits(uint64_t bits, uint32_t range) {
  return static_cast<uint32_t>((static_cast<Wide>(bits) * range) >> 64);
}

// Cuts each minute into a binary tree of halves. A function's invocations are split along it until
// few are left, which are then drawn: at the same nodes whether or not the other functions' load
// makes a batch end there, so they fall on the same times in any company.
class MinuteSource : public ArrivalSource {
 public:
  MinuteSource(const Trace& trace, const ArrivalOptions& options)
      : trace_(trace), options_(options), draws_(trace, options.seed) {}

  void Restart(const ArrivalOptions& options, int from_minute) override {
    REEVE_CHECK(from_minute >= 0);
    options_ = options;
    draws_.Restart(options.seed);
    first_minute_ = from_minute;
    minute_ = 0;
    while (!pending_.empty()) Recycle();
  }

  bool Next(ArrivalBatch& batch) override {
    while (pending_.empty()) {
      if (first_minute_ + minute_ >= trace_.minutes()) return false;
      OpenMinute(minute_++);
    }
    // Halve the earliest part until it is small enough; its second half waits on the stack.
    while (pending_.back().total > kBatchTarget && pending_.back().length_us > 1) Halve();
    const Part& part = pending_.back();
    Emit(part);
    SortArrivals(items_, scratch_, part.length_us);
    batch = {SimTime::Minutes(part.minute) + SimTime::Micros(part.start_us), items_};
    Recycle();
    return true;
  }

 private:
  struct Count {
    uint32_t function;
    uint32_t count;
    uint32_t first;  // evenly spaced: which of the minute's invocations come before this part
    uint32_t of;     // evenly spaced: how many the minute has; 0 = uniform
    uint32_t phase_us;
  };
  struct Part {
    int minute = 0;  // since the start
    uint32_t start_us = 0, length_us = 0;
    uint32_t node = 0;  // in the binary tree of halves; the minute is 1
    uint64_t total = 0;
    std::vector<Count> counts;
    std::vector<Arrival> drawn;  // at a node above this part; offsets from the minute's start
  };

  static bool DrawnAt(uint32_t node, uint32_t count) {
    return count <= kDrawnAtOnce || node >= kDeepestNode;
  }

  // An empty part, whose vectors have grown before if any have.
  Part NewPart(int minute, uint32_t start_us, uint32_t length_us, uint32_t node) {
    Part part;
    if (!spare_.empty()) {
      part = std::move(spare_.back());
      spare_.pop_back();
    }
    part.minute = minute;
    part.start_us = start_us;
    part.length_us = length_us;
    part.node = node;
    part.total = 0;
    part.counts.clear();
    part.drawn.clear();
    return part;
  }
  void Recycle() {
    spare_.push_back(std::move(pending_.back()));
    pending_.pop_back();
  }

  void OpenMinute(int minute) {
    Part part = NewPart(minute, 0, kMinuteUs, 1);
    for (const MinuteCount& c : trace_.minute(first_minute_ + minute)) {
      Count count{c.function, c.count, 0, 0, 0};
      const bool timer = trace_.functions()[c.function].trigger == Trigger::kTimer;
      if (options_.within_minute == WithinMinute::kEven ||
          (options_.within_minute == WithinMinute::kByTrigger && timer)) {
        // A timer keeps its phase; even spacing alone draws a new one each minute.
        const uint64_t index =
            options_.within_minute == WithinMinute::kEven ? static_cast<uint64_t>(minute) + 1 : 0;
        const RandomStream stream(options_.seed, StreamPurpose::kArrivals, c.function);
        count.of = c.count;
        // One phase for all counts: the k-th of n falls at (k + phase) / n of the minute.
        count.phase_us = ScaleBits(stream.Bits(index << 32), kMinuteUs);
      }
      if (options_.within_minute == WithinMinute::kCentred) {
        count.of = c.count;
        count.phase_us = kMinuteUs / 2;
      }
      part.total += c.count;
      part.counts.push_back(count);
    }
    pending_.push_back(std::move(part));
  }

  static uint32_t EvenOffset(const Count& c, uint32_t k) {
    return static_cast<uint32_t>((static_cast<uint64_t>(k) * kMinuteUs + c.phase_us) / c.of);
  }

  // How many of n fair coins, addressed by (function, minute, node), show heads.
  uint32_t FairSplit(uint32_t function, int minute, uint32_t node, uint32_t n) const {
    const RandomStream stream(options_.seed, StreamPurpose::kArrivals, function);
    const uint64_t base = static_cast<uint64_t>(minute) + 1;
    uint32_t heads = 0;
    for (uint32_t word = 0; n > 0; ++word) {
      // Index: minute above bit 44, node above bit 26 (18 levels), word below.
      uint64_t bits = stream.Bits(base << 44 | static_cast<uint64_t>(node) << 26 | word);
      if (n < 64) bits &= (uint64_t{1} << n) - 1;
      heads += static_cast<uint32_t>(std::popcount(bits));
      n -= std::min<uint32_t>(n, 64);
    }
    return heads;
  }

  void Halve() {
    Part whole = std::move(pending_.back());
    pending_.pop_back();
    const uint32_t half = whole.length_us / 2;
    Part first = NewPart(whole.minute, whole.start_us, half, whole.node * 2);
    Part second =
        NewPart(whole.minute, whole.start_us + half, whole.length_us - half, whole.node * 2 + 1);
    for (const Count& c : whole.counts) {
      uint32_t n;
      if (c.of > 0) {
        n = 0;
        while (n < c.count && EvenOffset(c, c.first + n) < second.start_us) ++n;
      } else if (DrawnAt(whole.node, c.count)) {
        DrawAll(c.function, whole.start_us, whole.length_us, c.count, whole.drawn);
        continue;
      } else {
        n = FairSplit(c.function, whole.minute, whole.node, c.count);
      }
      Count a = c, b = c;
      a.count = n;
      b.count = c.count - n;
      b.first = c.first + n;
      if (a.count > 0) first.counts.push_back(a);
      if (b.count > 0) second.counts.push_back(b);
      first.total += a.count;
      second.total += b.count;
    }
    for (const Arrival& a : whole.drawn) {
      Part& part = a.offset_us < second.start_us ? first : second;
      part.drawn.push_back(a);
      ++part.total;
    }
    pending_.push_back(std::move(second));
    pending_.push_back(std::move(first));
    spare_.push_back(std::move(whole));
  }

  // Uniformly within [start, start + length) of the minute.
  void DrawAll(uint32_t function, uint32_t start_us, uint32_t length_us, uint32_t count,
               std::vector<Arrival>& out) {
    for (uint32_t i = 0; i < count; ++i) {
      out.push_back(draws_.At(function, length_us));
      out.back().offset_us += start_us;
    }
  }

  void DrawTree(uint32_t function, int minute, uint32_t node, uint32_t start_us, uint32_t length_us,
                uint32_t count) {
    if (DrawnAt(node, count)) {
      DrawAll(function, start_us, length_us, count, items_);
      return;
    }
    const uint32_t half = length_us / 2;
    const uint32_t n = FairSplit(function, minute, node, count);
    DrawTree(function, minute, node * 2, start_us, half, n);
    DrawTree(function, minute, node * 2 + 1, start_us + half, length_us - half, count - n);
  }

  void Emit(const Part& part) {
    items_.assign(part.drawn.begin(), part.drawn.end());
    items_.reserve(part.total);
    for (const Count& c : part.counts) {
      if (c.of == 0) {
        DrawTree(c.function, part.minute, part.node, part.start_us, part.length_us, c.count);
        continue;
      }
      for (uint32_t i = 0; i < c.count; ++i) {
        items_.push_back(draws_.At(c.function, 1));
        items_.back().offset_us = EvenOffset(c, c.first + i);
      }
    }
    for (Arrival& a : items_) a.offset_us -= part.start_us;
  }

  const Trace& trace_;
  ArrivalOptions options_;
  FunctionDraws draws_;
  int first_minute_ = 0;       // of the trace, where time is 0
  int minute_ = 0;             // the next to open
  std::vector<Part> pending_;  // the earliest part at the back
  std::vector<Part> spare_;    // done with
  std::vector<Arrival> items_, scratch_;
};

class TimedSource : public ArrivalSource {
 public:
  TimedSource(const Trace& trace, const ArrivalOptions& options)
      : trace_(trace), draws_(trace, options.seed) {}

  void Restart(const ArrivalOptions& options, int from_minute) override {
    REEVE_CHECK(from_minute >= 0);
    draws_.Restart(options.seed);
    origin_us_ = int64_t{kMinuteUs} * from_minute;
    const auto all = trace_.invocations();
    const auto first =
        std::partition_point(all.begin(), all.end(),
                             [this](const TimedInvocation& i) { return i.start_us < origin_us_; });
    next_ = static_cast<size_t>(first - all.begin());
  }

  bool Next(ArrivalBatch& batch) override {
    const auto all = trace_.invocations();
    if (next_ >= all.size()) return false;
    items_.clear();
    const int64_t start = all[next_].start_us;
    while (next_ < all.size() && items_.size() < kBatchTarget) {
      const TimedInvocation& i = all[next_];
      if (i.start_us - start >= kMinuteUs) break;
      Arrival arrival = draws_.At(i.function, 1);
      arrival.offset_us = static_cast<uint32_t>(i.start_us - start);
      if (i.duration_us != TimedInvocation::kDrawDuration) {
        arrival.work_us = std::max<int64_t>(1, i.duration_us);
      }
      items_.push_back(arrival);
      ++next_;
    }
    batch = {SimTime::Micros(start - origin_us_), items_};
    return true;
  }

 private:
  const Trace& trace_;
  FunctionDraws draws_;
  int64_t origin_us_ = 0;  // of the trace, where time is 0
  size_t next_ = 0;
  std::vector<Arrival> items_;
};

class PrefetchedSource : public ArrivalSource {
 public:
  explicit PrefetchedSource(std::unique_ptr<ArrivalSource> source) : source_(std::move(source)) {
    worker_ = std::thread([this] { Work(); });
  }
  ~PrefetchedSource() override { Stop(); }

  void Restart(const ArrivalOptions& options, int from_minute) override {
    Stop();
    source_->Restart(options, from_minute);
    filled_ = done_ = stop_ = false;
    worker_ = std::thread([this] { Work(); });
  }

  bool Next(ArrivalBatch& batch) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return filled_ || done_; });
    if (!filled_) return false;
    current_.swap(ahead_);
    batch = {ahead_start_, current_};
    filled_ = false;
    lock.unlock();
    changed_.notify_all();
    return true;
  }

 private:
  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  void Work() {
    ArrivalBatch batch;
    std::vector<Arrival> copy;
    while (source_->Next(batch)) {
      copy.assign(batch.arrivals.begin(), batch.arrivals.end());
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !filled_ || stop_; });
      if (stop_) return;
      ahead_.swap(copy);
      ahead_start_ = batch.start;
      filled_ = true;
      lock.unlock();
      changed_.notify_all();
    }
    std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  std::unique_ptr<ArrivalSource> source_;  // used by worker_ only
  std::vector<Arrival> current_;           // used by the caller only
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::vector<Arrival> ahead_;
  SimTime ahead_start_;
  bool filled_ = false, done_ = false, stop_ = false;
  std::thread worker_;
};

}  // namespace

std::unique_ptr<ArrivalSource> MakeArrivalSource(const Trace& trace,
                                                 const ArrivalOptions& options) {
  if (trace.timed()) return std::make_unique<TimedSource>(trace, options);
  return std::make_unique<MinuteSource>(trace, options);
}

std::unique_ptr<ArrivalSource> Prefetched(std::unique_ptr<ArrivalSource> source) {
  return std::make_unique<PrefetchedSource>(std::move(source));
}

}  // namespace reeve
