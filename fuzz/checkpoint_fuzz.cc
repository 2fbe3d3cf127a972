// Checkpoints, as they come and with their checksum mended, so that what lies behind it is reached:
// whatever is accepted must be as consistent as the readers promise.
#include <cstddef>
#include <cstdint>
#include <string>

#include "agents/ppo/checkpoint.h"
#include "agents/ppo/tensor_file.h"
#include "core/check.h"
#include "tests/agents/ppo/tensor_file_seal.h"

namespace {

void CheckModel(const reeve::PolicyModel& model) {
  const auto agents = static_cast<size_t>(model.agents());
  REEVE_CHECK(model.agent_names.size() == agents && model.group_of.size() == agents);
  REEVE_CHECK(model.feature_names.size() == static_cast<size_t>(model.features()));
  for (const int32_t group : model.group_of) REEVE_CHECK(group >= 0 && group < model.groups);
  REEVE_CHECK(model.actor.inputs == model.actor_view.size());
  REEVE_CHECK(model.actor.outputs == model.choices());
  REEVE_CHECK(model.actor_parameters.size() ==
              static_cast<size_t>(model.groups * model.actor.parameters));
  REEVE_CHECK(model.observations.mean.size() ==
              static_cast<size_t>(model.groups) * static_cast<size_t>(model.features()));
}

void ParseAndCheck(const std::string& bytes) {
  const auto file = reeve::ParseTensorFile(bytes, "input");
  REEVE_CHECK(file.ok() || !file.status().message().empty());
  if (file.ok()) {
    // What was read can be written, and is then read as the same.
    const auto again = reeve::ParseTensorFile(reeve::SerialiseTensorFile(*file), "again");
    REEVE_CHECK(again.ok() && again->tensors.size() == file->tensors.size());
  }
  const auto policy = reeve::ParsePolicy(bytes, "input");
  if (policy.ok()) CheckModel(policy->model);
  const auto training = reeve::ParseTraining(bytes, "input");
  if (training.ok()) {
    REEVE_CHECK(policy.ok());
    CheckModel(training->state.model);
    REEVE_CHECK(training->state.actor_first_moments.size() ==
                training->state.model.actor_parameters.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  ParseAndCheck(bytes);
  ParseAndCheck(reeve::ResealedTensorFile(bytes));
  return 0;
}
