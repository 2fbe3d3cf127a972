#include "agents/ppo/checkpoint.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "agents/ppo/tensor_file.h"
#include "core/check.h"
#include "core/config.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kPolicyKind = "policy", kTrainingKind = "training";

template <class T>
int64_t Size(const std::vector<T>& values) {
  return static_cast<int64_t>(values.size());
}

// ---- Writing ----

template <class T>
void AddTensor(TensorFile& file, const std::string& name, std::vector<int64_t> shape,
               const std::vector<T>& values) {
  file.tensors.push_back({.name = name, .shape = std::move(shape), .data = values});
}

void AddMoments(TensorFile& file, const std::string& name, const RunningMoments& moments) {
  const std::vector<int64_t> shape = {moments.groups, moments.features};
  AddTensor(file, name + ".mean", shape, moments.mean);
  AddTensor(file, name + ".variance", shape, moments.variance);
  AddTensor(file, name + ".count", shape, moments.count);
}

// Nothing, when there is nothing to remember.
void AddMemory(TensorFile& file, const std::string& name, const std::vector<int64_t>& shape,
               const ElasticMemory& memory) {
  if (memory.empty()) return;
  AddTensor(file, name + ".importance", shape, memory.importance);
  AddTensor(file, name + ".centre", shape, memory.centre);
}

std::string_view NameOf(View view) {
  for (const auto& [candidate, name] : EnumNames(View{})) {
    if (candidate == view) return name;
  }
  REEVE_CHECK(false);
}

Json ViewJson(const ViewShape& view) {
  return {{"view", NameOf(view.view)},
          {"agents", view.agents},
          {"features", view.features},
          {"heads", view.heads},
          {"agent_id", view.agent_id}};
}

Json InfoJson(const CheckpointInfo& info) {
  for (const auto& [name, value] : info.metrics) REEVE_CHECK(std::isfinite(value));
  return {{"config", info.config},        {"observation", info.observation},
          {"action", info.action},        {"control_period_s", info.control_period_s},
          {"tenants", info.tenant_names}, {"metrics", info.metrics}};
}

Json ModelJson(const PolicyModel& model, bool with_critic) {
  Json json = {{"features", model.feature_names},
               {"agents", model.agent_names},
               {"group_of", model.group_of},
               {"groups", model.groups},
               {"actor_view", ViewJson(model.actor_view)},
               {"actor", WriteConfig(model.actor.spec)}};
  if (with_critic) {
    json["critic_view"] = ViewJson(model.critic_view);
    json["critic"] = WriteConfig(model.critic.spec);
  }
  return json;
}

void AddModel(TensorFile& file, const PolicyModel& model, bool with_critic) {
  AddTensor(file, "actor", {model.groups, model.actor.parameters}, model.actor_parameters);
  AddMoments(file, "observations", model.observations);
  if (!with_critic) return;
  AddTensor(file, "critic", {model.groups, model.critic.parameters}, model.critic_parameters);
  AddMoments(file, "values", model.values);
}

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// ---- Reading ----

