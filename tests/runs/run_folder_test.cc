#include "runs/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"
#include "tests/runs/synthetic_run.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class RunFolderTest : public testing::Test {
 protected:
  RunFolderTest() {
    root_ =
        fs::temp_directory_path() / ("reeve-run-folder-test-" + std::to_string(::getpid()) + "-" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(root_);
  }
  ~RunFolderTest() override { fs::remove_all(root_); }

  std::string Path(const std::string& name) const { return (root_ / name).string(); }
  static void Put(const std::string& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
  }
  // A finished run at `name`.
  std::string Finished(const std::string& name, const RunData& run) {
    auto folder = RunFolder::Create(Path(name), run.config_yaml, false);
    EXPECT_TRUE(folder.ok()) << folder.status();
    const absl::Status written = folder->Write(run);
    EXPECT_TRUE(written.ok()) << written;
    return Path(name);
  }

  fs::path root_;
};

// Values that nine digits hold exactly, so that CSV gives them back as they were.
RunData SmallRun() {
  RunData run;
  run.config_yaml = "policy: kpa\n";
  RunSummary& s = run.summary;
  s.name = "kpa \"night\"";
  s.policy = "kpa";
  s.trace = "t";
  s.cluster = "c";
  s.seed = 18446744073709551615u;
  s.complete = false;
  s.simulated_seconds = 90.1;
  s.arrivals = 3;
  s.latency_p99_ms = 0.1 + 0.2;  // JSON keeps every bit
  s.host.version = "0.1.0";
  s.host.peak_memory_mb = 12.5;
  for (const char* name : kHostileNames) {
    FunctionRow row;
    row.name = name;
    row.tenant = "a,b";
    row.trigger = "http";
    row.memory_mib = 128;
    row.arrivals = 1'000'000'007;
    row.latency_p99_ms = 12.25;
    run.functions.push_back(row);
  }
  for (int i = 0; i < 2; ++i) {
    IntervalRow all;
    all.time_s = 60.0 * i;
    all.arrivals = 2;
    all.mean_in_flight = 0.125;
    run.intervals.push_back(all);
    IntervalRow one = all;
    one.function = FunctionId(static_cast<uint32_t>(i));
    one.latency_p50_ms = 1234.5678;
    one.slots_ready = 0;
    run.intervals.push_back(one);
  }
  run.quantiles.push_back(
      {.quantile = 0.5, .latency_ms = 1.5, .execution_ms = {}, .wait_ms = 0, .slowdown = 1.001});
  return run;
}

TEST_F(RunFolderTest, ReadsBackWhatItWrote) {
  const RunData run = SmallRun();
  const auto read = ReadRun(Finished("a", run));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->summary, run.summary);
  EXPECT_EQ(read->functions, run.functions);
  EXPECT_EQ(read->intervals, run.intervals);
  EXPECT_EQ(read->quantiles, run.quantiles);
  EXPECT_EQ(read->config_yaml, run.config_yaml);
}

TEST_F(RunFolderTest, ASafeguardsMarksAreThereOnlyWithASafeguard) {
  RunData run = SmallRun();
  const std::string plain = Finished("plain", run);
  EXPECT_THAT(*ReadFile(plain + "/windows.csv"), HasSubstr(",slowdown_p99\n"));
  EXPECT_THAT(*ReadFile(plain + "/summary.json"), testing::Not(HasSubstr("safeguard")));
  EXPECT_FALSE(ReadRun(plain)->summary.safeguard.has_value());

  run.summary.safeguard = SafeguardSummary{.steps = 46,
                                           .engaged_steps = 3,
                                           .engaged_share = 0.0625,
                                           .engagements = 2,
                                           .engagements_queue = 2,
                                           .budget_granted = {},
                                           .budget_charged = {}};
  for (IntervalRow& row : run.intervals) row.safeguard_engaged = row.time_s > 0 ? 0.25 : 0;
  const std::string guarded = Finished("guarded", run);
  EXPECT_THAT(*ReadFile(guarded + "/windows.csv"), HasSubstr(",slowdown_p99,safeguard_engaged\n"));
  const auto json = nlohmann::json::parse(*ReadFile(guarded + "/summary.json"));
  EXPECT_EQ(json["safeguard"]["engagements_queue"], 2);
  EXPECT_EQ(json["safeguard"]["budget_granted"], nullptr);
  const auto read = ReadRun(guarded);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->summary, run.summary);
  EXPECT_EQ(read->intervals, run.intervals);
}

