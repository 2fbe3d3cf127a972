#include "controller/store/store_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "controller/store/schema.h"
#include "controller/store/window_codec.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr int64_t kPruneEveryUs = 60'000'000;
// What a wall clock that has gone forward counts for at each record: five minutes, or sixty times
// what went by on the loop's clock.
constexpr int64_t kBelievedAtOnceUs = 300'000'000;
constexpr int64_t kBelievedAsFast = 60;
constexpr size_t kWindowRowBytes = 170;  // about what a row of all columns takes

template <class T>
std::optional<int64_t> AsInt(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  if constexpr (std::is_same_v<T, SimTime>) {
    return value->micros();
  } else if constexpr (std::is_integral_v<T>) {
    return *value;
  } else {
    return value->value();
  }
}

int64_t WallNow() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void BindDecision(SqliteStatement& statement, int first, const Decision& decision) {
  statement.BindOptional(first, AsInt(decision.replicas))
      .BindOptional(first + 1, AsInt(decision.cpu_limit))
      .BindOptional(first + 2, AsInt(decision.memory_limit))
      .BindOptional(first + 3, AsInt(decision.concurrency))
      .BindOptional(first + 4, AsInt(decision.keep_alive));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreWriter>> StoreWriter::Open(
    const StoreSpec& spec, std::function<void(const absl::Status&)> on_failure) {
  ASSIGN_OR_RETURN(SqliteDb db, OpenStoreForWriting(spec.path));
  ASSIGN_OR_RETURN(FileLock lock, LockStore(spec.path, "history", "the history"));
  std::unique_ptr<StoreWriter> writer(
      new StoreWriter(spec, std::move(db), std::move(lock), std::move(on_failure)));
  RETURN_IF_ERROR(writer->PrepareAll());
  // The middle one of the last windows: what was written while the clock was wrong is no measure.
  ASSIGN_OR_RETURN(
      writer->now_us_,
      writer->db_.QueryInt("SELECT ifnull((SELECT wall_us FROM (SELECT wall_us FROM windows ORDER "
                           "BY rowid DESC LIMIT 101) ORDER BY wall_us LIMIT 1 OFFSET (SELECT "
                           "min(count(*), 101) / 2 FROM windows)), 0)"));
  writer->thread_ = std::thread([raw = writer.get()] { raw->Work(); });
  return writer;
}

StoreWriter::StoreWriter(const StoreSpec& spec, SqliteDb db, FileLock lock,
                         std::function<void(const absl::Status&)> failed)
    : spec_(spec), on_failure_(std::move(failed)), lock_(std::move(lock)), db_(std::move(db)) {}

StoreWriter::~StoreWriter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  statements_.clear();
}

// ---- the loop's side

void StoreWriter::OnTick(const TickRecord& tick) {
  if (tick.catalogue == nullptr || tick.functions.empty()) return;
  if (!functions_ || generation_ != tick.catalogue->generation) {
    functions_ = std::make_shared<const Functions>(Functions{tick.catalogue->functions});
    generation_ = tick.catalogue->generation;
    last_.resize(functions_->of_slot.size());
  }
  TickItem item{tick.wall_us, tick.time, tick.tick, functions_, {}, {}, {}};
  const FunctionWindows& w = tick.snapshot->functions;
  for (const FunctionRecord& record : tick.functions) {
    DecisionRow row{record, 0, 0, 0};
    if (record.slot < w.size()) {
      row.replicas_asked = w.replicas_asked[record.slot];
      row.containers_ready = w.containers_ready[record.slot];
      row.containers_starting = w.containers_starting[record.slot];
    }
    const bool first = tick.tick == 0;
    const bool changed = first || row != last_[record.slot] || record.applied != Decision{};
    if (spec_.decisions == KeepDecisions::kAll || changed) item.decisions.push_back(row);
    last_[record.slot] = row;
  }
  if (tick.view != nullptr && tick.view->window > SimTime()) {
    item.window = *tick.view;
    item.window->functions.histograms = nullptr;
    for (const FunctionRecord& record : tick.functions) item.slots.push_back(record.slot);
  }
  const size_t bytes = sizeof item + item.decisions.size() * sizeof(DecisionRow) +
                       item.slots.size() * kWindowRowBytes;
  Push(std::move(item), bytes);
}