// Reads the parts of one file; the first thing that is missing or does not fit is remembered, and
// all further reading does nothing.
class Reader {
 public:
  Reader(const TensorFile& file, const std::string& path) : file_(file), path_(path) {
    content_ = Json::parse(file.content, nullptr, false);
    if (!content_.is_object()) Fail("its description is not a map");
  }

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }
  const Json& content() const { return content_; }

  void Fail(std::string_view what) {
    if (ok()) status_ = absl::DataLossError(fmt::format("{}: damaged: {}", path_, what));
  }

  // object[key] as T; T{} after a failure.
  template <class T>
  T Get(const Json& object, const char* key) {
    if (!ok()) return T{};
    try {
      return object.at(key).get<T>();
    } catch (const Json::exception&) {
      Fail(fmt::format("'{}' is missing or not of its type", key));
      return T{};
    }
  }
  int64_t GetInteger(const Json& object, const char* key, int64_t lowest, int64_t highest) {
    const auto value = Get<int64_t>(object, key);
    if (ok() && (value < lowest || value > highest)) {
      Fail(fmt::format("'{}' is {}, allowed are {} to {}", key, value, lowest, highest));
      return lowest;
    }
    return value;
  }
  Json Object(const Json& object, const char* key) {
    if (ok() && !(object.contains(key) && object[key].is_object())) {
      Fail(fmt::format("'{}' is missing or not a map", key));
    }
    return ok() ? object[key] : Json::object();
  }

  // The values of the tensor, of exactly this shape.
  template <class T>
  std::vector<T> Tensor(const std::string& name, const std::vector<int64_t>& shape) {
    const std::vector<T>* values = nullptr;
    if (ok()) {
      const NamedTensor* tensor = file_.Find(name);
      if (tensor != nullptr && tensor->shape == shape) {
        values = std::get_if<std::vector<T>>(&tensor->data);
      }
      if (values == nullptr) {
        Fail(fmt::format("tensor '{}' is missing or not of shape [{}]", name,
                         fmt::join(shape, ", ")));
      }
    }
    return values == nullptr ? std::vector<T>{} : *values;
  }
  // Of one dimension, any length up to `longest`.
  template <class T>
  std::vector<T> List(const std::string& name, size_t longest) {
    const NamedTensor* tensor = ok() ? file_.Find(name) : nullptr;
    auto values = Tensor<T>(name, tensor == nullptr ? std::vector<int64_t>{} : tensor->shape);
    if (ok() && (tensor->shape.size() != 1 || values.size() > longest)) {
      Fail(fmt::format("tensor '{}' is not a list of at most {}", name, longest));
    }
    return values;
  }
  RunningMoments Moments(const std::string& name, int32_t groups, int32_t features) {
    const std::vector<int64_t> shape = {groups, features};
    RunningMoments moments{
        .groups = groups, .features = features, .mean = {}, .variance = {}, .count = {}};
    moments.mean = Tensor<double>(name + ".mean", shape);
    moments.variance = Tensor<double>(name + ".variance", shape);
    moments.count = Tensor<double>(name + ".count", shape);
    return moments;
  }
  // Empty where the file has none.
  ElasticMemory Memory(const std::string& name, const std::vector<int64_t>& shape) {
    ElasticMemory memory;
    if (!ok() || file_.Find(name + ".centre") == nullptr) return memory;
    memory.importance = Tensor<float>(name + ".importance", shape);
    memory.centre = Tensor<float>(name + ".centre", shape);
    return memory;
  }

 private:
  const TensorFile& file_;
  const std::string& path_;
  Json content_;
  absl::Status status_;
};

CheckpointInfo ReadInfo(Reader& reader, const Json& json) {
  CheckpointInfo info;
  info.config = reader.Get<std::string>(json, "config");
  info.observation = reader.Get<std::string>(json, "observation");
  info.action = reader.Get<std::string>(json, "action");
  info.control_period_s = reader.Get<double>(json, "control_period_s");
  info.tenant_names = reader.Get<std::vector<std::string>>(json, "tenants");
  info.metrics = reader.Get<std::map<std::string, double>>(json, "metrics");
  return info;
}

// Large enough for any cluster, small enough that no product of them overflows.
constexpr int64_t kMostAgents = 1000000, kMostInputs = 1000000, kMostHeads = 64;

ViewShape ReadView(Reader& reader, const Json& json) {
  ViewShape view;
  const auto name = reader.Get<std::string>(json, "view");
  bool known = false;
  for (const auto& [candidate, candidate_name] : EnumNames(View{})) {
    if (name != candidate_name) continue;
    view.view = candidate;
    known = true;
  }
  if (!known) reader.Fail(fmt::format("unknown view '{}'", name));
  view.agents = static_cast<int32_t>(reader.GetInteger(json, "agents", 1, kMostAgents));
  view.features = static_cast<int32_t>(reader.GetInteger(json, "features", 1, kMostInputs));
  view.agent_id = reader.Get<bool>(json, "agent_id");
  view.heads = reader.Get<std::vector<int32_t>>(json, "heads");
  int64_t choices = 0;
  for (const int64_t head : view.heads) {
    if (head < 1 || head > kMostInputs) reader.Fail("a head without choices");
    choices += head;
  }
  if (view.heads.empty() || Size(view.heads) > kMostHeads) {
    reader.Fail(fmt::format("{} heads, allowed are 1 to {}", view.heads.size(), kMostHeads));
  }
  // No view is larger than all observations and actions side by side, with the agent's number.
  const int64_t largest = int64_t{view.agents} * (view.features + 1 + choices);
  if (reader.ok() && largest > std::numeric_limits<int32_t>::max() / 2) {
    reader.Fail("more inputs than a network can have");
  }
  return view;
}

