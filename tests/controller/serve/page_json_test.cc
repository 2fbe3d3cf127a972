// What the page is told: recent windows and events, the last tick, why.
#include "controller/serve/page_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <limits>
#include <thread>

#include "controller/serve/recent_past.h"
#include "controller/serve/stored_past.h"
#include "controller/store/store_writer.h"
#include "tests/controller/fake_platform.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Json = nlohmann::json;

// Three functions of two tenants, and the past that is kept of them.
class RecentPastTest : public ::testing::Test {
 protected:
  RecentPastTest() : f_({"t", "u", "t"}, ControlMode::kShadow) {
    f_.options.sinks = {&past_};
    facts_.instance = "i";
    facts_.policy = "fake";
    facts_.period = SimTime::Seconds(2);
  }
  // Numbers of function `slot`: so many requests in flight, and half of them missed the objective.
  void Load(size_t slot, uint32_t requests) {
    FunctionWindows& w = f_.platform.numbers.functions;
    w.arrivals[slot] = w.completions[slot] = requests;
    w.slo_violations[slot] = requests / 2;
    w.mean_in_flight[slot] = requests;
    w.containers_ready[slot] = 2;
    w.latency_p50_ms[slot] = w.latency_p95_ms[slot] = w.latency_p99_ms[slot] =
        static_cast<float>(10 * requests);
    w.execution_p50_ms[slot] = w.execution_p95_ms[slot] = w.execution_p99_ms[slot] = 1;
    w.slo_latency[slot] = SimTime::Millis(50);
    f_.platform.cat.functions[slot].slo_latency = SimTime::Millis(50);
  }
  Json Live(std::optional<uint64_t> seen = {}, const std::string& names = "") const {
    return LiveJson(facts_, {}, f_.loop->state().get(), past_.Newest().get(), SimTime(), seen,
                    names);
  }
  Json History(const std::string& id, uint64_t since = 0) const {
    return FunctionHistoryJson(facts_, past_, id, since);
  }

  LoopFixture f_;
  RecentPast past_{1 << 20};
  PageFacts facts_;
};

TEST_F(RecentPastTest, ATickIsToldInColumns) {
  ASSERT_TRUE(f_.Run(3, [&](int n) {
                  Load(0, 4 * static_cast<uint32_t>(n));
                  Load(1, 6);
                }).ok());
  const Json live = Live();
  EXPECT_EQ(live["seq"], 2);
  EXPECT_EQ(live["names"]["id"], (Json{"id/a", "id/b", "id/c"}));
  EXPECT_EQ(live["names"]["tenant"], (Json{"t", "u", "t"}));
  EXPECT_EQ(live["names"]["slo_ms"], (Json{50, 50, nullptr}));
  EXPECT_EQ(live["functions"]["arrivals"], (Json{12, 6, 0}));
  EXPECT_EQ(live["functions"]["latency_p99_ms"], (Json{120, 60, nullptr}));
  EXPECT_EQ(live["functions"]["replicas_wished"], (Json{3, 3, 3}));
  EXPECT_EQ(live["functions"]["decided_by"], (Json{"policy", "policy", "policy"}));
  EXPECT_EQ(live["functions"]["why"], (Json{"shadow", "shadow", "shadow"}));
  EXPECT_EQ(live["cluster"]["arrivals"], 18);
  EXPECT_EQ(live["cluster"]["slo_violations"], 9);
  EXPECT_EQ(live["cluster"]["containers_ready"], 4);
  EXPECT_EQ(live["cluster"]["over_objective"], 2);
  EXPECT_EQ(live["cluster"]["slowest_p99_ms"], 120);
  EXPECT_EQ(live["cluster"]["latency_p99_ms"], nullptr);  // this platform has no histograms
  EXPECT_EQ(live["cluster"]["window_seconds"], 2);
}

// Who has seen the newest is told next to nothing; who knows the names is not told them again.
TEST_F(RecentPastTest, OnlyWhatIsNewIsTold) {
  ASSERT_TRUE(f_.Run(2).ok());
  const Json all = Live();
  const Json same = Live(all["seq"].get<uint64_t>(), all["names_key"]);
  EXPECT_FALSE(same.contains("functions"));
  EXPECT_FALSE(same.contains("cluster"));
  EXPECT_TRUE(same.contains("age_seconds"));
  const Json next = Live(0, all["names_key"]);
  EXPECT_FALSE(next.contains("names"));
  EXPECT_TRUE(next.contains("functions"));
  EXPECT_TRUE(Live(0, "another")["names"].is_object());
}

TEST_F(RecentPastTest, NothingIsToldBeforeTheFirstTick) {
  const Json live = LiveJson(facts_, {true, true, false}, nullptr, nullptr, SimTime(), {}, "");
  EXPECT_FALSE(live.contains("seq"));
  EXPECT_EQ(live["access"]["may_switch"], true);
}

