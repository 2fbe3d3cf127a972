#include "traces/arrival_stream.h"

#include <algorithm>
#include <bit>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/random.h"

namespace reeve {
namespace {

constexpr uint32_t kMinuteUs = 60'000'000;
constexpr uint64_t kBatchTarget = 32768;
// A function with at most so many invocations in a part of a minute gets them drawn there and then.
constexpr uint32_t kDrawnAtOnce = 64;
// Below this level of the tree of halves (half a millisecond) counts are not split.
constexpr uint32_t kDeepestNode = 1u << 17;

__extension__ using Wide = unsigned __int128;

uint32_t ScaleBits(uint64_t bits, uint32_t range) {
  return static_cast<uint32_t>((static_cast<Wide>(bits) * range) >> 64);
}

int64_t WorkFromMillis(double ms) {
  // Beyond 10^12 us (11 days) an execution time is a mistake of the source; it must not overflow.
  const double us = std::min(ms * 1000.0, 1e12);
  return std::max<int64_t>(1, static_cast<int64_t>(us + 0.5));
}

bool Before(const Arrival& a, const Arrival& b) {
  return a.offset_us != b.offset_us ? a.offset_us < b.offset_us : a.function < b.function;
}

// Stable sort by (offset, function): two counting passes over the high bits of the offset, then
// insertion for what shares them.
void SortArrivals(std::vector<Arrival>& items, std::vector<Arrival>& scratch, uint32_t range) {
  const size_t n = items.size();
  if (n < 256) {
    std::stable_sort(items.begin(), items.end(), Before);
    return;
  }
  constexpr int kDigit = 11;
  constexpr uint32_t kRadix = 1u << kDigit;
  const int width = std::bit_width(range);
  const int shift = std::max(0, width - 2 * kDigit);
  scratch.resize(n);
  for (int pass = 0; pass < 2; ++pass) {
    const int low = shift + pass * kDigit;
    std::array<uint32_t, kRadix> place{};
    for (const Arrival& a : items) ++place[(a.offset_us >> low) & (kRadix - 1)];
    uint32_t sum = 0;
    for (uint32_t& p : place) sum += std::exchange(p, sum);
    for (const Arrival& a : items) scratch[place[(a.offset_us >> low) & (kRadix - 1)]++] = a;
    items.swap(scratch);
  }
  for (size_t i = 1; i < n; ++i) {
    const Arrival a = items[i];
    size_t j = i;
    for (; j > 0 && Before(a, items[j - 1]); --j) items[j] = items[j - 1];
    items[j] = a;
  }
}

// Draws that all sources share: per-function streams and running numbers.
class FunctionDraws {
 public:
  FunctionDraws(const Trace& trace, uint64_t seed) : seed_(seed), next_(trace.functions().size()) {
    duration_ms_.reserve(trace.functions().size());
    for (const FunctionProfile& f : trace.functions()) duration_ms_.push_back(f.duration_ms);
  }
  // A position in [0, range) and the work of the function's next invocation, from one block.
  Arrival Draw(uint32_t function, uint32_t range) {
    const RandomStream stream(seed_, StreamPurpose::kServiceTime, function);
    const auto [position, work] = stream.UniformPair(next_[function]++);
    return {static_cast<uint32_t>(position * range), function,
            WorkFromMillis(duration_ms_[function].Sample(work))};
  }

 private:
  uint64_t seed_;
  std::vector<uint64_t> next_;
  std::vector<Distribution> duration_ms_;
};

// Cuts each minute into a binary tree of halves. A function's invocations are split along it until
// few are left, which are then drawn: at the same nodes whether or not the other functions' load
// makes a batch end there, so they fall on the same times in any company.
class MinuteSource : public ArrivalSource {
 public:
  MinuteSource(const Trace& trace, const ArrivalOptions& options)
      : trace_(trace), options_(options), draws_(trace, options.seed) {}

  bool Next(ArrivalBatch& batch) override {
    while (pending_.empty()) {
      if (minute_ >= trace_.minutes()) return false;
      OpenMinute(minute_++);
    }
    // Halve the earliest part until it is small enough; its second half waits on the stack.
    while (pending_.back().total > kBatchTarget && pending_.back().length_us > 1) Halve();
    const Part part = std::move(pending_.back());
    pending_.pop_back();
    Emit(part);
    SortArrivals(items_, scratch_, part.length_us);
    batch = {SimTime::Minutes(part.minute) + SimTime::Micros(part.start_us), items_};
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
    int minute;
    uint32_t start_us, length_us;
    uint32_t node;  // in the binary tree of halves; the minute is 1
    uint64_t total = 0;
    std::vector<Count> counts;
    std::vector<Arrival> drawn;  // at a node above this part; offsets from the minute's start
  };

  static bool DrawnAt(uint32_t node, uint32_t count) {
    return count <= kDrawnAtOnce || node >= kDeepestNode;
  }

  void OpenMinute(int minute) {
    Part part{minute, 0, kMinuteUs, 1, 0, {}, {}};
    for (const MinuteCount& c : trace_.minute(minute)) {
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
    Part first{whole.minute, whole.start_us, half, whole.node * 2, 0, {}, {}};
    Part second{
        whole.minute, whole.start_us + half, whole.length_us - half, whole.node * 2 + 1, 0, {}, {}};
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
  }

  // Uniformly within [start, start + length) of the minute.
  void DrawAll(uint32_t function, uint32_t start_us, uint32_t length_us, uint32_t count,
               std::vector<Arrival>& out) {
    for (uint32_t i = 0; i < count; ++i) {
      out.push_back(draws_.Draw(function, length_us));
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
        items_.push_back(draws_.Draw(c.function, 1));
        items_.back().offset_us = EvenOffset(c, c.first + i);
      }
    }
    for (Arrival& a : items_) a.offset_us -= part.start_us;
  }

  const Trace& trace_;
  ArrivalOptions options_;
  FunctionDraws draws_;
  int minute_ = 0;
  std::vector<Part> pending_;  // the earliest part at the back
  std::vector<Arrival> items_, scratch_;
};

class TimedSource : public ArrivalSource {
 public:
  TimedSource(const Trace& trace, const ArrivalOptions& options)
      : trace_(trace), draws_(trace, options.seed) {}

  bool Next(ArrivalBatch& batch) override {
    const auto all = trace_.invocations();
    if (next_ >= all.size()) return false;
    items_.clear();
    const int64_t start = all[next_].start_us;
    while (next_ < all.size() && items_.size() < kBatchTarget) {
      const TimedInvocation& i = all[next_];
      if (i.start_us - start >= kMinuteUs) break;
      Arrival arrival = draws_.Draw(i.function, 1);
      arrival.offset_us = static_cast<uint32_t>(i.start_us - start);
      if (i.duration_us != TimedInvocation::kDrawDuration) {
        arrival.work_us = std::max<int64_t>(1, i.duration_us);
      }
      items_.push_back(arrival);
      ++next_;
    }
    batch = {SimTime::Micros(start), items_};
    return true;
  }

 private:
  const Trace& trace_;
  FunctionDraws draws_;
  size_t next_ = 0;
  std::vector<Arrival> items_;
};

class PrefetchedSource : public ArrivalSource {
 public:
  explicit PrefetchedSource(std::unique_ptr<ArrivalSource> source) : source_(std::move(source)) {
    worker_ = std::thread([this] { Work(); });
  }
  ~PrefetchedSource() override {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    worker_.join();
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
