#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include "controller/store/schema.h"
#include "controller/store/store_reader.h"
#include "controller/store/store_writer.h"
#include "controller/store/window_codec.h"
#include "core/random.h"
#include "tests/controller/fake_platform.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("reeve_store_" + std::to_string(getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    spec_.path = (folder_ / "reeve.db").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  StoreSpec spec_;
};

// Ticks of two functions: tick k has k arrivals of a, and the wish of k replicas.
struct Ticks {
  Ticks() {
    for (const char* name : {"a", "b"}) {
      LiveFunction function;
      function.id = std::string("id/") + name;
      function.name = name;
      function.tenant = std::string("tenant-") + name;
      catalogue.functions.push_back(function);
    }
    catalogue.generation = 1;
    snapshot.functions.Resize(2);
    records.resize(2);
    records[1].slot = 1;
    status.resize(2);
  }
  TickRecord At(uint64_t k) {
    snapshot.window = SimTime::Seconds(2);
    snapshot.functions.arrivals[0] = static_cast<uint32_t>(k);
    snapshot.functions.latency_p99_ms[0] = static_cast<float>(k) / 8;
    snapshot.functions.containers_ready = {1, 0};
    records[0].wished.replicas = static_cast<int32_t>(k);
    records[0].decider = Decider::kPolicy;
    TickRecord tick;
    tick.tick = k;
    tick.wall_us = 1'700'000'000'000'000 + static_cast<int64_t>(k) * 2'000'000;
    tick.catalogue = &catalogue;
    tick.snapshot = tick.view = &snapshot;
    tick.functions = records;
    tick.status = status;
    return tick;
  }
  Catalogue catalogue;
  Snapshot snapshot;
  std::vector<FunctionRecord> records;
  std::vector<FunctionStatus> status;
};

std::vector<std::string> ColumnOf(const Table& table, std::string_view key) {
  std::vector<std::string> out;
  for (size_t c = 0; c < table.columns().size(); ++c) {
    if (table.columns()[c].key != key) continue;
    for (const auto& row : table.rows()) out.push_back(row[c].value);
  }
  return out;
}

TEST_F(StoreTest, WhatWasToldCanBeRead) {
  Ticks ticks;
  {
    auto store = StoreWriter::Open(spec_);
    ASSERT_TRUE(store.ok()) << store.status();
    for (uint64_t k = 0; k < 5; ++k) (*store)->OnTick(ticks.At(k));
    EventRecord event;
    event.wall_us = 1'700'000'001'000'000;
    event.kind = EventKind::kTrust;
    event.warning = true;
    event.function = &ticks.catalogue.functions[1];
    event.tenant = "tenant-b";
    event.message = "hold: stale";
    (*store)->OnEvent(event);
    (*store)->PutBlob("expert", "night", std::string("\0\x01zz", 4), 5);
    (*store)->Flush();
    EXPECT_EQ((*store)->counts().written, 7u);
    EXPECT_EQ((*store)->counts().dropped, 0u);
  }
  auto log = ReadLog(spec_.path, {});
  ASSERT_TRUE(log.ok()) << log.status();
  // b changed never after the first tick.
  EXPECT_THAT(ColumnOf(*log, "function"), ElementsAre("a", "b", "a", "a", "a", "a"));
  EXPECT_THAT(ColumnOf(*log, "time"),
              ::testing::Contains("2023-11-14T22:13:28.000Z"));  // 1.7e9 s, and 8 s
  auto last = ReadLog(spec_.path, {.kind = LogKind::kDecisions,
                                   .tenant = "tenant-a",
                                   .function = "",
                                   .since_us = {},
                                   .until_us = 1'700'000'006'000'000,
                                   .limit = 2});
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_THAT(ColumnOf(*last, "wished_replicas"), ElementsAre("2", "3"));
  auto windows = ReadLog(spec_.path, {.kind = LogKind::kWindows,
                                      .tenant = "",
                                      .function = "a",
                                      .since_us = 1'700'000'006'000'000,
                                      .until_us = {},
                                      .limit = 0});
  ASSERT_TRUE(windows.ok()) << windows.status();
  EXPECT_THAT(ColumnOf(*windows, "arrivals"), ElementsAre("3", "4"));
  auto events = ReadLog(spec_.path, {.kind = LogKind::kEvents,
                                     .tenant = "tenant-b",
                                     .function = "b",
                                     .since_us = {},
                                     .until_us = {},
                                     .limit = 50});
  ASSERT_TRUE(events.ok()) << events.status();
  EXPECT_THAT(ColumnOf(*events, "message"), ElementsAre("hold: stale"));
  auto blob = ReadBlob(spec_.path, "expert", "night");
  ASSERT_TRUE(blob.ok()) << blob.status();
  EXPECT_EQ(**blob, std::string("\0\x01zz", 4));
  EXPECT_FALSE(ReadBlob(spec_.path, "expert", "day")->has_value());
  auto nobody = ReadLog(spec_.path, {.kind = LogKind::kEvents,
                                     .tenant = "nobody",
                                     .function = "",
                                     .since_us = {},
                                     .until_us = {},
                                     .limit = 50});
  EXPECT_EQ(nobody.status().code(), absl::StatusCode::kNotFound);
}

