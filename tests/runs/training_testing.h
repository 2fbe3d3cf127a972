// Trainings that take a fraction of a second, in a folder of their own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/status.h"
#include "runs/training_config.h"

namespace reeve {

class TrainingFixture : public ::testing::Test {
 protected:
  // training.yaml, scenario.yaml and cluster.yaml: two functions on one node, episodes of 12 steps,
  // 10 iterations of one episode of each of 4 environments.
  TrainingFixture() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Write("cluster.yaml", "name: c\nnodes: [{count: 1, cpu: 8, memory: 32Gi}]\n");
    Write("scenario.yaml", R"yaml(
name: tiny
cluster: cluster.yaml
functions:
  - {name: api, load: 6, duration_ms: "lognormal(mean=150, sd=60)", initial_replicas: 2}
  - name: job
    load: {rate_rps: 2, pattern: bursts, period: 40s, length: 15s, factor: 6, random_phase: true}
    duration_ms: lognormal(mean=300, sd=150)
control_period: 5s
episode: {length: 60s}
action: {min_replicas: 1, max_replicas: 8}
)yaml");
    Write("training.yaml", R"(
name: tiny
scenario: scenario.yaml
environments: 4
learner:
  total_steps: 480
  horizon: 12
  learning_rate: 0.01
  actor: {width: 16}
  critic: {width: 16}
)");
  }
  ~TrainingFixture() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    ASSERT_TRUE(WriteFileAtomically(Path(name), text).ok());
  }
  std::string Read(const std::string& name) const {
    return ReadFile(Path(name)).value_or("cannot read " + name);
  }

  TrainingConfig Config(const std::vector<std::string>& assignments = {}) const {
    const auto config = LoadTrainingFile(Path("training.yaml"), assignments);
    EXPECT_TRUE(config.ok()) << MessageOf(config.status());
    return config.value_or(TrainingConfig());
  }

  static std::string FolderName() {
    std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(test.begin(), test.end(), '/', '_');
    return ::testing::TempDir() + "training_" + std::to_string(::getpid()) + "_" + test;
  }
  const std::string folder_ = FolderName();
};

}  // namespace reeve