// Where a network's numbers lie does not depend on the gains they began with.
constexpr double kNoGain = 0;

NetworkLayout ReadNetwork(Reader& reader, const Json& json, const char* key, int32_t inputs,
                          int32_t outputs, double output_gain) {
  const auto text = reader.Get<std::string>(json, key);
  NetworkSpec spec;
  if (reader.ok()) {
    const auto node = ConfigNode::Parse(text, key);
    const absl::Status read = node.ok() ? ReadConfig(*node, spec) : node.status();
    if (!read.ok()) reader.Fail(MessageOf(read));
  }
  if (reader.ok() && (inputs < 1 || inputs > kMostInputs || outputs > kMostInputs)) {
    reader.Fail(fmt::format("a network of {} inputs and {} outputs", inputs, outputs));
  }
  return reader.ok() ? MakeLayout(spec, inputs, outputs, output_gain) : NetworkLayout{};
}

PolicyModel ReadModel(Reader& reader, const Json& json, bool with_critic) {
  PolicyModel model;
  model.feature_names = reader.Get<std::vector<std::string>>(json, "features");
  model.agent_names = reader.Get<std::vector<std::string>>(json, "agents");
  model.group_of = reader.Get<std::vector<int32_t>>(json, "group_of");
  model.actor_view = ReadView(reader, reader.Object(json, "actor_view"));
  const int32_t agents = model.agents();
  model.groups = static_cast<int32_t>(reader.GetInteger(json, "groups", 1, agents));
  if (Size(model.group_of) != agents || Size(model.agent_names) != agents ||
      Size(model.feature_names) != model.features()) {
    reader.Fail("names or groups are not as many as agents and features");
  }
  for (const int32_t group : model.group_of) {
    if (group < 0 || group >= model.groups) reader.Fail("an agent of no group");
  }
  if (!reader.ok()) return model;

  model.actor =
      ReadNetwork(reader, json, "actor", model.actor_view.size(), model.choices(), kNoGain);
  model.actor_parameters = reader.Tensor<float>("actor", {model.groups, model.actor.parameters});
  model.observations = reader.Moments("observations", model.groups, model.features());
  if (!with_critic) return model;
  model.critic_view = ReadView(reader, reader.Object(json, "critic_view"));
  if (reader.ok() &&
      (model.critic_view.agents != agents || model.critic_view.features != model.features() ||
       model.critic_view.heads != model.heads())) {
    reader.Fail("actor and critic see different environments");
  }
  if (!reader.ok()) return model;
  model.critic = ReadNetwork(reader, json, "critic", model.critic_view.size(), 1, kNoGain);
  model.critic_parameters = reader.Tensor<float>("critic", {model.groups, model.critic.parameters});
  model.values = reader.Moments("values", model.groups, 1);
  return model;
}

TrainerState ReadState(Reader& reader, const Json& json) {
  TrainerState state;
  state.model = ReadModel(reader, reader.Object(reader.content(), "model"), true);
  state.seed = reader.Get<uint64_t>(json, "seed");
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  state.iteration = reader.GetInteger(json, "iteration", 0, kMost);
  state.steps_done = reader.GetInteger(json, "steps_done", 0, kMost);
  const std::vector<int64_t> actor = {state.model.groups, state.model.actor.parameters};
  const std::vector<int64_t> critic = {state.model.groups, state.model.critic.parameters};
  state.actor_first_moments = reader.Tensor<float>("actor.first_moments", actor);
  state.actor_second_moments = reader.Tensor<float>("actor.second_moments", actor);
  state.critic_first_moments = reader.Tensor<float>("critic.first_moments", critic);
  state.critic_second_moments = reader.Tensor<float>("critic.second_moments", critic);
  state.actor_updates = reader.Tensor<int64_t>("actor.updates", {state.model.groups});
  state.critic_updates = reader.Tensor<int64_t>("critic.updates", {state.model.groups});
  state.actor_memory = reader.Memory("actor.memory", actor);
  state.critic_memory = reader.Memory("critic.memory", critic);
  state.recent_returns = reader.List<double>("recent_returns", TrainerState::kReturnsKept);
  return state;
}