TEST_F(StoreTest, HistoryIsTheLastWindows) {
  Ticks ticks;
  {
    auto store = StoreWriter::Open(spec_);
    ASSERT_TRUE(store.ok());
    for (uint64_t k = 0; k < 9; ++k) (*store)->OnTick(ticks.At(k));
  }
  auto history = ReadHistory(spec_.path, 3);
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->size(), 3u);
  EXPECT_EQ((*history)[0].snapshot.functions.arrivals[0], 6u);
  EXPECT_EQ((*history)[2].snapshot.functions.latency_p99_ms[0], 1.0F);
  EXPECT_EQ((*history)[2].snapshot.window, SimTime::Seconds(2));
  EXPECT_THAT((*history)[2].ids, ElementsAre("id/a"));  // b did nothing and has nothing
  EXPECT_TRUE(ReadHistory((folder_ / "none.db").string(), 3)->empty());
}

TEST_F(StoreTest, WhatIsNotOurStoreIsRefused) {
  std::filesystem::create_directories(folder_);
  {
    auto db = SqliteDb::Open(spec_.path, SqliteDb::Access::kReadWrite);
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE(db->Execute("CREATE TABLE other(x)").ok());
  }
  EXPECT_EQ(StoreWriter::Open(spec_).status().code(), absl::StatusCode::kFailedPrecondition);
  const std::string noise = (folder_ / "noise.db").string();
  FILE* file = std::fopen(noise.c_str(), "wb");
  for (int i = 0; i < 10000; ++i) std::fputc(i * 37 % 251, file);
  std::fclose(file);
  EXPECT_EQ(OpenStoreForReading(noise).status().code(), absl::StatusCode::kDataLoss);
  const std::string newer = (folder_ / "newer.db").string();
  {
    auto db = OpenStoreForWriting(newer);
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE(db->Execute("PRAGMA user_version = 2").ok());
  }
  EXPECT_THAT(std::string(OpenStoreForWriting(newer).status().message()), HasSubstr("version 2"));
}

TEST_F(StoreTest, AStoreHasOneWriterAtATime) {
  const std::string link = (folder_ / "link.db").string();
  {
    const auto first = StoreWriter::Open(spec_);
    ASSERT_TRUE(first.ok()) << first.status();
    std::filesystem::create_symlink(spec_.path, link);
    for (const std::string& path : {spec_.path, link}) {
      StoreSpec same = spec_;
      same.path = path;
      const auto second = StoreWriter::Open(same);
      EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
      EXPECT_THAT(std::string(second.status().message()),
                  HasSubstr("another process has the history"));
    }
    EXPECT_TRUE(OpenStoreForReading(spec_.path).ok());
  }
  EXPECT_TRUE(StoreWriter::Open(spec_).ok());
}

