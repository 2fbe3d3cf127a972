// Learns while it acts, on one system that never stops: the same code in the simulator and live.
//
//   learner.Switch(environment);                 // whenever a detector says so
//   learner.Act(step, actions);                  // what to do in the next control period
//   …                                            // it passes
//   learner.Reward(rewards, own);                // what came of it, and whose doing it was
//
// Each environment has an expert: a policy that acts, a copy of it that learns on a thread of its
// own, and the batch of experience that is being collected. What was learned comes into force
// between two control periods, as a whole; the control loop waits for no gradient (but see
// OnlineSpec::swap_after). Shape letters as in envs/vector_env.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "agents/adapt/background_trainer.h"
#include "agents/adapt/experience.h"
#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_spec.h"
#include "agents/ppo/model_runner.h"
#include "envs/vector_env.h"

namespace reeve {

// What agents see before a control period.
struct OnlineStep {
  std::span<const float> observations;  // [N, O] raw; zeros for absent agents
  std::span<const uint8_t> legal;       // [N, K] at least one of each head
  std::span<const uint8_t> present;     // [N]
};

struct OnlineCounts {
  int64_t steps = 0;            // control periods
  int64_t updates = 0;          // that came into force
  int64_t switches = 0;         // of the expert in charge
  int64_t experts_begun = 0;    // explorations opened
  int64_t batches_dropped = 0;  // because the last one was still being learned from
  int64_t batches_lost = 0;     // because who learns was out of reach
};

// Where an expert goes on from; what agents/adapt keeps of it on disk.
struct OnlineExpertState {
  TrainerState trainer;
  int64_t steps = 0;       // of its exploration done, in control periods
  double value_error = 0;  // see OnlineUpdate
  bool explored = false;   // its exploration is over; told by StateOf
};

// Not thread-safe. Act does not allocate but when an expert begins.
class OnlineExperts {
 public:
  // `shape`: one environment of N agents. `trainers` makes those who learn (PpoExperts). Draws are
  // keyed by (seed, agent, control period).
  OnlineExperts(const VectorEnvSpec& shape, const OnlineSpec& spec, ExpertTrainerFactory trainers,
                uint64_t seed);
  // Finishes a training that is under way in this process, and gives up one elsewhere.
  ~OnlineExperts();

  // From the next Act on the expert of `environment` is in charge; `closest` (an environment with
  // an expert, or nothing) is whom a new one is copied from, if the specification says so. Unless
  // the method is `experts`, there is one policy for all.
  void Switch(int64_t environment, std::optional<int64_t> closest);

  // Chooses for all agents: actions [N, H]. Errors: a training that diverged.
  absl::Status Act(const OnlineStep& step, std::span<int32_t> actions);
  // What the control period since the last Act was worth, rewards [N]; `own` [N]: 1 where the
  // agent's choice was carried out, 0 where a fallback drove.
  void Reward(std::span<const float> rewards, std::span<const uint8_t> own);

  // Whether values() are asked for; before the first Act. If not, the critic's work is left to
  // those who learn, where it can be (CanValueLater); what is chosen and learned stays the same.
  void set_wants_values(bool wanted);
  // Of the last Act, in rewards: what the critic thinks the state is worth [N] (zeros when it was
  // left for later), and how far it has been off (root mean square over the last batch; 0 before
  // the first).
  std::span<const float> values() const { return values_; }
  double value_error() const;

  int64_t environment() const { return environment_; }
  bool exploring() const;  // the expert in charge is new to its environment
  const OnlineCounts& counts() const { return counts_; }
  const std::optional<OnlineUpdate>& last_update() const { return last_update_; }
  int64_t last_learned() const { return last_learned_; }  // environment of whose expert that was
  bool learning(int64_t environment) const;               // that expert is learning just now
  // Why the last batch was lost (ExpertTrainer::Learn's Unavailable); OK after an update. Experts
  // act on as they are, whatever it is.
  const absl::Status& trouble() const { return trouble_; }

  // The experts there are, by environment, and what they go on from. Waits for a training of that
  // expert.
  std::vector<int64_t> environments() const;
  absl::StatusOr<OnlineExpertState> StateOf(int64_t environment);
  // Replaces or adds an expert, before the first Act. InvalidArgument for other networks or agents.
  absl::Status Restore(int64_t environment, const OnlineExpertState& state);
  // The same for an expert that was another group of functions': as much of it as CarryOver takes.
  absl::Status Adopt(int64_t environment, const OnlineExpertState& state);
  // Gives up a training that is under way elsewhere; its expert learns no more. Before the last
  // StateOf of a process that has to end soon.
  void StopWaiting();
  // An expert goes for good, unless it is in charge or learning.
  void Forget(int64_t environment);

 private:
  struct Expert;

  Expert& ExpertFor(int64_t environment, std::optional<int64_t> closest);
  std::unique_ptr<Expert> MakeExpert(int64_t environment, TrainerState state, int64_t steps);
  void Install(int64_t environment, TrainerState trainer, const OnlineExpertState& state);
  absl::Status TakeLearned();
  absl::Status Finish(const absl::Status& status);
  void EndStretch(Expert& expert, const OnlineStep& step);
  void LearnFrom(Expert& expert);
  void Choose(const ModelRunner& runner, const OnlineStep& step, std::span<int32_t> actions);

  const VectorEnvSpec shape_;
  const OnlineSpec spec_;
  const ExperienceSpec experience_;
  const ExpertTrainerFactory trainers_;
  const uint64_t seed_;

  std::map<int64_t, std::unique_ptr<Expert>> experts_;
  Expert* expert_ = nullptr;          // in charge
  Expert* learning_ = nullptr;        // whose batch the background thread has
  int64_t learning_since_ = 0;        // control period
  std::optional<OnlineUpdate> news_;  // written by the job
  int64_t environment_ = 0;
  int64_t now_ = 0;    // control periods begun
  bool open_ = false;  // an Act waits for its Reward
  bool wants_values_ = true;

  std::vector<uint8_t> known_;                      // [N] present at the step before
  std::vector<uint8_t> starts_;                     // [N]
  std::vector<int32_t> last_actions_;               // [N, H]; -1: none
  std::vector<float> log_probs_, values_, peeked_;  // [N]
  std::vector<float> probabilities_;                // [K]
  std::vector<uint8_t> all_own_;                    // [N] ones
  OnlineCounts counts_;
  std::optional<OnlineUpdate> last_update_;
  absl::Status trouble_;
  int64_t last_learned_ = 0;
  std::unique_ptr<BackgroundTrainer> background_;  // last: its job uses what stands above
};

}  // namespace reeve
