#include "controller/openwhisk/tenant_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <map>

#include "controller/openwhisk/activation_ledger.h"
#include "core/files.h"
#include "core/random.h"
#include "tests/controller/openwhisk/fake_whisk.h"

namespace reeve {
namespace {

class TenantSourceTest : public ::testing::Test {
 protected:
  TenantSourceTest() {
    EXPECT_TRUE(WriteFileAtomically(file_, FakeWhisk::kKey).ok());
    config_.endpoint = whisk_.url();
    config_.assumed.keep_alive = SimTime::Minutes(10);
  }
  ~TenantSourceTest() override { std::filesystem::remove(file_); }
  TenantSource& Source() {
    if (source_ == nullptr) {
      source_ = std::make_unique<TenantSource>(
          WhiskTenantSpec{}, config_, true,
          WhiskClientOptions{config_.endpoint, nullptr, SimTime::Seconds(2), {}, 1}, key_, clock_);
    }
    return *source_;
  }
  TenantRound Read() {
    std::vector<TenantRound> rounds = Source().Collect(clock_.Now(), SimTime::Seconds(2), {});
    EXPECT_EQ(rounds.size(), 1u);
    return std::move(rounds.front());
  }
  int64_t NowMs() { return clock_.WallNow().micros() / 1000; }

