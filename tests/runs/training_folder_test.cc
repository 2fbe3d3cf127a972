#include "runs/training_folder.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "agents/ppo/checkpoint.h"
#include "training_testing.h"

namespace reeve {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
namespace fs = std::filesystem;

class TrainingFolderTest : public TrainingFixture {
 protected:
  // A bootstrapped training, a checkpoint every third iteration: 2 + 10 iterations.
  TrainingConfig Small(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"bootstrap.policy.name=kpa", "bootstrap.cloning.iterations=2",
                             "checkpoints.every=3", "learner.learning_rate_schedule=linear"});
    return Config(more);
  }
  // Trains in the folder until iteration `stop_at` (0: to the end).
  TrainingOutcome Train(const TrainingConfig& config, const std::string& name, bool resume,
                        int64_t stop_at = 0) {
    const absl::Status prepared = PrepareTrainingFolder(Path(name), resume);
    EXPECT_TRUE(prepared.ok()) << MessageOf(prepared);
    auto training = Training::Create(config, 1);
    EXPECT_TRUE(training.ok()) << MessageOf(training.status());
    TrainingHooks hooks;
    hooks.stop = [&] { return (*training)->state().iteration == stop_at; };
    hooks.warn = [&](const std::string& what) { warnings_.push_back(what); };
    const auto outcome = TrainInFolder(**training, Path(name), resume, true, hooks);
    EXPECT_TRUE(outcome.ok()) << MessageOf(outcome.status());
    return outcome.value_or(TrainingOutcome());
  }
  // But for how fast the machine was.
  std::string Rows(const std::string& name) const {
    std::istringstream in(Read(name + "/training.csv"));
    std::string rows;
    for (std::string line; std::getline(in, line);) {
      if (line.find(",rate/") == std::string::npos) rows += line + "\n";
    }
    return rows;
  }
  std::vector<std::string> Checkpoints(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(Path(name + "/checkpoints"))) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void ExpectSame(const std::string& a, const std::string& b) const {
    for (const char* file : {"policy.rpolicy", "summary.json", "config.yaml"}) {
      EXPECT_EQ(Read(a + "/" + file), Read(b + "/" + file)) << file;
    }
    EXPECT_EQ(Rows(a), Rows(b));
    ASSERT_EQ(Checkpoints(a), Checkpoints(b));
    for (const std::string& name : Checkpoints(a)) {
      EXPECT_EQ(Read(a + "/checkpoints/" + name), Read(b + "/checkpoints/" + name)) << name;
    }
  }
  void Damage(const std::string& file) const {
    std::string bytes = Read(file);
    bytes.resize(bytes.size() / 2);  // twice is no mending
    Write(file, bytes);
  }

  std::vector<std::string> warnings_;
};

TEST_F(TrainingFolderTest, LeavesWhatTheHeaderSays) {
  const TrainingOutcome outcome = Train(Small(), "whole", false);
  EXPECT_TRUE(outcome.finished);
  EXPECT_THAT(Checkpoints("whole"),
              ElementsAre("best.ckpt", "iteration-0000000006.ckpt", "iteration-0000000009.ckpt",
                          "iteration-0000000012.ckpt"));
  const auto summary = nlohmann::json::parse(Read("whole/summary.json"));
  EXPECT_EQ(summary["finished"], true);
  EXPECT_EQ(summary["iterations"], 12);
  EXPECT_EQ(summary["steps"], 480);
  EXPECT_TRUE(summary["last"].contains("return/mean"));
  EXPECT_FALSE(summary["last"].contains("rate/agent_steps_per_second"));
  EXPECT_THAT(Rows("whole"), HasSubstr("iteration,step,name,value\n1,0,return/mean,"));
  EXPECT_THAT(Rows("whole"), HasSubstr("\n12,480,return/job,"));
  EXPECT_THAT(Read("whole/report.html"), HasSubstr("<html"));
  // The policy that acts is the state's, and the configuration gives the same training.
  const auto policy = LoadPolicy(Path("whole/policy.rpolicy"));
  const auto state = LoadTraining(Path("whole/checkpoints/iteration-0000000012.ckpt"));
  ASSERT_TRUE(policy.ok() && state.ok());
  EXPECT_EQ(policy->model.actor_parameters, state->state.model.actor_parameters);
  const auto config = LoadTrainingConfig(Path("whole/config.yaml"));
  ASSERT_TRUE(config.ok()) << MessageOf(config.status());
  Train(*config, "again", false);
  ExpectSame("whole", "again");
}

