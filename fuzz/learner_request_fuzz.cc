// Requests of the learner: any bytes get a reply that can be read, whatever is learned from leads
// to a state that can be, and another's expert learns on as before.
//
// The first byte says what follows: 'r' a request, 'b' a batch, in a request that is sound.
#include <google/protobuf/stubs/logging.h>
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "controller/learner/batch_message.h"
#include "controller/learner/learner_jobs.h"
#include "controller/learner/state_message.h"
#include "core/check.h"
#include "core/config.h"

namespace reeve {
namespace {

namespace wire = learner::v1;

// Reads all that an update reads.
class ReadingTrainer final : public ExpertTrainer {
 public:
  explicit ReadingTrainer(TrainerState state) : state_(std::move(state)) {}
  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override {
    const Rollout& r = batch.rollout;
    OnlineUpdate update;
    update.groups.resize(static_cast<size_t>(state_.model.groups));
    size_t choice = 0;
    for (size_t cell = 0; cell < r.weights.size(); ++cell) {
      for (size_t h = 0; h < state_.model.heads().size(); ++h) {
        const auto action = static_cast<size_t>(r.actions[cell * state_.model.heads().size() + h]);
        REEVE_CHECK(r.weights[cell] == 0 || r.legal[choice + action] == 1);
        choice += static_cast<size_t>(state_.model.heads()[h]);
      }
    }
    const auto steps = static_cast<size_t>(r.steps);
    for (size_t end = steps; end <= r.cuts.size(); end += steps) REEVE_CHECK(r.cuts[end - 1] == 1);
    REEVE_CHECK(!batch.environments.empty());
    for (const MomentSums& sums : r.observation_sums) state_.model.observations.Merge(sums, 100);
    ++state_.iteration;
    return update;
  }
  const TrainerState& state() const override { return state_; }

 private:
  TrainerState state_;
};

LearnerJobs::Learners Readers() {
  return [](const OnlineSpec&) -> ExpertTrainerFactory {
    return [](TrainerState state, int32_t, int32_t) -> std::unique_ptr<ExpertTrainer> {
      return std::make_unique<ReadingTrainer>(std::move(state));
    };
  };
}

OnlineSpec Online() {
  OnlineSpec spec;
  spec.learner.form = Form::kSRl;
  spec.learner.actor.width = spec.learner.critic.width = 2;
  spec.learner.actor.layers = spec.learner.critic.layers = 1;
  return spec;
}

VectorEnvSpec Shape() {
  VectorEnvSpec shape;
  shape.agents = 2;
  shape.features = 1;
  shape.heads = {2, 3};
  shape.feature_names = {"f"};
  shape.agent_names = {"a", "b"};
  shape.tenants = {0, 0};
  return shape;
}

// One stretch of two steps in which nothing counts.
wire::Batch SoundBatch(const PolicyModel& model) {
  VectorEnvSpec shape = Shape();
  Rollout rollout(model, shape, 2);
  std::fill(rollout.legal.begin(), rollout.legal.end(), uint8_t{1});
  std::fill(rollout.cuts.begin(), rollout.cuts.end(), uint8_t{1});
  const int64_t environment = 0;
  wire::Batch batch;
  WriteBatch({rollout, {&environment, 1}, 0.01}, WriteConfig(Online()), batch);
  return batch;
}

std::string Learn(const std::string& expert, uint64_t job, const std::string& state,
                  const std::string& batch) {
  wire::Request request;
  request.set_version(kLearnerVersion);
  request.set_id(job);
  request.set_expert(expert);
  wire::Learn& learn = *request.mutable_learn();
  learn.set_job(job);
  learn.set_base(StateVersion(state));
  learn.set_state(state);
  learn.set_batch(batch);
  learn.set_batch_xxh3(XXH3_64bits(batch.data(), batch.size()));
  return request.SerializeAsString();
}

wire::Reply Ask(LearnerJobs& jobs, std::string_view peer, std::string_view bytes) {
  wire::Reply reply;
  REEVE_CHECK(reply.ParseFromString(jobs.Handle(peer, bytes, SimTime::Seconds(1))));
  REEVE_CHECK(reply.version() == kLearnerVersion);
  REEVE_CHECK(reply.body_case() != wire::Reply::BODY_NOT_SET);
  if (reply.has_learned()) REEVE_CHECK(ReadState(reply.learned().state()).ok());
  return reply;
}

void FuzzOne(char kind, std::string_view input) {
  static const auto quiet = google::protobuf::SetLogHandler(nullptr);  // as the service does
  (void)quiet;
  static const TrainerState state = MakeTrainerState(Shape(), Online().learner, 1);
  static const std::string file = WriteState(state);
  static const std::string sound = SoundBatch(state.model).SerializeAsString();
  LearnerLimits limits;
  limits.update_bytes = 64 << 20;
  LearnerJobs jobs(limits, Readers());
  const std::string bytes =
      kind == 'b' ? Learn("e", 1, file, std::string(input)) : std::string(input);
  for (int i = 0; i < 2; ++i) {
    Ask(jobs, "fuzz", bytes);
    jobs.WorkOne(SimTime());
    Ask(jobs, "good", Learn("e", static_cast<uint64_t>(i) + 1, file, sound));
    while (jobs.WorkOne(SimTime())) {
    }
    REEVE_CHECK(
        Ask(jobs, "good", Learn("e", static_cast<uint64_t>(i) + 1, file, sound)).has_learned());
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  reeve::FuzzOne(input.front(), input.substr(1));
  return 0;
}