TEST_F(StoreTest, AFullQueueDropsCountsAndTells) {
  Ticks ticks;
  spec_.queue = Mebibytes(1);
  spec_.keep = SimTime::Hours(24 * 365 * 100);  // the times below are long ago
  auto store = StoreWriter::Open(spec_);
  ASSERT_TRUE(store.ok());
  {
    // Somebody else holds the store, so that nothing can be written.
    auto other = SqliteDb::Open(spec_.path, SqliteDb::Access::kReadWrite);
    ASSERT_TRUE(other.ok());
    ASSERT_TRUE(other->Execute("BEGIN EXCLUSIVE").ok());
    const std::string large(200'000, 'x');
    EventRecord event;
    event.wall_us = 1'700'000'000'000'000;
    event.message = large;
    for (int i = 0; i < 60; ++i) (*store)->OnEvent(event);
    EXPECT_GT((*store)->counts().dropped, 0u);
    ASSERT_TRUE(other->Execute("COMMIT").ok());
  }
  (*store)->Flush();
  (*store)->OnTick(ticks.At(1));
  (*store)->Flush();
  const StoreCounts counts = (*store)->counts();
  store->reset();
  auto events = ReadLog(spec_.path, {.kind = LogKind::kEvents,
                                     .tenant = "",
                                     .function = "",
                                     .since_us = {},
                                     .until_us = {},
                                     .limit = 0});
  ASSERT_TRUE(events.ok());
  uint64_t told = 0, kept = 0;
  for (const std::string& message : ColumnOf(*events, "message")) {
    uint64_t count = 0;
    if (std::sscanf(message.c_str(), "%lu records were not stored", &count) == 1) {
      told += count;
    } else {
      ++kept;
    }
  }
  EXPECT_EQ(told, counts.dropped);
  EXPECT_EQ(kept + told, 60u);
}

TEST_F(StoreTest, OldRecordsAreForgottenAndSpaceGivenBack) {
  Ticks ticks;
  spec_.keep = SimTime::Seconds(200);
  spec_.keep_windows = SimTime::Seconds(100);
  {
    auto store = StoreWriter::Open(spec_);
    ASSERT_TRUE(store.ok());
    for (uint64_t k = 0; k <= 500; ++k) {
      (*store)->OnTick(ticks.At(k));
      if (k % 25 == 0) (*store)->Flush();
    }
  }
  auto db = OpenStoreForReading(spec_.path);
  ASSERT_TRUE(db.ok());
  // Looked at once a minute: what is a minute too old may still be there.
  EXPECT_LE(*db->QueryInt("SELECT count(*) FROM windows"), 50 + 31);
  EXPECT_GE(*db->QueryInt("SELECT count(*) FROM windows"), 50);
  EXPECT_LE(*db->QueryInt("SELECT count(*) FROM decisions"), 100 + 31);
  EXPECT_LT(*db->QueryInt("PRAGMA freelist_count"), 50);
}

// A wall clock that is wrong for a while makes nothing old, nor is what came then the newest.
TEST_F(StoreTest, AWallClockThatJumpsCostsNoRecord) {
  Ticks ticks;
  spec_.keep = spec_.keep_windows = SimTime::Hours(2);
  constexpr int64_t kYear = int64_t{365} * 24 * 3600 * 1'000'000;
  for (uint64_t life = 0; life < 4; ++life) {
    auto store = StoreWriter::Open(spec_);
    ASSERT_TRUE(store.ok());
    for (uint64_t k = life * 30; k < life * 30 + 30; ++k) {
      TickRecord tick = ticks.At(k);
      tick.time = SimTime::Seconds(2) * static_cast<int64_t>(k);
      if (k % 30 >= 10 && k % 30 < 15) tick.wall_us += life % 2 == 0 ? kYear : -kYear;
      (*store)->OnTick(tick);
      (*store)->Flush();
    }
  }
  auto history = ReadHistory(spec_.path, 1000);
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->size(), 120u);
  for (uint64_t k = 0; k < 120; ++k) {
    EXPECT_EQ((*history)[k].snapshot.functions.arrivals[0], k);
  }
  // A clock that stays ahead is believed in the end.
  auto store = StoreWriter::Open(spec_);
  ASSERT_TRUE(store.ok());
  for (uint64_t k = 120; k < 200; ++k) {
    TickRecord tick = ticks.At(k);
    tick.time = SimTime::Seconds(2) * static_cast<int64_t>(k);
    tick.wall_us += int64_t{4} * 3600 * 1'000'000;
    (*store)->OnTick(tick);
    (*store)->Flush();
  }
  store->reset();
  history = ReadHistory(spec_.path, 1000);
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(history->size(), 80u);
}

// A little behind: what it dates is young enough, and what was written before seems to be to come.
TEST_F(StoreTest, AWallClockThatIsBehindForAWhileCostsNoRecord) {
  Ticks ticks;
  spec_.keep = spec_.keep_windows = SimTime::Hours(2);
  auto store = StoreWriter::Open(spec_);
  ASSERT_TRUE(store.ok());
  for (uint64_t k = 0; k < 60; ++k) {
    TickRecord tick = ticks.At(k);
    tick.time = SimTime::Seconds(2) * static_cast<int64_t>(k);
    if (k >= 40 && k < 45) tick.wall_us -= int64_t{25} * 60 * 1'000'000;
    (*store)->OnTick(tick);
    (*store)->Flush();
  }
  store->reset();
  const auto history = ReadHistory(spec_.path, 1000);
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(history->size(), 60u);
}

// The loop's clock does not begin at nought: what it shows at the first tick has not gone by.
TEST_F(StoreTest, AStartWhileTheWallClockIsWrongCostsNoRecord) {
  Ticks ticks;
  spec_.keep = spec_.keep_windows = SimTime::Hours(2);
  for (uint64_t life = 0; life < 2; ++life) {
    auto store = StoreWriter::Open(spec_);
    ASSERT_TRUE(store.ok());
    for (uint64_t k = life * 60; k < life * 60 + 60; ++k) {
      TickRecord tick = ticks.At(k);
      tick.time = SimTime::Hours(1000) + SimTime::Seconds(2) * static_cast<int64_t>(k);
      if (k >= 60 && k < 65) tick.wall_us += int64_t{365} * 24 * 3600 * 1'000'000;
      (*store)->OnTick(tick);
      (*store)->Flush();
    }
  }
  const auto history = ReadHistory(spec_.path, 1000);
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(history->size(), 120u);
}

