#include "agents/adapt/expert.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "agents/adapt/tensor_vectors.h"
#include "agents/ppo/tensor_file.h"
#include "core/status.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostDimensions = 4096;

// What an expert has beside its training, as vectors.
StateVectors BesideTheTraining(const Expert& expert) {
  StateVectors state;
  state.integers["about"] = {
      expert.environment,  expert.created.micros(),          expert.last_used.micros(),
      expert.begun_from,   expert.exploration_steps,         expert.explored ? 1 : 0,
      expert.stats.visits, expert.stats.first_seen.micros(), expert.stats.last_seen.micros()};
  state.reals["context.count"] = {expert.stats.contexts.count};
  state.reals["context.mean"] = expert.stats.contexts.mean;
  state.reals["context.covariance"] = expert.stats.contexts.covariance;
  std::vector<int64_t> times, steps;
  std::vector<double> returns;
  for (const ExpertReturn& entry : expert.history) {
    times.push_back(entry.time.micros());
    steps.push_back(entry.steps);
    returns.push_back(entry.mean_return);
  }
  state.integers["history.times"] = std::move(times);
  state.integers["history.steps"] = std::move(steps);
  state.reals["history.returns"] = std::move(returns);
  return state;
}

absl::Status ReadBeside(const StateVectors& state, Expert& expert) {
  StateReader reader(state);
  std::vector<int64_t> about, times, steps;
  std::vector<double> count, returns;
  ContextMoments& contexts = expert.stats.contexts;
  reader.Read("about", 9, about);
  reader.Read("context.count", 1, count);
  reader.ReadUpTo("context.mean", kMostDimensions, contexts.mean);
  const size_t d = contexts.mean.size();
  reader.Read("context.covariance", d * d, contexts.covariance);
  reader.ReadUpTo("history.returns", Expert::kHistoryKept, returns);
  reader.Read("history.times", returns.size(), times);
  reader.Read("history.steps", returns.size(), steps);
  if (reader.ok() && (about[0] < 0 || about[4] < 0))
    reader.Fail("a negative id or number of steps");
  if (reader.ok() && count[0] < 0) reader.Fail("a negative number of contexts");
  for (size_t i = 0; reader.ok() && i < d; ++i) {
    if (contexts.covariance[i * d + i] < 0) reader.Fail("a negative variance of contexts");
  }
  if (!reader.ok()) return reader.status();
  expert.environment = expert.stats.id = about[0];
  expert.created = SimTime::Micros(about[1]);
  expert.last_used = SimTime::Micros(about[2]);
  expert.begun_from = about[3];
  expert.exploration_steps = about[4];
  expert.explored = about[5] != 0;
  expert.stats.visits = about[6];
  expert.stats.first_seen = SimTime::Micros(about[7]);
  expert.stats.last_seen = SimTime::Micros(about[8]);
  contexts.count = count[0];
  for (size_t i = 0; i < returns.size(); ++i) {
    expert.history.push_back({SimTime::Micros(times[i]), returns[i], steps[i]});
  }
  return absl::OkStatus();
}

}  // namespace

void Expert::Note(const ExpertReturn& entry) {
  if (history.size() >= kHistoryKept) history.erase(history.begin());
  history.push_back(entry);
}

std::string SerialiseExpert(const Expert& expert) {
  TensorFile file = TrainingToTensors(expert.info, expert.state);
  Json content = Json::parse(file.content);
  content["expert"] = {{"label", expert.label}};
  file.content = content.dump(-1, ' ', false, Json::error_handler_t::replace);
  AddVectors("expert.", BesideTheTraining(expert), file);
  return SerialiseTensorFile(file);
}

absl::StatusOr<Expert> ParseExpert(const std::string& bytes, const std::string& path) {
  ASSIGN_OR_RETURN(const TensorFile file, ParseTensorFile(bytes, path));
  ASSIGN_OR_RETURN(TrainingCheckpoint training, TrainingFromTensors(file, path));
  Expert expert;
  expert.info = std::move(training.info);
  expert.state = std::move(training.state);
  const Json content = Json::parse(file.content, nullptr, false);
  const auto about = content.find("expert");
  if (about == content.end() || !about->is_object() || !about->contains("label") ||
      !(*about)["label"].is_string()) {
    return absl::InvalidArgumentError(path + ": a training, but not an expert's");
  }
  expert.label = (*about)["label"].get<std::string>();
  const absl::Status beside = ReadBeside(TakeVectors("expert.", file), expert);
  if (!beside.ok()) {
    return absl::DataLossError(fmt::format("{}: damaged: {}", path, MessageOf(beside)));
  }
  return expert;
}

}  // namespace reeve
