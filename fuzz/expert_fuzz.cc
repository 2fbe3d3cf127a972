// Files of a library of experts, as they come and with their checksum mended: what is accepted is
// consistent, is written as the same again, and its detector's state can be read and forgotten in.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "agents/adapt/detector_state.h"
#include "agents/adapt/expert.h"
#include "agents/adapt/library_index.h"
#include "core/check.h"
#include "tests/agents/ppo/tensor_file_seal.h"

namespace {

void CheckExpert(const reeve::Expert& expert) {
  const size_t d = expert.stats.contexts.dimensions();
  REEVE_CHECK(expert.environment >= 0 && expert.stats.id == expert.environment);
  REEVE_CHECK(expert.stats.contexts.covariance.size() == d * d);
  REEVE_CHECK(expert.stats.contexts.count >= 0);
  REEVE_CHECK(expert.history.size() <= reeve::Expert::kHistoryKept);
  for (const reeve::ExpertReturn& entry : expert.history) {
    REEVE_CHECK(std::isfinite(entry.mean_return));
  }
  const std::string bytes = reeve::SerialiseExpert(expert);
  const auto again = reeve::ParseExpert(bytes, "again");
  REEVE_CHECK(again.ok() && reeve::SerialiseExpert(*again) == bytes);
}

void CheckDetector(reeve::StateVectors state) {
  const auto overview = reeve::ReadDetectorState(state);
  if (!overview.ok()) return;
  for (const reeve::EnvironmentStats& stats : overview->environments) {
    const bool in_force = stats.id == overview->in_force;
    REEVE_CHECK(reeve::ForgetInDetectorState(stats.id, state).ok() != in_force);
    REEVE_CHECK((reeve::ReadDetectorState(state)->Find(stats.id) == nullptr) != in_force);
  }
}

void CheckIndex(const reeve::LibraryIndex& index) {
  for (const auto& [environment, version] : index.experts) {
    REEVE_CHECK(environment >= 0 && version >= 1 && version <= index.version);
  }
  const std::string bytes = reeve::SerialiseIndex(index);
  const auto again = reeve::ParseIndex(bytes, "again");
  REEVE_CHECK(again.ok() && again->experts == index.experts);
  CheckDetector(index.detector);
}

void ParseAndCheck(const std::string& bytes) {
  const auto expert = reeve::ParseExpert(bytes, "input");
  if (expert.ok()) CheckExpert(*expert);
  const auto index = reeve::ParseIndex(bytes, "input");
  if (index.ok()) CheckIndex(*index);
  REEVE_CHECK(!expert.ok() || !index.ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  ParseAndCheck(bytes);
  ParseAndCheck(reeve::ResealedTensorFile(bytes));
  return 0;
}