// Wherever it is stopped: while the rule drives, at a checkpoint, between two, before the last.
TEST_F(TrainingFolderTest, AnInterruptedTrainingComesToTheSame) {
  Train(Small(), "whole", false);
  for (const int64_t stop_at : {1, 3, 7, 11}) {
    const std::string name = "stopped" + std::to_string(stop_at);
    const TrainingOutcome stopped = Train(Small(), name, false, stop_at);
    EXPECT_FALSE(stopped.finished);
    EXPECT_EQ(nlohmann::json::parse(Read(name + "/summary.json"))["iterations"], stop_at);
    EXPECT_TRUE(Train(Small(), name, true).finished);
    EXPECT_EQ(Read(name + "/policy.rpolicy"), Read("whole/policy.rpolicy")) << stop_at;
    EXPECT_EQ(Rows(name), Rows("whole")) << stop_at;
    EXPECT_EQ(Read(name + "/checkpoints/best.ckpt"), Read("whole/checkpoints/best.ckpt"));
    EXPECT_EQ(Read(name + "/checkpoints/iteration-0000000012.ckpt"),
              Read("whole/checkpoints/iteration-0000000012.ckpt"));
  }
  EXPECT_THAT(warnings_, IsEmpty());
}

// As a process leaves it that was killed: files are those of the last checkpoint, the log may be
// ahead of it.
TEST_F(TrainingFolderTest, ALogAheadOfTheCheckpointIsCutBack) {
  Train(Small(), "whole", false);
  Train(Small(), "killed", false, 8);
  ASSERT_TRUE(fs::remove(Path("killed/checkpoints/iteration-0000000008.ckpt")));
  EXPECT_TRUE(Train(Small(), "killed", true).finished);
  ExpectSame("whole", "killed");
}

// Rows that a checkpoint has behind it are on disk before it is: here writing the checkpoint fails,
// as its folder cannot be made. (Without episodes that end there is no best policy to write first.)
TEST_F(TrainingFolderTest, RowsComeBeforeTheCheckpoint) {
  const TrainingConfig config = Config({"learner.horizon=6", "checkpoints.every=1"});
  ASSERT_TRUE(PrepareTrainingFolder(Path("o"), false).ok());
  Write("o/checkpoints", "a file where the folder should be");
  auto training = Training::Create(config, 1);
  ASSERT_TRUE(training.ok());
  EXPECT_FALSE(TrainInFolder(**training, Path("o"), false, true, {}).ok());
  EXPECT_THAT(Rows("o"), HasSubstr("\n1,24,policy/entropy,"));
}

TEST_F(TrainingFolderTest, ADamagedCheckpointIsPassedOver) {
  Train(Small(), "whole", false);
  Train(Small(), "damaged", false, 8);
  Damage("damaged/checkpoints/iteration-0000000008.ckpt");
  EXPECT_TRUE(Train(Small(), "damaged", true).finished);
  ASSERT_THAT(warnings_, SizeIs(1));
  EXPECT_THAT(warnings_[0], HasSubstr("iteration-0000000008.ckpt"));
  EXPECT_THAT(warnings_[0], HasSubstr("trying the checkpoint before"));
  EXPECT_EQ(Read("damaged/policy.rpolicy"), Read("whole/policy.rpolicy"));
  EXPECT_EQ(Rows("damaged"), Rows("whole"));

  for (const std::string& name : Checkpoints("damaged")) Damage("damaged/checkpoints/" + name);
  auto training = Training::Create(Small(), 1);
  ASSERT_TRUE(training.ok());
  const auto outcome = TrainInFolder(**training, Path("damaged"), true, true, {});
  EXPECT_THAT(MessageOf(outcome.status()), HasSubstr("iteration-0000000012.ckpt"));
}

