#include "controller/kube/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "controller/kube/json_reading.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

json Pod(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"namespace", "ns"}, {"resourceVersion", version}}}};
}

std::string Event(const std::string& type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump() + "\n";
}

ScriptedReply ListOf(const std::string& version, const std::vector<json>& items) {
  return {.body = json{{"metadata", {{"resourceVersion", version}}}, {"items", items}}.dump()};
}

ScriptedReply Gone() {
  return {.status = 410, .body = R"({"kind":"Status","code":410,"reason":"Gone","message":"old"})"};
}

// Lists and watches are answered from two scripts; the last of each is repeated.
class Script {
 public:
  std::vector<std::function<ScriptedReply(const ScriptedRequest&)>> lists, watches;

  ScriptedReply operator()(const ScriptedRequest& request) {
    const bool watch = request.query.count("watch") > 0;
    const std::lock_guard lock(mutex_);
    auto& script = watch ? watches : lists;
    size_t& next = watch ? watch_ : list_;
    const auto reply = script[std::min(next, script.size() - 1)](request);
    ++next;
    return reply;
  }

 private:
  std::mutex mutex_;
  size_t list_ = 0, watch_ = 0;
};

class InformerTest : public ::testing::Test {
 protected:
  void Begin(InformerOptions options = {}, bool real_time = false) {
    server_.emplace([this](const ScriptedRequest& request) { return script_(request); });
    KubeAccess access;
    access.server = server_->url();
    NetClock& clock = real_time ? NetClock::Real() : static_cast<NetClock&>(clock_);
    credentials_.emplace(access, clock);
    client_.emplace(*credentials_, KubeClientOptions{.requests_per_second = 1e6, .burst = 1e6},
                    clock);
    options.ns = "ns";
    informer_.emplace(*client_, kube::kPods, options, clock, [this](const InformerChange& change) {
      const std::lock_guard lock(mutex_);
      const json& object = change.after != nullptr ? *change.after : *change.before;
      const char* what = change.before == nullptr  ? "add "
                         : change.after == nullptr ? "delete "
                                                   : "change ";
      changes_.push_back(what + TextAt(object, "metadata.name") + "@" +
                         TextAt(object, "metadata.resourceVersion"));
    });
    informer_->Start();
  }
  std::vector<std::string> Changes() {
    const std::lock_guard lock(mutex_);
    return changes_;
  }
  std::vector<std::string> Cached() {
    std::vector<std::string> names;
    for (const KubeObject& object : informer_->All()) {
      names.push_back(TextAt(*object, "metadata.name") + "@" +
                      TextAt(*object, "metadata.resourceVersion"));
    }
    return names;
  }
  // Waits, in real time, for what other threads do; a bound only for a test that fails.
  template <class Condition>
  ::testing::AssertionResult Eventually(const Condition& condition) {
    for (int i = 0; i < 20000; ++i) {
      if (condition()) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return ::testing::AssertionFailure() << "not within 20 s";
  }
  std::vector<std::string> WatchedFrom() {
    std::vector<std::string> versions;
    for (const ScriptedRequest& request : server_->requests()) {
      if (request.query.count("watch") > 0) versions.push_back(request.query.at("resourceVersion"));
    }
    return versions;
  }

  Script script_;
  ManualClock clock_;
  std::optional<ScriptedServer> server_;
  std::optional<KubeCredentials> credentials_;
  std::optional<KubeClient> client_;
  std::optional<Informer> informer_;
  std::mutex mutex_;
  std::vector<std::string> changes_;
};

TEST_F(InformerTest, ListsThenFollowsEvents) {
  script_.lists = {[](auto&) { return ListOf("10", {Pod("a", "3"), Pod("b", "4")}); }};
  script_.watches = {[](auto&) {
    return ScriptedReply{
        .chunks = {Event("ADDED", Pod("c", "11")), Event("MODIFIED", Pod("a", "12")),
                   Event("DELETED", Pod("b", "13"))},
        .hold = true};
  }};
  Begin();
  ASSERT_TRUE(Eventually([&] { return Changes().size() == 5; }));
  EXPECT_THAT(Changes(),
              ElementsAre("add a@3", "add b@4", "add c@11", "change a@12", "delete b@4"));
  EXPECT_THAT(Cached(), ElementsAre("a@12", "c@11"));
  EXPECT_EQ(TextAt(*informer_->Find("ns", "a"), "metadata.resourceVersion"), "12");
  EXPECT_EQ(informer_->Find("ns", "b"), nullptr);
  EXPECT_THAT(WatchedFrom(), ElementsAre("10"));
  const InformerHealth health = informer_->health();
  EXPECT_TRUE(health.synced);
  EXPECT_TRUE(health.last_failure.ok());
  EXPECT_EQ(health.lists, 1u);
}

TEST_F(InformerTest, AWatchThatEndsInOrderGoesOnFromTheLastVersionOrBookmark) {
  script_.lists = {[](auto&) { return ListOf("10", {}); }};
  script_.watches = {
      [](auto&) { return ScriptedReply{.chunks = {Event("ADDED", Pod("a", "11"))}}; },
      [](auto&) {
        return ScriptedReply{
            .chunks = {Event("BOOKMARK", {{"metadata", {{"resourceVersion", "20"}}}})}};
      },
      [](auto&) { return ScriptedReply{.hold = true}; }};
  Begin();
  ASSERT_TRUE(Eventually([&] { return WatchedFrom().size() == 3; }));
  EXPECT_THAT(WatchedFrom(), ElementsAre("10", "11", "20"));
  EXPECT_EQ(informer_->health().lists, 1u);
  EXPECT_THAT(Cached(), ElementsAre("a@11"));
}

TEST_F(InformerTest, AnExpiredVersionListsAgainAndTellsWhatWasDeletedMeanwhile) {
  // HTTP 410 first, then as an event of a stream with HTTP 200.
  script_.lists = {[](auto&) {
                     return ListOf("10", {Pod("a", "3"), Pod("b", "4")});
                   },
                   [](auto&) {
                     return ListOf("30", {Pod("a", "3"), Pod("c", "29")});
                   },
                   [](auto&) { return ListOf("50", {Pod("a", "45")}); }};
  script_.watches = {
      [](auto&) { return Gone(); },
      [](auto&) {
        return ScriptedReply{.chunks = {Event("ERROR", {{"kind", "Status"}, {"code", 410}})}};
      },
      [](auto&) { return ScriptedReply{.hold = true}; }};
  Begin();
  ASSERT_TRUE(Eventually([&] { return WatchedFrom().size() == 3; }));
  EXPECT_THAT(WatchedFrom(), ElementsAre("10", "30", "50"));
  EXPECT_THAT(Changes(), ElementsAre("add a@3", "add b@4", "add c@29", "delete b@4", "change a@45",
                                     "delete c@29"));
  EXPECT_THAT(Cached(), ElementsAre("a@45"));
}

TEST_F(InformerTest, GarbageListsAgainAndCutsAndFailuresDoNot) {
  script_.lists = {[](auto&) { return ListOf("10", {Pod("a", "3")}); },
                   [](auto&) { return ListOf("20", {Pod("a", "3")}); }};
  script_.watches = {
      // Cut in the middle of an event: what was whole counts.
      [](auto&) {
        return ScriptedReply{.chunks = {Event("ADDED", Pod("b", "11")), "{\"type\":\"ADD"},
                             .cut = true};
      },
      [](auto&) { return ScriptedReply{.status = 500, .body = "oops"}; },
      [](auto&) { return ScriptedReply{.status = 429, .body = "busy"}; },
      [](auto&) { return ScriptedReply{.chunks = {"garbage\n"}}; },
      [](auto&) { return ScriptedReply{.hold = true}; }};
  Begin();
  ASSERT_TRUE(Eventually([&] { return WatchedFrom().size() == 5; }));
  EXPECT_THAT(WatchedFrom(), ElementsAre("10", "11", "11", "11", "20"));
  EXPECT_THAT(Changes(), ElementsAre("add a@3", "add b@11", "delete b@11"));
}

// After a failure nothing happens to the resource: the watch that stands is enough to know so.
TEST_F(InformerTest, AWatchThatStandsAgainIsHealthyWithoutAnEvent) {
  script_.lists = {[](auto&) { return ListOf("10", {Pod("a", "3")}); }};
  script_.watches = {[](auto&) { return ScriptedReply{.status = 500, .body = "oops"}; },
                     [](auto&) { return ScriptedReply{.hold = true}; }};
  Begin();
  ASSERT_TRUE(Eventually([&] { return WatchedFrom().size() == 2; }));
  ASSERT_TRUE(Eventually([&] {
    clock_.Advance(SimTime::Millis(100));
    return informer_->health().last_failure.ok();
  }));
  EXPECT_EQ(informer_->health().lists, 1u);
}

TEST_F(InformerTest, AServerThatEndsWatchesAtOnceIsNotAskedWithoutPause) {
  script_.lists = {[](auto&) { return ListOf("10", {}); }};
  script_.watches = {[](auto&) { return ScriptedReply{.body = ""}; }};
  Begin();
  const SimTime begin = clock_.Now();
  ASSERT_TRUE(Eventually([&] { return WatchedFrom().size() >= 10; }));
  EXPECT_GE(clock_.Now() - begin, SimTime::Seconds(30));
}

TEST_F(InformerTest, WithoutTheRightItAsksSeldomAndSaysSo) {
  script_.lists = {[](auto&) {
    return ScriptedReply{.status = 403,
                         .body = R"({"kind":"Status","code":403,"reason":"Forbidden"})"};
  }};
  script_.watches = {[](auto&) { return ScriptedReply{.hold = true}; }};
  const SimTime begin = clock_.Now();
  Begin();
  ASSERT_TRUE(Eventually([&] { return server_->requests().size() >= 5; }));
  EXPECT_TRUE(absl::IsPermissionDenied(informer_->health().last_failure));
  EXPECT_FALSE(informer_->health().synced);
  EXPECT_GE(clock_.Now() - begin, SimTime::Seconds(4 * 30));
}

// Nothing happens to the resource, and the server says so only when it is asked: that is no
// failure, and what is known is as new as the last list.
TEST_F(InformerTest, SilenceIsAskedAbout) {
  script_.lists = {[](auto&) { return ListOf("10", {Pod("a", "3")}); }};
  script_.watches = {[](auto&) { return ScriptedReply{.chunks = {"\n"}, .hold = true}; }};
  Begin({.idle_timeout = SimTime::Seconds(1)});
  ASSERT_TRUE(Eventually([&] { return informer_->health().lists >= 2; }));
  ASSERT_TRUE(Eventually([&] { return informer_->health().watches >= 2; }));
  EXPECT_TRUE(informer_->health().last_failure.ok()) << informer_->health().last_failure;
  EXPECT_THAT(Cached(), ElementsAre("a@3"));
  EXPECT_THAT(Changes(), ElementsAre("add a@3"));
}

TEST_F(InformerTest, ASilentServerIsTakenForDead) {
  script_.lists = {[](auto&) { return ListOf("10", {}); },
                   [](auto&) { return ScriptedReply{.status = 500, .body = "down"}; }};
  script_.watches = {[](auto&) { return ScriptedReply{.chunks = {"\n"}, .hold = true}; }};
  Begin({.idle_timeout = SimTime::Seconds(1)});
  EXPECT_TRUE(Eventually([&] { return !informer_->health().last_failure.ok(); }));
}

TEST_F(InformerTest, ASilentWatchIsTakenForDead) {
  script_.lists = {[](auto&) { return ListOf("10", {}); }};
  script_.watches = {[](auto&) { return ScriptedReply{.chunks = {"\n"}, .hold = true}; },
                     [](auto&) {
                       return ScriptedReply{.chunks = {Event("ADDED", Pod("a", "11"))},
                                            .hold = true};
                     }};
  Begin({.idle_timeout = SimTime::Seconds(1)});
  ASSERT_TRUE(Eventually([&] { return Cached().size() == 1; }));
  EXPECT_GE(WatchedFrom().size(), 2u);
}

TEST_F(InformerTest, WhatAWriteReturnedCountsAtOnceButNeverHidesANewerObject) {
  script_.lists = {[](auto&) { return ListOf("10", {Pod("a", "3")}); }};
  script_.watches = {[](auto&) { return ScriptedReply{.hold = true}; },
                     [](auto&) {
                       return ScriptedReply{.chunks = {Event("MODIFIED", Pod("a", "12"))},
                                            .hold = true};
                     }};
  Begin();
  ASSERT_TRUE(Eventually([&] { return WatchedFrom().size() == 1; }));
  informer_->Assume("3", Pod("a", "11"));
  EXPECT_THAT(Cached(), ElementsAre("a@11"));
  informer_->Assume("3", Pod("a", "10"));  // read before the write above
  EXPECT_THAT(Cached(), ElementsAre("a@11"));
  server_->EndHeld();
  ASSERT_TRUE(Eventually([&] { return Cached() == std::vector<std::string>{"a@12"}; }));
}

TEST_F(InformerTest, StopsAtOnceInTheMiddleOfAWatch) {
  script_.lists = {[](auto&) { return ListOf("10", {}); }};
  script_.watches = {[](auto&) { return ScriptedReply{.hold = true}; }};
  Begin({}, /*real_time=*/true);
  ASSERT_TRUE(Eventually([&] { return WatchedFrom().size() == 1; }));
  const SimTime begin = NetClock::Real().Now();
  informer_->Stop();
  EXPECT_LT(NetClock::Real().Now() - begin, SimTime::Seconds(15));
}

TEST_F(InformerTest, ReadersInOtherThreadsSeeWholeStates) {
  script_.lists = {[](auto&) { return ListOf("10", {Pod("a", "3")}); }};
  script_.watches = {[](auto&) {
    ScriptedReply reply{.hold = true};
    for (int i = 0; i < 200; ++i) {
      reply.chunks.push_back(Event("MODIFIED", Pod("a", std::to_string(11 + i))));
    }
    return reply;
  }};
  Begin();
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      uint64_t last = 0;
      while (!done) {
        const uint64_t version = informer_->version();
        EXPECT_GE(version, last);
        last = version;
        for (const KubeObject& object : informer_->All()) {
          EXPECT_EQ(TextAt(*object, "metadata.name"), "a");
        }
        informer_->health();
      }
    });
  }
  const auto end = [&] {
    done = true;
    for (std::thread& reader : readers) reader.join();
  };
  const auto reached = Eventually([&] { return Cached() == std::vector<std::string>{"a@210"}; });
  end();
  EXPECT_TRUE(reached);
}

}  // namespace
}  // namespace reeve
