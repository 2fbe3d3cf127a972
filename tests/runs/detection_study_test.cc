#include "runs/detection_study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"
#include "runs/context_recording.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two functions on a small cluster, 20 requests a second; four times as many every now and then.
class DetectionStudyTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/detection_study_test";
    std::filesystem::create_directories(folder_);
    Write("cluster.yaml", "name: c\nnodes: [{count: 2, cpu: 16, memory: 64Gi}]\n");
    Write("scenario.yaml", R"yaml(
cluster: cluster.yaml
functions:
  - {name: web, load: 15, duration_ms: 50}
  - {name: job, load: 5, duration_ms: "exponential(mean=200)"}
length: 1h
control_period: 5s
)yaml");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/" + name, text).ok());
  }
  static absl::StatusOr<DetectionStudyConfig> Parse(const std::string& text) {
    ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Parse(text, "study.yaml"));
    DetectionStudyConfig config;
    RETURN_IF_ERROR(ReadConfig(node, config));
    return config;
  }
  static DetectionStudyConfig Study() {
    const auto config = Parse(R"(
kind: detection
workloads:
  shifting:
    scenario: scenario.yaml
    length: 1h
    schedule:
      environments: [{label: usual}, {label: busy, rate: 4}]
      min_stay: 8m
      max_stay: 10m
  still: {scenario: scenario.yaml, length: 1h, tuned_on: shifting}
detectors:
  - {label: truth, detector: {kind: oracle}}
  - label: CUSUM
    detector: {kind: cusum, cusum: {threshold: 1e5}}
    search: {cusum.threshold: {values: [20, 1e6]}}
seeds: 2
tuning_seeds: 1
resamples: 100
)");
    EXPECT_TRUE(config.ok()) << MessageOf(config.status());
    return *config;
  }
  absl::StatusOr<DetectionResults> Run(const DetectionStudyConfig& config, int threads = 1) {
    return RunDetectionStudy(config, folder_, threads);
  }
  std::string folder_;
};

TEST_F(DetectionStudyTest, MeasuresEveryDetectorOnEveryWorkload) {
  const auto results = Run(Study());
  ASSERT_TRUE(results.ok()) << MessageOf(results.status());
  ASSERT_EQ(results->rows.size(), 4u);
  EXPECT_THAT(results->context,
              ElementsAre("arrival_rate", "execution_time", "shares[0]", "shares[1]"));
  const DetectionRow& truth = results->rows[0];
  EXPECT_EQ(truth.detector, "truth");
  for (const DetectionRun& run : truth.runs) {
    EXPECT_GE(run.score.shifts.size(), 5u);
    EXPECT_EQ(run.score.f1(), 1);
    EXPECT_EQ(run.score.mean_delay_s(), 5) << "one control period";
    EXPECT_EQ(run.score.opened, 2);
  }
  EXPECT_EQ(truth.runs[0].seed, 1u);
  EXPECT_NE(truth.runs[0].score.shifts[0].at, truth.runs[1].score.shifts[0].at);
  // A threshold that can be passed was chosen over two that cannot, and with it four times the load
  // is a matter of a minute or two.
  const DetectionRow& cusum = results->rows[1];
  EXPECT_THAT(cusum.parameters, ElementsAre(testing::Pair("cusum.threshold", "20")));
  ASSERT_TRUE(cusum.tuning_f1);
  EXPECT_GT(*cusum.tuning_f1, 0.9);
  for (const DetectionRun& run : cusum.runs) {
    EXPECT_EQ(run.score.recall(), 1);
    EXPECT_LT(run.score.mean_delay_s(), 120);
    EXPECT_EQ(run.score.recognised_share(), 1);
  }
  // As it is: nothing to find, and the tuning of the other.
  const DetectionRow& still = results->rows[3];
  EXPECT_EQ(still.workload, "still");
  EXPECT_EQ(still.parameters, cusum.parameters);
  for (const DetectionRun& run : still.runs) EXPECT_EQ(run.score.false_alarms, 0);
}

TEST_F(DetectionStudyTest, ThreadsChangeNothing) {
  const auto one = Run(Study(), 1), three = Run(Study(), 3);
  ASSERT_TRUE(one.ok() && three.ok());
  EXPECT_EQ(DetectionJson(*one), DetectionJson(*three));
}