void StoreWriter::OnEvent(const EventRecord& event) {
  EventItem item{event, {}};
  if (event.function != nullptr) item.function = *event.function;
  item.event.function = nullptr;
  const size_t bytes = sizeof item + event.message.size() + event.tenant.size();
  Push(std::move(item), bytes);
}

void StoreWriter::PutBlob(const std::string& kind, const std::string& name, std::string data,
                          int64_t wall_us) {
  const size_t bytes = sizeof(BlobItem) + data.size();
  Push(BlobItem{kind, name, std::move(data), wall_us}, bytes);
}

void StoreWriter::Push(Item item, size_t bytes) {
  {
    std::unique_lock lock(mutex_);
    const auto most = static_cast<size_t>(spec_.queue.value()) << 20;
    // One item always finds room, however large it is.
    const auto room = [&] { return queue_.empty() || queued_bytes_ + bytes <= most; };
    if (wait_for_room_) changed_.wait(lock, room);
    if (!room()) {
      ++dropped_untold_;
      ++dropped_;
      return;
    }
    queue_.push_back(std::move(item));
    queued_bytes_ += bytes;
    ++pushed_;
  }
  changed_.notify_all();
}

void StoreWriter::Flush() {
  std::unique_lock lock(mutex_);
  const uint64_t target = pushed_;
  changed_.wait(lock, [&] { return done_ >= target; });
}

StoreCounts StoreWriter::counts() const {
  const std::lock_guard lock(mutex_);
  return {written_, dropped_, pushed_ - done_, bytes_};
}

// ---- the writer's side

void StoreWriter::Work() {
  while (true) {
    std::deque<Item> batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) return;  // stopped, and all is written
      batch.swap(queue_);
      queued_bytes_ = 0;
      changed_.notify_all();  // there is room
      if (dropped_untold_ > 0) {
        EventRecord told;
        told.wall_us = WallNow();
        told.kind = EventKind::kStore;
        told.warning = true;
        told.message = fmt::format("{} records were not stored", dropped_untold_);
        batch.push_back(EventItem{told, {}});
        ++pushed_;
        dropped_untold_ = 0;
      }
    }
    const size_t size = batch.size();
    WriteBatch(std::move(batch));
    {
      const std::lock_guard lock(mutex_);
      done_ += size;
    }
    changed_.notify_all();
  }
}

void StoreWriter::WriteBatch(std::deque<Item> batch) {
  const absl::Status status = Write(batch);
  if (status.ok()) {
    written_ += batch.size();
    failing_ = false;
    return;
  }
  // What was begun is undone; what the keys were learned in, too.
  (void)db_.Execute("ROLLBACK");
  keys_.clear();
  dropped_ += batch.size();
  {
    const std::lock_guard lock(mutex_);
    dropped_untold_ += batch.size();
  }
  if (!std::exchange(failing_, true) && on_failure_) on_failure_(status);
}

absl::Status StoreWriter::Write(const std::deque<Item>& batch) {
  const bool must_last = std::any_of(batch.begin(), batch.end(), [](const Item& item) {
    return std::holds_alternative<BlobItem>(item);
  });
  if (must_last) RETURN_IF_ERROR(db_.Execute("PRAGMA synchronous = FULL"));
  RETURN_IF_ERROR(db_.Execute("BEGIN IMMEDIATE"));
  for (const Item& item : batch) RETURN_IF_ERROR(WriteItem(item));
  RETURN_IF_ERROR(db_.Execute("COMMIT"));
  if (must_last) RETURN_IF_ERROR(db_.Execute("PRAGMA synchronous = NORMAL"));
  if (now_us_ - pruned_us_ < kPruneEveryUs) return absl::OkStatus();
  pruned_us_ = now_us_;
  return Prune(now_us_);
}