TEST_F(RunFolderTest, FilesAreAsDocumented) {
  const std::string path = Finished("a", SmallRun());
  const auto windows = ReadFile(path + "/windows.csv");
  ASSERT_TRUE(windows.ok());
  EXPECT_THAT(*windows, testing::StartsWith("time_s,function,arrivals,completions,failures,"));
  // The row of all functions together has no name; a hostile name is quoted when it must be.
  EXPECT_THAT(*windows, HasSubstr("\n0,,2,0,"));
  EXPECT_THAT(*windows, HasSubstr("\n60,\"<img src=x onerror=\"\"window.hacked = 1\"\">\",2,"));
  EXPECT_TRUE(fs::exists(path + "/report.html"));
  for (const auto& entry : fs::directory_iterator(path)) {
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

TEST_F(RunFolderTest, EqualInputsGiveEqualSummariesButForTheHost) {
  RunData run = SmallRun();
  const std::string a = Finished("a", run);
  run.summary.host.wall_seconds = 99;
  run.summary.host.started_at = "2030-01-01T00:00:00Z";
  run.config_yaml = "policy: kpa\nthreads: 2\n";
  const std::string b = Finished("b", run);
  auto first = nlohmann::json::parse(*ReadFile(a + "/summary.json"));
  auto second = nlohmann::json::parse(*ReadFile(b + "/summary.json"));
  EXPECT_NE(first, second);
  first.erase("host");
  second.erase("host");
  EXPECT_EQ(first, second);
}

TEST_F(RunFolderTest, StatesOfFolders) {
  EXPECT_EQ(StateOfFolder(Path("none")), FolderState::kAbsent);
  fs::create_directories(Path("empty"));
  EXPECT_EQ(StateOfFolder(Path("empty")), FolderState::kAbsent);
  Put(Path("file"), "x");
  EXPECT_EQ(StateOfFolder(Path("file")), FolderState::kForeign);
  fs::create_directories(Path("thesis"));
  Put(Path("thesis/chapter1.tex"), "x");
  EXPECT_EQ(StateOfFolder(Path("thesis")), FolderState::kForeign);
  ASSERT_TRUE(RunFolder::Create(Path("started"), "", false).ok());
  EXPECT_EQ(StateOfFolder(Path("started")), FolderState::kInterrupted);
  EXPECT_EQ(StateOfFolder(Finished("done", SmallRun())), FolderState::kFinished);
}

TEST_F(RunFolderTest, TakesOnlyWhatIsItsOwn) {
  fs::create_directories(Path("thesis"));
  Put(Path("thesis/summary.json"), "mine");
  const auto foreign = RunFolder::Create(Path("thesis"), "", true);
  EXPECT_EQ(foreign.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*ReadFile(Path("thesis/summary.json")), "mine");

  const std::string done = Finished("done", SmallRun());
  Put(done + "/notes.txt", "keep me");
  const auto refused = RunFolder::Create(done, "", false);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(MessageOf(refused.status()), HasSubstr("--force"));
  EXPECT_TRUE(ReadRun(done).ok());

  ASSERT_TRUE(RunFolder::Create(done, "policy: hpa\n", true).ok());
  EXPECT_EQ(StateOfFolder(done), FolderState::kInterrupted);
  EXPECT_EQ(*ReadFile(done + "/config.yaml"), "policy: hpa\n");
  EXPECT_FALSE(fs::exists(done + "/windows.csv"));
  EXPECT_EQ(*ReadFile(done + "/notes.txt"), "keep me");
  // What an interrupted run left needs no --force.
  EXPECT_TRUE(RunFolder::Create(done, "", false).ok());
}

TEST_F(RunFolderTest, RefusesRunsThatCannotBeReadBack) {
  auto folder = RunFolder::Create(Path("a"), "", false);
  ASSERT_TRUE(folder.ok());
  RunData run = SmallRun();
  run.functions[1].name = run.functions[0].name;
  EXPECT_THAT(MessageOf(folder->Write(run)), HasSubstr("two functions of the run have the name"));
  run.functions[1].name.clear();
  EXPECT_THAT(MessageOf(folder->Write(run)), HasSubstr("has no name"));
  run = SmallRun();
  run.intervals[1].function = FunctionId(99);
  EXPECT_THAT(MessageOf(folder->Write(run)), HasSubstr("names function 99, there are 6"));
  EXPECT_EQ(StateOfFolder(Path("a")), FolderState::kInterrupted);
}

TEST_F(RunFolderTest, SaysWhatIsMissing) {
  EXPECT_THAT(MessageOf(ReadRun(Path("none")).status()), HasSubstr("no run there"));
  fs::create_directories(Path("thesis"));
  Put(Path("thesis/x"), "");
  EXPECT_THAT(MessageOf(ReadRun(Path("thesis")).status()), HasSubstr("not a run folder"));
  ASSERT_TRUE(RunFolder::Create(Path("started"), "", false).ok());
  EXPECT_THAT(MessageOf(ReadRun(Path("started")).status()), HasSubstr("did not finish"));
  const std::string path = Finished("a", SmallRun());
  fs::remove(path + "/windows.csv");
  const absl::Status status = ReadRun(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(status), HasSubstr("windows.csv"));
}

TEST_F(RunFolderTest, SaysWhatIsBroken) {
  const std::string path = Finished("a", SmallRun());
  const std::string summary = *ReadFile(path + "/summary.json");
  const auto read_with = [&](const std::string& text) {
    Put(path + "/summary.json", text);
    return MessageOf(ReadRun(path).status());
  };
  EXPECT_THAT(read_with(summary.substr(0, 40)), HasSubstr("summary.json: not JSON"));
  EXPECT_THAT(read_with("[]"), HasSubstr("not the summary of a run"));
  auto json = nlohmann::json::parse(summary);
  json["version"] = 2;
  EXPECT_THAT(read_with(json.dump()), HasSubstr("format version 2, this program reads version 1"));
  json = nlohmann::json::parse(summary);
  json["arrivals"] = -1;
  EXPECT_THAT(read_with(json.dump()), HasSubstr("'arrivals' is not a whole number of 0 or more"));
  json.erase("arrivals");
  EXPECT_THAT(read_with(json.dump()), HasSubstr("'arrivals' is missing"));
  json = nlohmann::json::parse(summary);
  json["host"] = 3;
  EXPECT_THAT(read_with(json.dump()), HasSubstr("'host' is not an object"));
  json = nlohmann::json::parse(summary);
  json["files"].erase("windows.csv");
  EXPECT_THAT(read_with(json.dump()), HasSubstr("says nothing of windows.csv"));

  Put(path + "/summary.json", summary);
  const std::string functions = *ReadFile(path + "/functions.csv");
  Put(path + "/functions.csv", functions.substr(0, functions.size() - 10));
  const absl::Status status = ReadRun(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(MessageOf(status), HasSubstr("functions.csv: not as the run wrote it"));
}

}  // namespace
}  // namespace reeve