TEST_F(RecentPastTest, HistoryGoesOnWhereItWasLeft) {
  ASSERT_TRUE(f_.Run(5, [&](int n) { Load(1, static_cast<uint32_t>(n)); }).ok());
  const Json all = History("id/b");
  EXPECT_EQ(all["columns"]["arrivals"], (Json{1, 2, 3, 4, 5}));
  EXPECT_EQ(all["columns"]["seq"], (Json{0, 1, 2, 3, 4}));
  EXPECT_EQ(all["next"], 5);
  const Json wall = all["columns"]["wall"];
  EXPECT_DOUBLE_EQ(wall[4].get<double>() - wall[3].get<double>(), 2);
  const Json more = History("id/b", 3);
  EXPECT_EQ(more["columns"]["arrivals"], (Json{4, 5}));
  const Json none = History("id/b", 5);
  EXPECT_EQ(none["columns"]["arrivals"], Json::array());
  EXPECT_EQ(none["next"], 5);
  EXPECT_EQ(History("id/nobody")["columns"]["arrivals"], Json::array());
  EXPECT_EQ(ClusterHistoryJson(facts_, past_, 2)["columns"]["arrivals"], (Json{3, 4, 5}));
}

// A function that comes later has no windows before; one that goes has none after.
TEST_F(RecentPastTest, FunctionsComeAndGo) {
  ASSERT_TRUE(f_.Run(4, [&](int n) {
                  if (n == 2) f_.platform.Add("u");
                  if (n == 3) f_.platform.Remove(0);
                }).ok());
  EXPECT_EQ(History("id/d")["columns"]["seq"], (Json{1, 2, 3}));
  EXPECT_EQ(History("id/a")["columns"]["seq"], (Json{0, 1}));
  EXPECT_EQ(Live()["names"]["id"], (Json{"id/b", "id/c", "id/d"}));
}

// Numbers that cannot be true are nobody's load, and no number of JSON.
TEST_F(RecentPastTest, BadNumbersAreNotSummed) {
  ASSERT_TRUE(f_.Run(2, [&](int n) {
                  Load(0, 5);
                  Load(1, 7);
                  if (n == 2) {
                    f_.platform.numbers.functions.mean_in_flight[1] =
                        std::numeric_limits<double>::quiet_NaN();
                  }
                }).ok());
  const Json live = Live();
  EXPECT_EQ(live["functions"]["sound"], (Json{true, false, true}));
  EXPECT_EQ(live["functions"]["mean_in_flight"], (Json{5, nullptr, 0}));
  EXPECT_EQ(live["functions"]["decided_by"][1], "hold");
  EXPECT_EQ(live["cluster"]["arrivals"], 5);
  EXPECT_EQ(live["cluster"]["held"], 1);
}

TEST_F(RecentPastTest, TheBoundOfMemoryHolds) {
  RecentPast little(3 * (sizeof(RecentWindow) + 3 * sizeof(FunctionPoint)));
  EXPECT_EQ(little.RoomFor(3), 3u);
  f_.options.sinks = {&little};
  ASSERT_TRUE(f_.Run(10).ok());
  const auto windows = little.Windows(0);
  ASSERT_THAT(windows, SizeIs(3));
  EXPECT_EQ(windows.front()->cluster.seq, 7u);
  EXPECT_EQ(FunctionHistoryJson(facts_, little, "id/a", 0)["columns"]["seq"], (Json{7, 8, 9}));
  RecentPast none(1);
  EXPECT_EQ(none.RoomFor(3), 1u);
  f_.options.sinks = {&none};
  f_.platform.observations = 0;
  ASSERT_TRUE(f_.Run(2).ok());
  EXPECT_THAT(none.Windows(0), SizeIs(1));
}

TEST_F(RecentPastTest, EventsAreToldOnceAndTheOldestForgotten) {
  for (int i = 0; i < 1203; ++i) {
    EventRecord event;
    event.kind = EventKind::kPlatform;
    event.warning = true;
    event.message = std::to_string(i);
    past_.OnEvent(event);
  }
  const Json all = EventsJson(facts_, past_, 0);
  ASSERT_EQ(all["events"].size(), 1000u);
  EXPECT_EQ(all["events"][0]["message"], "203");
  EXPECT_EQ(all["next"], 1203);
  EXPECT_EQ(EventsJson(facts_, past_, 1202)["events"].size(), 1u);
  EXPECT_EQ(EventsJson(facts_, past_, 1203)["events"].size(), 0u);
}