absl::Status WrongKind(const std::string& path, const std::string& kind, std::string_view wanted) {
  return absl::InvalidArgumentError(
      fmt::format("{}: a checkpoint of kind '{}'; wanted: {}", path, kind, wanted));
}

}  // namespace

absl::Status SavePolicy(const std::string& path, const CheckpointInfo& info,
                        const PolicyModel& model) {
  TensorFile file{.kind = std::string(kPolicyKind),
                  .content = Text({{"info", InfoJson(info)}, {"model", ModelJson(model, false)}}),
                  .tensors = {}};
  AddModel(file, model, false);
  return WriteTensorFile(path, file);
}

TensorFile TrainingToTensors(const CheckpointInfo& info, const TrainerState& state) {
  const Json training = {
      {"seed", state.seed}, {"iteration", state.iteration}, {"steps_done", state.steps_done}};
  TensorFile file{.kind = std::string(kTrainingKind),
                  .content = Text({{"info", InfoJson(info)},
                                   {"model", ModelJson(state.model, true)},
                                   {"training", training}}),
                  .tensors = {}};
  AddModel(file, state.model, true);
  const std::vector<int64_t> actor = {state.model.groups, state.model.actor.parameters};
  const std::vector<int64_t> critic = {state.model.groups, state.model.critic.parameters};
  AddTensor(file, "actor.first_moments", actor, state.actor_first_moments);
  AddTensor(file, "actor.second_moments", actor, state.actor_second_moments);
  AddTensor(file, "critic.first_moments", critic, state.critic_first_moments);
  AddTensor(file, "critic.second_moments", critic, state.critic_second_moments);
  AddTensor(file, "actor.updates", {state.model.groups}, state.actor_updates);
  AddTensor(file, "critic.updates", {state.model.groups}, state.critic_updates);
  AddTensor(file, "recent_returns", {Size(state.recent_returns)}, state.recent_returns);
  AddMemory(file, "actor.memory", actor, state.actor_memory);
  AddMemory(file, "critic.memory", critic, state.critic_memory);
  return file;
}

absl::Status SaveTraining(const std::string& path, const CheckpointInfo& info,
                          const TrainerState& state) {
  return WriteTensorFile(path, TrainingToTensors(info, state));
}

absl::StatusOr<PolicyCheckpoint> ParsePolicy(const std::string& bytes, const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, ParseTensorFile(bytes, path));
  if (file.kind != kPolicyKind && file.kind != kTrainingKind) {
    return WrongKind(path, file.kind, "policy or training");
  }
  Reader reader(file, path);
  PolicyCheckpoint policy;
  policy.info = ReadInfo(reader, reader.Object(reader.content(), "info"));
  policy.model =
      ReadModel(reader, reader.Object(reader.content(), "model"), file.kind == kTrainingKind);
  if (!reader.ok()) return reader.status();
  return policy;
}

absl::StatusOr<TrainingCheckpoint> ParseTraining(const std::string& bytes,
                                                 const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, ParseTensorFile(bytes, path));
  return TrainingFromTensors(file, path);
}

absl::StatusOr<TrainingCheckpoint> TrainingFromTensors(const TensorFile& file,
                                                       const std::string& path) {
  if (file.kind != kTrainingKind) return WrongKind(path, file.kind, "training");
  Reader reader(file, path);
  TrainingCheckpoint training;
  training.info = ReadInfo(reader, reader.Object(reader.content(), "info"));
  training.state = ReadState(reader, reader.Object(reader.content(), "training"));
  if (!reader.ok()) return reader.status();
  return training;
}

absl::StatusOr<PolicyCheckpoint> LoadPolicy(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return ParsePolicy(bytes, path);
}

absl::StatusOr<TrainingCheckpoint> LoadTraining(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return ParseTraining(bytes, path);
}

}  // namespace reeve