absl::Status StoreWriter::WriteItem(const Item& item) {
  if (const auto* tick = std::get_if<TickItem>(&item)) return WriteTick(*tick);
  if (const auto* event = std::get_if<EventItem>(&item)) return WriteEvent(*event);
  return WriteBlob(std::get<BlobItem>(item));
}

absl::Status StoreWriter::PrepareAll() {
  const auto prepare = [&](const char* name, const char* sql) -> absl::Status {
    ASSIGN_OR_RETURN(SqliteStatement statement, db_.Prepare(sql));
    statements_.emplace(name, std::move(statement));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(prepare("function",
                          "INSERT INTO functions(id, name, tenant) VALUES(?, ?, ?) ON CONFLICT(id) "
                          "DO UPDATE SET name = excluded.name, tenant = excluded.tenant RETURNING "
                          "function"));
  RETURN_IF_ERROR(prepare("window", "INSERT INTO windows(wall_us, tick, data) VALUES(?, ?, ?)"));
  RETURN_IF_ERROR(prepare("decision",
                          "INSERT INTO decisions VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                          "?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  RETURN_IF_ERROR(prepare("event", "INSERT INTO events VALUES(?, ?, ?, ?, ?, ?)"));
  return prepare("blob", "INSERT OR REPLACE INTO blobs VALUES(?, ?, ?, ?, ?)");
}

absl::StatusOr<int64_t> StoreWriter::KeyOf(const LiveFunction& function) {
  const auto found = keys_.find(function.id);
  if (found != keys_.end()) return found->second;
  SqliteStatement& statement = statements_.at("function");
  statement.Bind(1, std::string_view(function.id))
      .Bind(2, std::string_view(function.name))
      .Bind(3, std::string_view(function.tenant));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::InternalError(db_.path() + ": a function was not stored");
  const int64_t key = statement.Int(0);
  RETURN_IF_ERROR(statement.Run());
  keys_[function.id] = key;
  return key;
}

absl::Status StoreWriter::WriteTick(const TickItem& tick) {
  const SimTime before = std::exchange(last_time_, tick.time).value_or(tick.time);
  NoteWallClock(tick.wall_us, tick.time - before);
  for (const DecisionRow& row : tick.decisions) RETURN_IF_ERROR(WriteDecision(tick, row));
  if (!tick.window) return absl::OkStatus();
  std::vector<int64_t> keys;
  keys.reserve(tick.slots.size());
  for (const uint32_t slot : tick.slots) {
    ASSIGN_OR_RETURN(keys.emplace_back(), KeyOf(tick.functions->of_slot[slot]));
  }
  return statements_.at("window")
      .Bind(1, tick.wall_us)
      .Bind(2, static_cast<int64_t>(tick.tick))
      .BindBlob(3, EncodeWindow(*tick.window, keys))
      .Run();
}

absl::Status StoreWriter::WriteDecision(const TickItem& tick, const DecisionRow& row) {
  const FunctionRecord& record = row.record;
  ASSIGN_OR_RETURN(const int64_t key, KeyOf(tick.functions->of_slot[record.slot]));
  SqliteStatement& s = statements_.at("decision");
  s.Bind(1, tick.wall_us).Bind(2, static_cast<int64_t>(tick.tick)).Bind(3, key);
  s.Bind(4, NameOf(record.mode.mode)).Bind(5, int64_t{record.mode.paused});
  s.Bind(6, int64_t{record.ours}).Bind(7, NameOf(record.stage)).Bind(8, NameOf(record.decider));
  s.Bind(9, record.why).Bind(10, NameOf(record.actuation));
  BindDecision(s, 11, record.wished);
  BindDecision(s, 16, record.applied);
  s.Bind(21, int64_t{row.replicas_asked}).Bind(22, int64_t{row.containers_ready});
  s.Bind(23, int64_t{row.containers_starting});
  return s.Run();
}

absl::Status StoreWriter::WriteEvent(const EventItem& item) {
  NoteWallClock(item.event.wall_us, SimTime());
  std::optional<int64_t> key;
  if (item.function) {
    ASSIGN_OR_RETURN(key, KeyOf(*item.function));
  }
  return statements_.at("event")
      .Bind(1, item.event.wall_us)
      .Bind(2, NameOf(item.event.kind))
      .Bind(3, int64_t{item.event.warning})
      .BindOptional(4, key)
      .Bind(5, std::string_view(item.event.tenant))
      .Bind(6, std::string_view(item.event.message))
      .Run();
}

absl::Status StoreWriter::WriteBlob(const BlobItem& blob) {
  return statements_.at("blob")
      .Bind(1, std::string_view(blob.kind))
      .Bind(2, std::string_view(blob.name))
      .Bind(3, blob.wall_us)
      .Bind(4, BlobChecksum(blob.data))
      .BindBlob(5, blob.data)
      .Run();
}

// ---- forgetting

void StoreWriter::NoteWallClock(int64_t wall_us, SimTime passed) {
  if (now_us_ == 0) now_us_ = wall_us;  // the store is empty
  const int64_t ahead = std::max(kBelievedAtOnceUs, passed.micros() * kBelievedAsFast);
  // Back no faster than time goes by: at a time that is behind, what was written before would seem
  // to be of another one, and what a wrong clock has dated the oldest that is young enough.
  now_us_ += std::clamp(wall_us - now_us_, -passed.micros(), ahead);
  pruned_us_ = std::min(pruned_us_, now_us_);
}

absl::Status StoreWriter::Prune(int64_t now_us) {
  // Older than the oldest that is young enough, in the order of writing: what a wall clock that was
  // wrong for a while has dated falsely is as old as its neighbours. SimTime::Max() would overflow:
  // nothing is that old.
  const auto forget = [&](const char* table, SimTime age) {
    const int64_t oldest = age.micros() >= now_us ? 0 : now_us - age.micros();
    return db_.Execute(
        fmt::format("DELETE FROM {0} WHERE rowid < (SELECT min(rowid) FROM {0} WHERE wall_us "
                    "BETWEEN {1} AND {2})",
                    table, oldest, now_us + kPruneEveryUs));
  };
  RETURN_IF_ERROR(db_.Execute("BEGIN IMMEDIATE"));
  RETURN_IF_ERROR(forget("windows", spec_.keep_windows));
  RETURN_IF_ERROR(forget("decisions", spec_.keep));
  RETURN_IF_ERROR(forget("events", spec_.keep));
  RETURN_IF_ERROR(db_.Execute("COMMIT"));
  RETURN_IF_ERROR(PruneBySize());
  RETURN_IF_ERROR(db_.Execute("PRAGMA incremental_vacuum"));
  ASSIGN_OR_RETURN(const int64_t used, UsedBytes());
  bytes_ = static_cast<uint64_t>(used);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> StoreWriter::UsedBytes() {
  ASSIGN_OR_RETURN(const int64_t pages, db_.QueryInt("PRAGMA page_count"));
  ASSIGN_OR_RETURN(const int64_t free, db_.QueryInt("PRAGMA freelist_count"));
  ASSIGN_OR_RETURN(const int64_t size, db_.QueryInt("PRAGMA page_size"));
  return (pages - free) * size;
}

// A tenth of a table at a time, the oldest first, until it fits. Blobs never go, and however large
// they are, they cost the other tables nothing.
absl::Status StoreWriter::PruneBySize() {
  ASSIGN_OR_RETURN(const int64_t blobs,
                   db_.QueryInt("SELECT ifnull(sum(length(data)), 0) FROM blobs"));
  for (const char* table : {"windows", "decisions", "events"}) {
    while (true) {
      ASSIGN_OR_RETURN(const int64_t used, UsedBytes());
      if (used - blobs <= spec_.max_size.value() << 20) return absl::OkStatus();
      ASSIGN_OR_RETURN(const int64_t rows,
                       db_.QueryInt(fmt::format("SELECT count(*) FROM {}", table)));
      if (rows == 0) break;
      RETURN_IF_ERROR(db_.Execute(
          fmt::format("DELETE FROM {0} WHERE rowid IN (SELECT rowid FROM {0} ORDER BY wall_us, "
                      "rowid LIMIT {1})",
                      table, rows / 10 + 1)));
    }
  }
  return absl::OkStatus();
}

}  // namespace reeve