TEST_F(RecentPastTest, WhyTellsWhatWasSeenAndWhatBecameOfIt) {
  f_.modes.Set("u", {ControlMode::kActive, false});
  f_.platform.cat.functions[1].max_replicas = 2;
  facts_.policy_config = "name: fake\n";
  ASSERT_TRUE(f_.Run(3, [&](int) { Load(1, 8); }).ok());
  const Json why = WhyJson(facts_, *f_.loop->state(), past_, "id/b");
  EXPECT_EQ(why["saw"]["arrivals"], 8);
  EXPECT_EQ(why["saw"]["mean_in_flight"], 8);
  EXPECT_EQ(why["saw"]["slo_latency_ms"], 50);
  EXPECT_EQ(why["function"]["wished"]["replicas"], 3);
  EXPECT_EQ(why["function"]["in_force"]["replicas"], 2);
  EXPECT_EQ(why["limits"]["max_replicas"], 2);
  EXPECT_EQ(why["limits"]["max_cpu_millicores"], nullptr);
  EXPECT_EQ(why["policy_config"], "name: fake\n");
  EXPECT_TRUE(WhyJson(facts_, *f_.loop->state(), past_, "id/nobody").is_null());
}

// Names are a stranger's: they reach the page as JSON text whatever bytes they are made of.
TEST_F(RecentPastTest, HostileNamesStayText) {
  f_.platform.cat.functions[0].name = "</script><script>\xff\"\n";
  ASSERT_TRUE(f_.Run(1).ok());
  const std::string text = Live().dump(-1, ' ', false, Json::error_handler_t::replace);
  EXPECT_EQ(Json::parse(text)["names"]["name"][0], "</script><script>\xEF\xBF\xBD\"\n");
}

// The page asks on its own thread while the loop ticks.
TEST_F(RecentPastTest, IsReadWhileItIsWritten) {
  std::atomic<bool> ended = false;
  uint64_t seen = 0;
  std::thread reader([&] {
    while (!ended) {
      seen = ClusterHistoryJson(facts_, past_, 0)["next"];
      EventsJson(facts_, past_, 0);
      const auto newest = past_.Newest();
      EXPECT_TRUE(newest == nullptr || newest->functions.size() == 3);
      past_.Seen();
    }
  });
  EXPECT_TRUE(f_.Run(300).ok());
  ended = true;
  reader.join();
  EXPECT_LE(seen, 300u);
}

// A page that is opened after a restart shows what was before it.
TEST(StoredPastTest, TheEarlierRunIsThere) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) /
                                       ("reeve_stored_past_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  StoreSpec spec;
  spec.path = (folder / "reeve.db").string();
  int64_t before = 0;
  {
    LoopFixture f({"t", "u"}, ControlMode::kShadow);
    auto store = StoreWriter::Open(spec);
    ASSERT_TRUE(store.ok()) << store.status();
    f.options.sinks = {store->get()};
    ASSERT_TRUE(f.Run(6, [&](int n) {
                   f.platform.numbers.functions.arrivals[0] = static_cast<uint32_t>(10 * n);
                   f.platform.numbers.functions.containers_ready[1] = 4;
                 }).ok());
    (*store)->Flush();
    before = f.clock.WallMicros() + 1;
  }
  RecentPast past(1 << 20);
  ASSERT_TRUE(AddStoredPast(spec.path, before, past).ok());
  const PageFacts facts;
  const Json a = FunctionHistoryJson(facts, past, "id/a", 0);
  EXPECT_EQ(a["columns"]["arrivals"], (Json{20, 30, 40, 50, 60}));  // the first had no window yet
  EXPECT_EQ(a["columns"]["decided_by"][0], nullptr);                // the windows do not say
  EXPECT_EQ(ClusterHistoryJson(facts, past, 0)["columns"]["containers_ready"],
            (Json{4, 4, 4, 4, 4}));
  const Json events = EventsJson(facts, past, 0)["events"];
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front()["kind"], "start");
  EXPECT_EQ(events.back()["kind"], "stop");
  // And what comes now goes on behind it.
  LoopFixture next({"t", "u"}, ControlMode::kShadow);
  next.options.sinks = {&past};
  ASSERT_TRUE(next.Run(2).ok());
  EXPECT_EQ(FunctionHistoryJson(facts, past, "id/a", 0)["columns"]["arrivals"],
            (Json{20, 30, 40, 50, 60, 0, 0}));
  // Nothing of what is to come.
  RecentPast earlier(1 << 20);
  ASSERT_TRUE(AddStoredPast(spec.path, 1, earlier).ok());
  EXPECT_TRUE(earlier.Windows(0).empty());
  RecentPast nothing(1 << 20);
  EXPECT_TRUE(AddStoredPast((folder / "none.db").string(), before, nothing).ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace reeve