TEST_F(StoreTest, SizeIsKeptByForgettingTheOldest) {
  spec_.max_size = Mebibytes(4);
  {
    auto store = StoreWriter::Open(spec_);
    ASSERT_TRUE(store.ok());
    EventRecord event;
    event.message = std::string(50'000, 'x');
    for (int i = 0; i < 300; ++i) {
      event.wall_us = 1'700'000'000'000'000 + i * 1'000'000;
      event.tenant = std::to_string(i);
      (*store)->OnEvent(event);
      if (i % 10 == 9) (*store)->Flush();
    }
  }
  auto db = OpenStoreForReading(spec_.path);
  ASSERT_TRUE(db.ok());
  // 15 MB were written; at most 4 MiB and what came within the last minute are left.
  EXPECT_LT(*db->QueryInt("SELECT count(*) FROM events"), 85 + 75);
  EXPECT_EQ(*db->QueryInt("SELECT count(*) FROM events WHERE tenant = '299'"), 1);
  EXPECT_EQ(*db->QueryInt("SELECT count(*) FROM events WHERE tenant = '0'"), 0);
}

// Writers killed at random moments: what is there is whole, and in order from the beginning.
TEST_F(StoreTest, SurvivesBeingKilled) {
  uint64_t seen = 0;
  spec_.keep = spec_.keep_windows = SimTime::Hours(24 * 365 * 10);
  const RandomStream random(7, StreamPurpose::kFailure, 0);
  for (uint64_t round = 0; round < 12; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Ticks ticks;
      auto store = StoreWriter::Open(spec_);
      if (!store.ok()) _exit(3);
      for (uint64_t k = round * 1'000'000;; ++k) {
        (*store)->OnTick(ticks.At(k));
        (*store)->PutBlob("state", "last", std::string(3000, static_cast<char>('a' + k % 26)), 1);
        if (k % 16 == 0) (*store)->Flush();
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20'000 + random.Below(round, 60'000)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);
  }
  auto db = SqliteDb::Open(spec_.path, SqliteDb::Access::kReadWrite);
  ASSERT_TRUE(db.ok()) << db.status();
  auto check = db->Prepare("PRAGMA integrity_check");
  ASSERT_TRUE(check.ok() && *check->Step());
  EXPECT_EQ(check->Text(0), "ok");
  if (auto tables = db->QueryInt("SELECT count(*) FROM sqlite_master WHERE name = 'windows'");
      *tables == 0) {
    GTEST_SKIP() << "this machine was too slow to write anything";
  }
  auto windows = db->Prepare("SELECT tick, data FROM windows ORDER BY rowid");
  ASSERT_TRUE(windows.ok());
  uint64_t last = UINT64_MAX;
  while (*windows->Step()) {
    const auto tick = static_cast<uint64_t>(windows->Int(0));
    const auto window = DecodeWindow(windows->Blob(1));
    ASSERT_TRUE(window.ok()) << window.status();
    EXPECT_EQ(window->snapshot.functions.arrivals[0], static_cast<uint32_t>(tick));
    // Nothing is missing within a life.
    if (tick % 1'000'000 != 0) {
      EXPECT_EQ(tick, last + 1);
    }
    last = tick;
    ++seen;
  }
  // A tick's decisions are there with its window, or neither is.
  EXPECT_EQ(*db->QueryInt("SELECT count(*) FROM windows w WHERE NOT EXISTS (SELECT 1 FROM "
                          "decisions d WHERE d.tick = w.tick AND d.function = 1)"),
            0);
  EXPECT_EQ(*db->QueryInt("SELECT count(*) FROM decisions d WHERE NOT EXISTS (SELECT 1 FROM "
                          "windows w WHERE d.tick = w.tick)"),
            0);
  EXPECT_TRUE(ReadBlob(spec_.path, "state", "last").ok());
  EXPECT_GT(seen, 0u);
}

TEST(WindowCodecTest, DamageIsFound) {
  Ticks ticks;
  const TickRecord tick = ticks.At(8);
  const std::vector<int64_t> keys = {11, 12};
  const std::string bytes = EncodeWindow(*tick.view, keys);
  const auto whole = DecodeWindow(bytes);
  ASSERT_TRUE(whole.ok());
  EXPECT_THAT(whole->keys, ElementsAre(11));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(DecodeWindow(damaged).ok()) << i;
    EXPECT_FALSE(DecodeWindow(std::string_view(bytes).substr(0, i)).ok()) << i;
  }
}

}  // namespace
}  // namespace reeve