  const std::string file_ =
      ::testing::TempDir() + "/reeve_tenant_source_" + std::to_string(getpid());
  FakeWhisk whisk_;
  ManualClock clock_;
  OpenWhiskConfig config_;
  WhiskKey key_{file_, clock_};
  std::unique_ptr<TenantSource> source_;
};

TEST_F(TenantSourceTest, ReadsActionsBoundsAndRecords) {
  whisk_.SetLimits({{"maxActionMemory", 384}, {"maxActionConcurrency", 5}});
  for (int i = 0; i < 450; ++i) whisk_.AddAction("a" + std::to_string(i));
  whisk_.AddRecord({.path = "a1", .start_ms = NowMs() - 500, .end_ms = NowMs() - 100});
  const TenantRound round = Read();
  ASSERT_TRUE(round.status.ok()) << round.status;
  EXPECT_EQ(round.ns, "guest");
  ASSERT_TRUE(round.actions);
  EXPECT_EQ(round.actions->size(), 450u);  // three pages
  EXPECT_EQ(round.bounds.max_memory, Mebibytes(384));
  EXPECT_EQ(round.bounds.min_memory, Mebibytes(128));
  EXPECT_EQ(round.bounds.max_concurrency, 5);
  EXPECT_EQ(round.activations.size(), 1u);
  // Actions are not listed each time.
  clock_.Advance(SimTime::Seconds(2));
  EXPECT_FALSE(Read().actions);
  Source().ListActionsSoon();
  EXPECT_TRUE(Read().actions);
  clock_.Advance(config_.actions_period);
  EXPECT_TRUE(Read().actions);
}

TEST_F(TenantSourceTest, AServerThatTellsNoBoundsIsReadAllTheSame) {
  whisk_.AddAction("hello");
  whisk_.SetHooks([](const ScriptedRequest& request) -> std::optional<ScriptedReply> {
    if (request.path != "/" && request.path.find("/limits") == std::string::npos)
      return std::nullopt;
    return WhiskError(404, "The requested resource does not exist.");
  });
  const TenantRound round = Read();
  ASSERT_TRUE(round.status.ok()) << round.status;
  EXPECT_FALSE(round.bounds.max_memory);
  EXPECT_EQ(round.actions->size(), 1u);
}

// Ten a second for two minutes of 0 to 8 s, and now and then one of 50 s; records appear a
// second and a half after their end (settle is 3 s), a few half a minute late.
TEST_F(TenantSourceTest, EveryActivationIsCountedOnceWheneverItsRecordComes) {
  whisk_.AddAction("hello");
  config_.activations.page = 50;
  config_.activations.sweep = SimTime::Seconds(20);
  RandomCursor random(RandomStream(3, StreamPurpose::kArrivals, 0));
  struct Coming {
    FakeWhisk::Record record;
    int64_t visible_ms;
  };
  std::multimap<int64_t, FakeWhisk::Record> coming;  // by when they are there
  const int64_t begin = NowMs();
  size_t total = 0;
  for (int64_t at = begin + 10; at < begin + 120'000; at += 100) {
    const double long_one = random.Uniform();
    const auto length = static_cast<int64_t>(long_one < 0.005 ? 50'000 : 8000 * random.Uniform());
    const int64_t late = random.Uniform() < 0.01 ? 30'000 : 1500;
    coming.emplace(at + length + late,
                   FakeWhisk::Record{.path = "hello", .start_ms = at, .end_ms = at + length});
    ++total;
  }
  ActivationLedger ledger(SimTime::Minutes(10));
  uint64_t arrivals = 0, completions = 0, read = 0;
  for (int i = 0; i < 130; ++i) {
    while (!coming.empty() && coming.begin()->first <= NowMs()) {
      whisk_.AddRecord(coming.begin()->second);
      coming.erase(coming.begin());
    }
    const TenantRound round = Read();
    ASSERT_TRUE(round.status.ok()) << round.status;
    if (round.actions) ledger.SetAction("hello", "0.0.1", 1);
    ledger.Add(round.activations, std::numeric_limits<int64_t>::min());
    ledger.ForgetBefore(round.forget_before_ms);
    const ActionFigures figures = ledger.Take("hello", NowMs() - 2000, NowMs());
    arrivals += figures.arrivals;
    completions += figures.completions;
    read += round.activations.size();
    clock_.Advance(SimTime::Seconds(2));
  }
  ASSERT_TRUE(coming.empty());
  EXPECT_EQ(arrivals, total);
  EXPECT_EQ(completions, total);
  // And not by reading all each time, which would be 60 rounds of what there is so far and 70 of
  // all, 100 times the total: a round reads as far back as recent activations took, and all in a
  // sweep.
  EXPECT_LT(read, 50 * total);
}

TEST_F(TenantSourceTest, MoreThanCanBeReadIsSaidAndNotCutShort) {
  whisk_.AddAction("hello");
  config_.activations.page = 10;
  config_.activations.max_pages = 3;
  ASSERT_TRUE(Read().status.ok());
  clock_.Advance(SimTime::Seconds(2));
  for (int i = 0; i < 31; ++i) {
    whisk_.AddRecord({.path = "hello", .start_ms = NowMs() - 100, .end_ms = NowMs() - 50});
  }
  const TenantRound round = Read();
  EXPECT_TRUE(absl::IsResourceExhausted(round.status)) << round.status;
  EXPECT_TRUE(round.activations.empty());
  config_.activations.max_pages = 4;
  EXPECT_EQ(Read().activations.size(), 31u);
}

TEST_F(TenantSourceTest, AThreadReadsBeforeItIsAsked) {
  whisk_.AddAction("hello");
  source_ = std::make_unique<TenantSource>(
      WhiskTenantSpec{}, config_, true,
      WhiskClientOptions{config_.endpoint, nullptr, SimTime::Seconds(2), {}, 1}, key_,
      NetClock::Real());
  source_->Start();
  NetClock& real = NetClock::Real();
  std::vector<TenantRound> rounds =
      source_->Collect(real.Now(), SimTime::Millis(200), SimTime::Seconds(10));
  ASSERT_EQ(rounds.size(), 1u);
  EXPECT_TRUE(rounds[0].status.ok()) << rounds[0].status;
  rounds = source_->Collect(real.Now(), SimTime::Millis(200), SimTime::Seconds(10));
  ASSERT_FALSE(rounds.empty());
  EXPECT_TRUE(rounds[0].status.ok());
  source_->Stop();
}

}  // namespace
}  // namespace reeve
