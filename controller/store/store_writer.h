// Writes what the loop tells into the store, on a thread of its own: the loop never waits for the
// disk.
//
// What waits is bounded in memory. What finds no room, or cannot be written, is left out, counted
// and told of by an event once there is room again: never lost in silence. Transactions hold
// whatever has come in the meantime, so each tick is there whole or not at all.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/loop_records.h"
#include "controller/store/sqlite.h"
#include "controller/store/store_spec.h"
#include "core/file_lock.h"

namespace reeve {

struct StoreCounts {
  uint64_t written = 0;  // records: ticks, events, blobs
  uint64_t dropped = 0;  // no room, or not written
  uint64_t waiting = 0;
  uint64_t bytes = 0;  // of the database, as of the last look
};

class StoreWriter : public LoopSink {
 public:
  // Opens, or makes, the store; see OpenStoreForWriting and LockStore: one writer a store. Failures
  // of later writing are told to `on_failure`, on the writer's thread, once until it works again;
  // it may be empty.
  static absl::StatusOr<std::unique_ptr<StoreWriter>> Open(
      const StoreSpec& spec, std::function<void(const absl::Status&)> on_failure = {});
  // Writes what waits.
  ~StoreWriter() override;

  // The loop's thread.
  void OnTick(const TickRecord& tick) override;
  // Any thread.
  void OnEvent(const EventRecord& event) override;
  void PutBlob(const std::string& kind, const std::string& name, std::string data, int64_t wall_us);
  // Waits until everything that was given up to now is written, or left out.
  void Flush();
  StoreCounts counts() const;
  // What finds no room waits for it, in place of being left out: for simulations that run faster
  // than disks. Before the first record.
  void set_wait_for_room(bool wait) { wait_for_room_ = wait; }

 private:
  // Who a slot is.
  struct Functions {
    std::vector<LiveFunction> of_slot;  // [F]
  };
  struct DecisionRow {
    FunctionRecord record;
    uint32_t replicas_asked = 0, containers_ready = 0, containers_starting = 0;
    bool operator==(const DecisionRow&) const = default;
  };
  struct TickItem {
    int64_t wall_us;
    SimTime time;
    uint64_t tick;
    std::shared_ptr<const Functions> functions;
    std::vector<DecisionRow> decisions;
    std::vector<uint32_t> slots;     // [N] of the window's rows
    std::optional<Snapshot> window;  // [N]
  };
  struct EventItem {
    EventRecord event;  // without the function
    std::optional<LiveFunction> function;
  };
  struct BlobItem {
    std::string kind, name, data;
    int64_t wall_us;
  };
  using Item = std::variant<TickItem, EventItem, BlobItem>;

  StoreWriter(const StoreSpec& spec, SqliteDb db, FileLock lock,
              std::function<void(const absl::Status&)> failed);
  void Push(Item item, size_t bytes);

  // The writer's thread.
  void Work();
  void WriteBatch(std::deque<Item> batch);
  absl::Status Write(const std::deque<Item>& batch);
  absl::Status WriteItem(const Item& item);
  absl::Status WriteTick(const TickItem& tick);
  absl::Status WriteDecision(const TickItem& tick, const DecisionRow& row);
  absl::Status WriteEvent(const EventItem& event);
  absl::Status WriteBlob(const BlobItem& blob);
  absl::StatusOr<int64_t> KeyOf(const LiveFunction& function);
  absl::Status PrepareAll();
  void NoteWallClock(int64_t wall_us, SimTime passed);
  absl::Status Prune(int64_t now_us);
  absl::Status PruneBySize();
  absl::StatusOr<int64_t> UsedBytes();

  const StoreSpec spec_;
  const std::function<void(const absl::Status&)> on_failure_;

  // The loop's thread only.
  std::shared_ptr<const Functions> functions_;
  uint64_t generation_ = 0;
  bool wait_for_room_ = false;
  std::vector<DecisionRow> last_;  // [F] as recorded last

  // The writer's thread only.
  const FileLock lock_;
  SqliteDb db_;
  std::map<std::string, SqliteStatement> statements_;
  std::unordered_map<std::string, int64_t> keys_;  // of functions, by id
  bool failing_ = false;
  // The time by which records are forgotten: the wall clock's, but a jump forward counts only bit
  // by bit, so that one that is soon taken back costs nothing.
  int64_t now_us_ = 0, pruned_us_ = 0;
  std::optional<SimTime> last_time_;  // of the last tick, by the loop's clock

  std::atomic<uint64_t> written_ = 0, dropped_ = 0, bytes_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<Item> queue_;
  size_t queued_bytes_ = 0;
  uint64_t pushed_ = 0, done_ = 0;
  uint64_t dropped_untold_ = 0;
  bool stop_ = false;

  std::thread thread_;  // the last member: it uses all others
};

}  // namespace reeve