TEST_F(DetectionStudyTest, TablesAndJsonSayWhatWasFound) {
  const auto results = Run(Study());
  ASSERT_TRUE(results.ok());
  const auto json = nlohmann::json::parse(DetectionJson(*results));
  EXPECT_EQ(json["format"], "reeve-detection-study");
  EXPECT_EQ(json["rows"][0]["means"]["f1"]["value"], 1);
  EXPECT_TRUE(json["rows"][2]["means"]["f1"].is_null()) << "no shift and no change";
  EXPECT_EQ(json["rows"][0]["runs"][0]["shifts"][0]["size"], "busy");
  EXPECT_EQ(json["rows"][0]["runs"][0]["shifts"][1]["size"], "busy") << "home from it";
  EXPECT_EQ(json["rows"][0]["runs"][0]["shifts"][1]["to"], "usual");
  const auto& detected = json["rows"][0]["runs"][0]["detected"];
  EXPECT_EQ(detected[0], nlohmann::json::array({0.0, 0}));
  EXPECT_EQ(detected[1][0].get<double>(),
            json["rows"][0]["runs"][0]["shifts"][0]["at_s"].get<double>() + 5);
  EXPECT_THAT(DetectionTable(*results).ToCsv(), HasSubstr("shifting,truth,1,1,1,5,0,1,2,"));
  EXPECT_THAT(ShiftSizeTable(*results).ToCsv(), HasSubstr("shifting,truth,busy,"));
}

TEST_F(DetectionStudyTest, StopsWhenAsked) {
  const absl::Status status =
      RunDetectionStudy(Study(), folder_, 2, {.stop = [] { return true; }}).status();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST_F(DetectionStudyTest, ErrorsSayWhere) {
  Write("data.yaml", "cluster: cluster.yaml\nworkload: {trace: nowhere}\n");
  DetectionStudyConfig config = Study();
  config.workloads["data"].scenario = "data.yaml";
  config.workloads["data"].tuned_on = "shifting";
  const absl::Status status = Run(config).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(MessageOf(status), HasSubstr("workloads: data: "));
  config = Study();
  config.detectors[1].search["cusum.treshold"].values = {"1"};
  EXPECT_THAT(MessageOf(Run(config).status()), HasSubstr("did you mean 'threshold'?"));
}

// What docs/results.md is made with: it can be read, and every detector has as many tries.
TEST_F(DetectionStudyTest, TheExperimentOfTheDocsTunesAllAlike) {
  const auto text = ReadFile(REEVE_SOURCE_DIR "/configs/experiments/detection.yaml");
  ASSERT_TRUE(text.ok()) << MessageOf(text.status());
  const auto config = Parse(*text);
  ASSERT_TRUE(config.ok()) << MessageOf(config.status());
  for (const StudyDetector& detector : config->detectors) {
    if (detector.detector.kind == DetectorKind::kOracle) continue;
    const auto candidates = GridCandidates(detector.search, 1000);
    ASSERT_TRUE(candidates.ok()) << MessageOf(candidates.status());
    EXPECT_EQ(candidates->size(), 1u + 4 * 3) << detector.label;
  }
  const auto scenario = LoadScenario(REEVE_SOURCE_DIR "/configs/scenarios/shifting.yaml");
  EXPECT_TRUE(scenario.ok()) << MessageOf(scenario.status());
}

TEST_F(DetectionStudyTest, ConfigurationsAreChecked) {
  const auto error = [](const std::string& change) {
    DetectionStudyConfig config = Study();
    if (change == "label") config.detectors[1].label = "truth";
    if (change == "tuned_on") config.workloads["still"].tuned_on = "shiftin";
    if (change == "still") config.workloads["still"].tuned_on = "";
    if (change == "seeds") config.first_tuning_seed = 2;
    return MessageOf(config.Validate());
  };
  EXPECT_THAT(error("label"), HasSubstr("two are labelled 'truth'"));
  EXPECT_THAT(error("tuned_on"), HasSubstr("still: tuned_on: no workload 'shiftin'"));
  EXPECT_THAT(error("still"), HasSubstr("still: it is tuned on 'still', which has no schedule"));
  EXPECT_THAT(error("seeds"), HasSubstr("must be apart"));
}

}  // namespace
}  // namespace reeve
