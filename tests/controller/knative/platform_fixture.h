// A KnativePlatform on a test's cluster.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "controller/knative/knative_platform.h"
#include "controller/knative/names.h"
#include "tests/controller/knative/test_cluster.h"

namespace reeve {

inline const char* FromEnvironment(const char* name) {
  return std::getenv(name);
}

inline Decision Replicas(int32_t count) {
  Decision decision;
  decision.replicas = count;
  return decision;
}

class KnativePlatformTest : public ::testing::Test {
 protected:
  KnativeConfig Config(AttachMode attach = AttachMode::kAnnotate) {
    KnativeConfig config;
    config.kubeconfig = cluster_.AdminConfig();
    config.ns = cluster_.ns();
    config.attach = attach;
    config.annotated = AnnotatedObject::kRevision;
    config.lease.enabled = false;
    config.writes_per_second = 1000;
    config.direct.period = SimTime::Millis(50);
    config.direct.requests_port = 0;
    config.zero_grace = SimTime::Millis(300);
    config.actuation_within = SimTime::Seconds(1);
    config.probe_within = SimTime::Millis(500);
    return config;
  }
  void Begin(const KnativeConfig& config) {
    auto platform = KnativePlatform::Create(config, FromEnvironment);
    ASSERT_TRUE(platform.ok()) << platform.status();
    platform_ = *std::move(platform);
  }
  // Observes until it is so; a bound only for a test that fails.
  template <class Condition>
  ::testing::AssertionResult Eventually(const Condition& condition) {
    absl::Status last;
    for (int i = 0; i < 1500; ++i) {
      last = platform_->Observe(snapshot_);
      if (last.ok() && condition()) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return ::testing::AssertionFailure() << "not within 30 s; " << last;
  }
  const LiveFunction& Function(size_t slot) { return platform_->catalogue().functions[slot]; }
  const FunctionStatus& Status(size_t slot) { return platform_->Status()[slot]; }
  size_t Functions() { return platform_->catalogue().functions.size(); }
  absl::Status Apply(const Decision& decision, size_t slot = 0) {
    std::vector<Decision> decisions(Functions());
    decisions[slot] = decision;
    return platform_->Apply(decisions);
  }
  absl::Status HandBack(size_t slot = 0) {
    const FunctionId id(static_cast<uint32_t>(slot));
    return platform_->HandBack({&id, 1});
  }
  std::string OnRevision(std::string_view key) {
    return cluster_.Annotation(knative::kRevisions, "hello-00001", key);
  }
  std::string OnAutoscaler(std::string_view key) {
    return cluster_.Annotation(knative::kPodAutoscalers, "hello-00001", key);
  }

  TestCluster cluster_;
  std::unique_ptr<KnativePlatform> platform_;
  Snapshot snapshot_;
};

}  // namespace reeve
