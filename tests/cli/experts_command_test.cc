// reeve experts, on libraries of small experts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agents/adapt/detector_state.h"
#include "agents/adapt/expert_library.h"
#include "agents/adapt/library_files.h"
#include "agents/adapt/shift_detector.h"
#include "agents/ppo/checkpoint.h"
#include "cli_testing.h"
#include "controller/store/expert_store.h"
#include "core/random.h"
#include "tests/agents/adapt/expert_testing.h"

namespace reeve {
namespace {

using nlohmann::json;
using testing::ElementsAre;

// A detector that has met environments 0, 1 and 2 (contexts about 0, 12 and -10); 2 is in force.
StateVectors Detector() {
  DetectorSpec spec;
  spec.confirm = SimTime::Seconds(30);
  spec.learn = spec.min_dwell = SimTime::Seconds(60);
  ShiftDetector detector(spec, 1);
  RandomCursor random(RandomStream(5, StreamPurpose::kBootstrap, 0));
  for (int t = 5; t <= 1500; t += 5) {
    const double x[] = {(t <= 500 ? 0 : t <= 1000 ? 12 : -10) + 0.5 * random.Normal()};
    detector.Observe(SimTime::Seconds(t), x);
  }
  StateVectors state;
  detector.Save(state);
  return state;
}

class ExpertsCommandTest : public CliTest {
 protected:
  ExpertsCommandTest() {
    ExpertLibrary library = OpenLibrary(folder());
    for (const int64_t id : {0, 1}) {
      Expert expert = SmallExpert(id, id == 0 ? 0 : 12, static_cast<float>(10 + id));
      expert.state.steps_done = 700 * (id + 1);
      expert.Note({SimTime::Seconds(60), -0.5, 30});
      expert.Note({SimTime::Seconds(120), -0.25, 30});
      library.Put(expert);
    }
    EXPECT_TRUE(library.Save(Detector()).ok());
  }
  std::string folder() const { return Path("lib"); }
  ExpertLibrary Reopened() {
    auto library = ExpertLibrary::Open(folder(), {}, {}, ExpertLibrary::Access::kRead);
    EXPECT_TRUE(library.ok()) << library.status();
    return *std::move(library);
  }
  std::vector<int64_t> Known() {
    std::vector<int64_t> ids;
    const auto detector = ReadDetectorState(Reopened().detector());
    EXPECT_TRUE(detector.ok());
    for (const EnvironmentStats& stats : detector->environments) ids.push_back(stats.id);
    return ids;
  }
};

TEST_F(ExpertsCommandTest, ListsExpertsAndKnownEnvironments) {
  const Outcome o = Run({"experts", "list", folder()});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_THAT(o.out, HasSubstr("e1"));
  EXPECT_THAT(o.out, HasSubstr("version 1, 2 experts; the detector knows 3 environments, 2 is in "
                               "force"));
  const json rows = json::parse(Run({"experts", "list", folder(), "-o", "json"}).out);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1]["environment"], 1);
  EXPECT_EQ(rows[1]["label"], "e1");
  EXPECT_EQ(rows[1]["steps_learned"], 1400);
  EXPECT_EQ(rows[1]["last_return"], -0.25);
  EXPECT_EQ(rows[1]["closest"], 0);
  EXPECT_EQ(rows[1]["in_force"], "no");
  // Equal variances 1: (100 + 20 / 4) / 120 + 1 / 16 with the prior; an eighth of 12^2 over that.
  EXPECT_NEAR(rows[1]["distance"].get<double>(), 144 / 8.0 / (105.0 / 120 + 1.0 / 16), 1e-9);
  EXPECT_EQ(rows[2]["label"], "(no expert)");
  EXPECT_EQ(rows[2]["in_force"], "yes");
  EXPECT_EQ(rows[2]["steps_learned"], nullptr);
}