TEST_F(TrainingFolderTest, WhatIsFinishedStaysAsItIs) {
  const TrainingOutcome first = Train(Small(), "whole", false);
  const std::string policy = Read("whole/policy.rpolicy"), summary = Read("whole/summary.json");
  const TrainingOutcome again = Train(Small(), "whole", true);
  EXPECT_TRUE(again.finished);
  EXPECT_EQ(Read("whole/policy.rpolicy"), policy);
  EXPECT_EQ(Read("whole/summary.json"), summary);
  EXPECT_THAT(again.last, Contains(::testing::Pair("return/mean", ::testing::_)));
  // A larger budget goes on from there.
  EXPECT_TRUE(Train(Small({"learner.total_steps=528"}), "whole", true).finished);
  EXPECT_EQ(nlohmann::json::parse(Read("whole/summary.json"))["iterations"], 13);
}

// The returns are the rule's while it drives, so the policy has no score yet.
TEST_F(TrainingFolderTest, TheBestPolicyIsNotOneThatARuleDroveFor) {
  Train(Small(), "o", false, 2);
  EXPECT_THAT(Checkpoints("o"), ElementsAre("iteration-0000000002.ckpt"));
  Train(Small(), "o", true, 3);
  EXPECT_THAT(Checkpoints("o"), Contains("best.ckpt"));
}

TEST_F(TrainingFolderTest, OtherRanksWriteNothing) {
  auto training = Training::Create(Small(), 1);
  ASSERT_TRUE(training.ok());
  EXPECT_TRUE(TrainInFolder(**training, Path("other"), false, /*writes=*/false, {})->finished);
  EXPECT_FALSE(fs::exists(Path("other")));
}

TEST_F(TrainingFolderTest, FoldersAreNotOverwrittenUnasked) {
  fs::create_directories(Path("foreign"));
  Write("foreign/thesis.txt", "years of work");
  const absl::Status foreign = PrepareTrainingFolder(Path("foreign"), false);
  EXPECT_EQ(foreign.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(MessageOf(foreign), HasSubstr("holds something that is not a training"));
  EXPECT_EQ(Read("foreign/thesis.txt"), "years of work");

  fs::create_directories(Path("empty"));
  for (const char* name : {"foreign", "empty", "absent"}) {
    const absl::Status nothing = PrepareTrainingFolder(Path(name), true);
    EXPECT_EQ(nothing.code(), absl::StatusCode::kNotFound) << name;
    EXPECT_THAT(MessageOf(nothing), HasSubstr("holds no training to go on with")) << name;
  }
  EXPECT_FALSE(fs::exists(Path("absent")));
  EXPECT_TRUE(PrepareTrainingFolder(Path("empty"), false).ok());

  Train(Small(), "training", false, 1);
  const absl::Status existing = PrepareTrainingFolder(Path("training"), false);
  EXPECT_EQ(existing.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(MessageOf(existing), HasSubstr("--resume"));
}

// Ended before there was anything to go on with: neither may the folder be in the way.
TEST_F(TrainingFolderTest, WhatHadNotBegunBeginsAnew) {
  ASSERT_TRUE(PrepareTrainingFolder(Path("o"), false).ok());
  EXPECT_EQ(PrepareTrainingFolder(Path("o"), true).code(), absl::StatusCode::kNotFound);
  Train(Small(), "o", false, 1);
  // Ended after its first files, before its first checkpoint: from the beginning.
  fs::remove_all(Path("o/checkpoints"));
  EXPECT_TRUE(Train(Small(), "o", true).finished);
  Train(Small(), "whole", false);
  ExpectSame("whole", "o");
}

}  // namespace
}  // namespace reeve