TEST_F(ExpertsCommandTest, ShowsOne) {
  const Outcome o = Run({"experts", "show", folder(), "1"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("expert 1 (e1)"));
  EXPECT_THAT(o.out, HasSubstr("distance to 0 (e0)"));
  EXPECT_THAT(o.out, HasSubstr("returns, the last 2 of 2 (best -0.25)"));
  const json all = json::parse(Run({"experts", "show", folder(), "1", "-o", "json"}).out);
  EXPECT_EQ(all["contexts"]["mean"], json({12.0}));
  EXPECT_EQ(all["contexts"]["sd"], json({1.0}));
  EXPECT_EQ(all["visits"], 2);
  EXPECT_EQ(all["history"][0]["mean_return"], -0.5);
  EXPECT_EQ(all["features"], json({"load"}));
  EXPECT_EQ(Run({"experts", "show", folder(), "1", "-o", "csv"}).out,
            "time_s,mean_return,steps\n60,-0.5,30\n120,-0.25,30\n");
}

TEST_F(ExpertsCommandTest, Compares) {
  const Outcome o = Run({"experts", "diff", folder(), "0", "1", "-o", "json"});
  EXPECT_EQ(o.code, 0) << o.err;
  const json all = json::parse(o.out);
  EXPECT_EQ(all["choices_compared"], 1000);
  for (const json& block : all["blocks"]) {
    if (block["network"] != "actor" || block["block"] != "output.weight") continue;
    EXPECT_EQ(block["distance"], 2);  // 2 x 2 numbers, each 11 instead of 10
    EXPECT_DOUBLE_EQ(block["relative"].get<double>(), 0.1);
  }
  EXPECT_THAT(Run({"experts", "diff", folder(), "0", "0"}).out,
              HasSubstr("\n0 % of 1,000 choices differ"));
}

TEST_F(ExpertsCommandTest, ExportsAndImports) {
  const std::string policy = Path("a.rpolicy"), training = Path("a.rtraining");
  Outcome o = Run({"experts", "export", folder(), "1", "--out", policy});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(LoadPolicy(policy)->model.actor_parameters[0], 11);
  EXPECT_EQ(Run({"experts", "export", folder(), "1", "--out", training, "--training"}).code, 0);
  EXPECT_EQ(LoadTraining(training)->state.steps_done, 1400);

  // For the environment that is known without an expert: with what the detector knows of it.
  o = Run({"experts", "import", folder(), policy, "--environment", "2", "--label", "night"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("is expert 2 (night)"));
  {
    const ExpertLibrary library = Reopened();
    EXPECT_EQ(library.version(), 2);
    const Expert& expert = *library.Find(2);
    EXPECT_EQ(expert.state.model.actor_parameters[0], 11);
    EXPECT_NEAR(expert.stats.contexts.mean[0], -10, 0.3);
    EXPECT_EQ(expert.label, "night");
    EXPECT_EQ(library.detector(), Detector());
  }
  // In place of another only when asked; its environment stays what it was.
  o = Run({"experts", "import", folder(), training, "--environment", "0"});
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("there is an expert 0 (e0); --replace"));
  o = Run({"experts", "import", folder(), training, "--environment", "0", "--replace"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(Reopened().Find(0)->state.steps_done, 1400);
  EXPECT_EQ(Reopened().Find(0)->label, "e0");
  EXPECT_EQ(Reopened().Find(0)->stats.contexts.mean[0], 0);

  // A new library takes a training, but no policy, which has no critic.
  o = Run({"experts", "import", Path("new"), policy, "--environment", "0"});
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("without a critic"));
  o = Run({"experts", "import", Path("new"), training, "--environment", "0"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(json::parse(Run({"experts", "list", Path("new"), "-o", "json"}).out).size(), 1u);
}

TEST_F(ExpertsCommandTest, ForgetsExpertAndEnvironment) {
  Outcome o = Run({"experts", "forget", folder(), "1"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.out, "forgotten: expert 1 (e1) and its environment\n");
  EXPECT_EQ(Reopened().Find(1), nullptr);
  EXPECT_NE(Reopened().Find(0), nullptr);
  EXPECT_THAT(Known(), ElementsAre(0, 2));

  o = Run({"experts", "forget", folder(), "0", "--expert-only"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(Reopened().Find(0), nullptr);
  EXPECT_THAT(Known(), ElementsAre(0, 2));

  o = Run({"experts", "forget", folder(), "0"});
  EXPECT_EQ(o.out, "forgotten: environment 0, which had no expert\n");
  o = Run({"experts", "forget", folder(), "2"});
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("environment 2 is in force"));
  EXPECT_THAT(Known(), ElementsAre(2));
  EXPECT_EQ(Reopened().version(), 4);  // what fails writes nothing
}

TEST_F(ExpertsCommandTest, ForgetsAllOrNone) {
  ExpectUsageError({"experts", "forget", folder(), "0", "7"}, "no expert 7; there are 1 (e1)");
  EXPECT_NE(Reopened().Find(0), nullptr);
  EXPECT_EQ(Run({"experts", "forget", folder(), "0", "1"}).code, 0);
  EXPECT_THAT(Reopened().experts(), testing::IsEmpty());
}

TEST_F(ExpertsCommandTest, Errors) {
  ExpectUsageError({"experts"}, "a command is needed: list, show, diff, export, import, forget");
  ExpectUsageError({"experts", "show", folder(), "9"}, "no expert 9; there are 0 (e0), 1 (e1)");
  ExpectUsageError({"experts", "diff", folder(), "0", "9"}, "no expert 9; there are");
  ExpectUsageError({"experts", "export", folder(), "9", "--out", Path("x")}, "no expert 9");
  ExpectUsageError({"experts", "show", folder(), "-1"}, "'-1' is not an environment");
  EXPECT_EQ(Run({"experts", "import", Path("n"), Path("absent"), "--environment", "0"}).code, 3);
  EXPECT_FALSE(std::filesystem::exists(Path("n")));
  for (const std::string& folder : {Path("absent"), std::string(testing::TempDir())}) {
    for (const char* command : {"list", "forget"}) {
      std::vector<std::string> arguments = {"experts", command, folder};
      if (std::string(command) == "forget") arguments.push_back("0");
      const Outcome o = Run(arguments);
      EXPECT_EQ(o.code, 3);
      EXPECT_THAT(o.err, StartsWith("reeve: " + folder));
    }
  }
  EXPECT_FALSE(std::filesystem::exists(Path("absent")));
  EXPECT_EQ(Run({"experts", "import", folder(), Path("absent"), "--environment", "3"}).code, 3);
}

TEST_F(ExpertsCommandTest, DamagedFilesAreToldAndPassedOver) {
  std::filesystem::resize_file(folder() + "/" + ExpertFileName(0, 1), 100);
  const Outcome o = Run({"experts", "list", folder(), "-o", "json"});
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.err, StartsWith("reeve: warning: "));
  EXPECT_THAT(o.err, HasSubstr(ExpertFileName(0, 1)));
  EXPECT_EQ(json::parse(o.out)[0]["label"], "(no expert)");
  EXPECT_EQ(json::parse(o.out)[1]["label"], "e1");
}

TEST_F(ExpertsCommandTest, ALibraryInUseIsShownAndNotChanged) {
  const ExpertLibrary library = OpenLibrary(folder());  // as a running process has it
  EXPECT_EQ(Run({"experts", "list", folder()}).code, 0);
  const Outcome o = Run({"experts", "forget", folder(), "0"});
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("another process has this library of experts open"));
  EXPECT_NE(Reopened().Find(0), nullptr);
}

// The same commands on what `reeve serve` keeps in its store.
TEST_F(ExpertsCommandTest, AStoreIsALibraryToo) {
  const std::string store = Path("reeve.db"), policy = Path("a.rpolicy");
  const auto open = [&](ExpertStorage::Access access) {
    auto library = ExpertLibrary::Open(*OpenExpertStore(store, access), {}, {});
    EXPECT_TRUE(library.ok()) << library.status();
    return *std::move(library);
  };
  {
    ExpertLibrary library = open(ExpertStorage::Access::kWrite);
    library.Put(SmallExpert(0, 0, 10));
    library.Put(SmallExpert(1, 12, 11));
    ASSERT_TRUE(library.Save(Detector()).ok());
    EXPECT_EQ(json::parse(Run({"experts", "list", store, "-o", "json"}).out).size(), 3u);
    const Outcome o = Run({"experts", "forget", store, "0"});
    EXPECT_EQ(o.code, 3);
    EXPECT_THAT(o.err, HasSubstr("another process has the experts of this store open"));
  }
  EXPECT_THAT(Run({"experts", "show", store, "1"}).out, HasSubstr("expert 1 (e1)"));
  EXPECT_THAT(Run({"experts", "diff", store, "0", "1"}).out, HasSubstr("output.weight"));
  EXPECT_EQ(Run({"experts", "export", store, "1", "--out", policy}).code, 0);
  Outcome o = Run({"experts", "import", store, policy, "--environment", "2"});
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr(store + ", version 2"));
  EXPECT_EQ(Run({"experts", "forget", store, "0"}).code, 0);
  const ExpertLibrary library = open(ExpertStorage::Access::kRead);
  EXPECT_EQ(library.version(), 3);
  EXPECT_EQ(library.Find(0), nullptr);
  EXPECT_EQ(library.Find(2)->state.model.actor_parameters[0], 11);

  for (const char* command : {"list", "forget"}) {
    std::vector<std::string> arguments = {"experts", command, policy};
    if (std::string(command) == "forget") arguments.push_back("0");
    o = Run(arguments);
    EXPECT_EQ(o.code, 3);
    EXPECT_THAT(o.err, HasSubstr("a.rpolicy: file is not a database: name the store"));
  }
}

}  // namespace
}  // namespace reeve
