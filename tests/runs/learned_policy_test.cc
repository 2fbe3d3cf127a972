#include "agents/ppo/learned_policy.h"

#include <memory>

#include "agents/ppo/categorical.h"
#include "agents/ppo/model_runner.h"
#include "core/random.h"
#include "envs/cluster_env.h"
#include "runs/scenario_trace.h"
#include "runs/simulation.h"
#include "runs/training.h"
#include "tests/agents/allocation_counter.h"
#include "traces/arrival_stream.h"
#include "training_testing.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What every agent saw and chose at each decision of a run.
struct History {
  std::vector<std::vector<float>> observations;  // [T][N * O]
  std::vector<std::vector<int32_t>> choices;     // [T][N * H]
};

// Writes down what the policy inside sees and chooses.
class Recorded : public Policy {
 public:
  Recorded(LearnedPolicy& inner, History& history) : inner_(inner), history_(history) {}
  std::string_view name() const override { return inner_.name(); }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    const absl::Status status = inner_.Decide(snapshot, decisions);
    std::vector<float>& seen = history_.observations.emplace_back();
    std::vector<int32_t>& chosen = history_.choices.emplace_back();
    for (uint32_t f = 0; f < snapshot.functions.size(); ++f) {
      const AgentView view = inner_.ViewOf(FunctionId(f));
      seen.insert(seen.end(), view.observation.begin(), view.observation.end());
      chosen.insert(chosen.end(), view.choices.begin(), view.choices.end());
    }
    return status;
  }
  void Wake(FunctionId function, SimTime now, Decision& decision) override {
    inner_.Wake(function, now, decision);
  }

 private:
  LearnedPolicy& inner_;
  History& history_;
};

class LearnedPolicyTest : public TrainingFixture {
 protected:
  std::shared_ptr<const TrainedPolicy> Trained(const TrainingConfig& config, int iterations) {
    auto training = Training::Create(config, 1);
    EXPECT_TRUE(training.ok()) << MessageOf(training.status());
    for (int i = 0; i < iterations; ++i) EXPECT_TRUE((*training)->RunIteration().ok());
    return std::make_shared<const TrainedPolicy>((*training)->Policy());
  }
  std::shared_ptr<const Scenario> ScenarioOf(const TrainingConfig& config) {
    auto scenario = ResolveScenario(config.scenario, config.folder);
    EXPECT_TRUE(scenario.ok()) << MessageOf(scenario.status());
    return std::make_shared<const Scenario>(*std::move(scenario));
  }

  // One episode of the environment, with decisions made as rollouts make them.
  static History InEnvironment(const TrainedPolicy& trained,
                               std::shared_ptr<const Scenario> scenario, uint64_t seed) {
    ClusterEnv env(std::move(scenario), {.envs = 1, .first_env = 0});
    const VectorEnvSpec& spec = env.spec();
    const EnvBuffers& now = env.buffers();
    ModelRunner runner(trained.model, 1, ModelRunner::Use::kActor);
    std::vector<int32_t> choices(static_cast<size_t>(spec.agents) * spec.heads.size(), -1);
    std::vector<float> probabilities(static_cast<size_t>(spec.choices()));
    History history;
    EXPECT_TRUE(env.Reset(0, 1, seed).ok());
    do {
      runner.Step(now.observations.data(), now.present.data(), choices.data());
      size_t choice = 0;
      for (int32_t n = 0; n < spec.agents; ++n) {
        size_t k = 0;
        for (const int32_t head : spec.heads) {
          const auto row = static_cast<size_t>(runner.Row(n, 0)) * probabilities.size();
          MaskedSoftmax(&runner.logits()[row + k],
                        &now.legal[static_cast<size_t>(n) * probabilities.size() + k], head,
                        &probabilities[k]);
          choices[choice++] = MostProbable(&probabilities[k], head);
          k += static_cast<size_t>(head);
        }
      }
      history.observations.push_back(now.observations);
      history.choices.push_back(choices);
      EXPECT_TRUE(env.Step(0, 1, choices).ok());
    } while (now.truncated[0] == 0);
    history.observations.push_back(now.final_observations);
    return history;
  }
  // The seed of the first episode of environment 0.
  static uint64_t EpisodeSeed(uint64_t seed) {
    return RandomStream(seed, StreamPurpose::kEpisode, 0).Bits(0);
  }

  History InSimulation(std::shared_ptr<const TrainedPolicy> trained, const Scenario& scenario,
                       uint64_t seed, ChoiceRule rule = ChoiceRule::kMostProbable,
                       uint64_t draws = 0) {
    const auto trace = ScenarioTrace(scenario, seed, scenario.spec.episode.length);
    EXPECT_TRUE(trace.ok()) << MessageOf(trace.status());
    History history;
    LearnedPolicy policy(trained, trained->model.group_of, rule, draws);
    Recorded recorded(policy, history);
    const auto run = RunSimulation(*trace, ScenarioSimulation(scenario, seed), recorded);
    EXPECT_TRUE(run.ok()) << MessageOf(run.status());
    return history;
  }
};

// Train on what you deploy: what the policy sees and does in a simulation is, to the bit, what it
// saw and did in training, with the past in its networks, views of the others, several heads and
// perturbed metrics.
class SameInBothTest : public LearnedPolicyTest,
                       public ::testing::WithParamInterface<std::vector<std::string>> {};

TEST_P(SameInBothTest, SimulationAndEnvironment) {
  std::vector<std::string> assignments = {"scenario.episode.start=zero",
                                          "scenario.episode.length=250s", "learner.horizon=50"};
  assignments.insert(assignments.end(), GetParam().begin(), GetParam().end());
  const TrainingConfig config = Config(assignments);
  const auto scenario = ScenarioOf(config);
  const auto trained = Trained(config, 3);
  int moves = 0;
  for (const uint64_t seed : {1, 2}) {
    const History expected = InEnvironment(*trained, scenario, seed);
    const History actual = InSimulation(trained, *scenario, EpisodeSeed(seed));
    ASSERT_EQ(expected.choices.size(), 50u);
    ASSERT_EQ(actual.observations.size(), 51u);
    for (size_t t = 0; t <= 50; ++t) {
      ASSERT_EQ(actual.observations[t], expected.observations[t]) << "step " << t;
      if (t == 50) break;  // then the episode has ended: nobody chooses
      ASSERT_EQ(actual.choices[t], expected.choices[t]) << "step " << t;
      for (const int32_t choice : actual.choices[t]) moves += choice != 0;
    }
  }
  EXPECT_GT(moves, 0) << "a policy that does nothing proves nothing";
}
INSTANTIATE_TEST_SUITE_P(
    Policies, SameInBothTest,
    ::testing::Values(
        std::vector<std::string>{},
        std::vector<std::string>{"learner.form=mean_field", "learner.actor.encoder=shift"},
        std::vector<std::string>{"learner.actor.encoder=gru", "learner.sharing=shared",
                                 "learner.agent_id=true", "learner.actor_view=joint"},
        std::vector<std::string>{"scenario.perturbations.metric_noise.cv=0.3",
                                 "scenario.perturbations.metric_lag.lag=10s",
                                 "scenario.perturbations.actuation_failure.probability=0.2"}));

// The shipped small scenario, with its knees and bursts.
TEST_F(LearnedPolicyTest, TheSmallScenarioIsTheSameInBoth) {
  TrainingConfig config = Config({"learner.horizon=50"});
  ASSERT_TRUE(ReplaceScenario(REEVE_SOURCE_DIR "/configs/scenarios/small.yaml", config).ok());
  config.scenario.episode.start = EpisodeStart::kZero;
  const auto scenario = ScenarioOf(config);
  const auto trained = Trained(config, 2);
  const History expected = InEnvironment(*trained, scenario, 5);
  History actual = InSimulation(trained, *scenario, EpisodeSeed(5));
  EXPECT_EQ(actual.observations, expected.observations);
  actual.choices.pop_back();
  EXPECT_EQ(actual.choices, expected.choices);
}

TEST_F(LearnedPolicyTest, DrawsFollowFromTheSeed) {
  const TrainingConfig config = Config();
  const auto scenario = ScenarioOf(config);
  const auto trained = Trained(config, 1);
  const auto choices = [&](uint64_t draws) {
    return InSimulation(trained, *scenario, 3, ChoiceRule::kSample, draws).choices;
  };
  EXPECT_EQ(choices(1), choices(1));
  EXPECT_NE(choices(1), choices(2));
  EXPECT_NE(choices(1), InSimulation(trained, *scenario, 3).choices);
}

// A policy of one environment's snapshots.
class DecideTest : public LearnedPolicyTest {
 protected:
  explicit DecideTest()
      : trained_(Trained(Config({"learner.actor.encoder=gru"}), 1)),
        env_(ScenarioOf(Config()), {.envs = 1, .first_env = 0}),
        policy_(trained_, trained_->model.group_of, ChoiceRule::kSample, 1),
        decisions_(2),
        choices_(2, 1) {
    EXPECT_TRUE(env_.Reset(0, 1, 1).ok());
  }
  absl::Status DecideWith(SimTime window) {
    EXPECT_TRUE(env_.Step(0, 1, choices_).ok());
    Snapshot snapshot = env_.snapshot(0);
    snapshot.window = window;
    return policy_.Decide(snapshot, decisions_);
  }

  std::shared_ptr<const TrainedPolicy> trained_;
  ClusterEnv env_;
  LearnedPolicy policy_;
  std::vector<Decision> decisions_;
  std::vector<int32_t> choices_;
};

TEST_F(DecideTest, DoesNotAllocateAfterTheFirstTime) {
  ASSERT_TRUE(policy_.Decide(env_.snapshot(0), decisions_).ok());
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(env_.Step(0, 1, choices_).ok());
    const size_t before = AllocationCount();
    const absl::Status decided = policy_.Decide(env_.snapshot(0), decisions_);
    EXPECT_EQ(AllocationCount(), before);
    EXPECT_TRUE(decided.ok()) << MessageOf(decided);
  }
}

TEST_F(DecideTest, LongerWindowsAreRefused) {
  ASSERT_TRUE(DecideWith(SimTime::Seconds(5)).ok());
  const absl::Status longer = DecideWith(SimTime::Seconds(10));
  EXPECT_EQ(longer.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(longer),
              HasSubstr("trained to decide every 5 s and is shown windows of 10 s"));
}

// The end of a run may cut one window short; whatever follows shows that it was no end.
TEST_F(DecideTest, ShorterWindowsAreRefusedButForTheLast) {
  ASSERT_TRUE(DecideWith(SimTime()).ok());  // nothing has been shown yet
  ASSERT_TRUE(DecideWith(SimTime::Seconds(5)).ok());
  ASSERT_TRUE(DecideWith(SimTime::Seconds(2)).ok());
  EXPECT_THAT(MessageOf(DecideWith(SimTime::Seconds(2))), HasSubstr("windows of 2 s"));
}

TEST_F(DecideTest, AnotherNumberOfFunctionsIsRefused) {
  LearnedPolicy three(trained_, {0, 1, 1}, ChoiceRule::kMostProbable, 1);
  EXPECT_THAT(MessageOf(three.Decide(env_.snapshot(0), decisions_)),
              HasSubstr("a policy for 3 functions was shown 2"));
}

// ---- which parameters a function uses

TrainedPolicy WithGroups(std::vector<int32_t> group_of, int32_t groups) {
  TrainedPolicy policy;
  policy.model.agent_names = {"a", "b", "c"};
  policy.tenant_of_agent = {"t", "t", "u"};
  policy.model.group_of = std::move(group_of);
  policy.model.groups = groups;
  return policy;
}

TEST(GroupsForTest, PerFunction) {
  const TrainedPolicy policy = WithGroups({0, 1, 2}, 3);
  EXPECT_THAT(*GroupsFor(policy, {"c", "a"}, {"u", "t"}), ElementsAre(2, 0));
  const auto unknown = GroupsFor(policy, {"a", "d"}, {"t", "t"});
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(unknown.status()), HasSubstr("not trained for function 'd' of tenant 't'"));
}

TEST(GroupsForTest, PerTenant) {
  const TrainedPolicy policy = WithGroups({0, 0, 1}, 2);
  EXPECT_THAT(*GroupsFor(policy, {"new", "c", "b"}, {"t", "u", "t"}), ElementsAre(0, 1, 0));
  EXPECT_THAT(MessageOf(GroupsFor(policy, {"new"}, {"v"}).status()), HasSubstr("tenant 'v'"));
}

TEST(GroupsForTest, Shared) {
  const TrainedPolicy policy = WithGroups({0, 0, 0}, 1);
  EXPECT_THAT(*GroupsFor(policy, {"x", "y", "z", "w"}, {"p", "q", "r", "s"}),
              ElementsAre(0, 0, 0, 0));
}

// Where what an actor is given has a place for each agent, others have none.
TEST(GroupsForTest, ActorsThatKnowTheAgentsServeOnlyThese) {
  for (const bool joint : {false, true}) {
    TrainedPolicy policy = WithGroups({0, 0, 0}, 1);
    policy.model.actor_view.view = joint ? View::kJoint : View::kOwn;
    policy.model.actor_view.agent_id = !joint;
    EXPECT_THAT(*GroupsFor(policy, {"a", "b", "c"}, {"t", "t", "u"}), ElementsAre(0, 0, 0));
    for (const std::vector<std::string>& others :
         {std::vector<std::string>{"a", "b"}, {"a", "b", "d"}, {"b", "a", "c"}}) {
      const auto refused = GroupsFor(policy, others, std::vector<std::string>(others.size(), "t"));
      EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(MessageOf(refused.status()), HasSubstr("3 functions it was trained on"));
    }
  }
}

// ---- the requests of a scenario as a trace

struct Request {
  int64_t time_us, work_us;
  uint32_t function;
  bool operator==(const Request&) const = default;
};
std::vector<Request> RequestsOf(ArrivalSource& source, SimTime end) {
  std::vector<Request> requests;
  for (ArrivalBatch batch; source.Next(batch) && batch.start < end;) {
    for (const Arrival& a : batch.arrivals) {
      const int64_t at = batch.start.micros() + a.offset_us;
      if (at < end.micros()) requests.push_back({at, a.work_us, a.function});
    }
  }
  return requests;
}

using ScenarioTraceTest = LearnedPolicyTest;

TEST_F(ScenarioTraceTest, PlaysTheScenariosRequests) {
  TrainingConfig hand_made = Config();
  TrainingConfig generated = Config();
  generated.scenario.functions.clear();
  generated.scenario.workload = WorkloadSpec{};
  GeneratorConfig& population = generated.scenario.workload->generate.emplace();
  population.functions = 20;
  population.length = SimTime::Hours(1);
  for (const TrainingConfig& config : {hand_made, generated}) {
    const auto scenario = ScenarioOf(config);
    for (const SimTime length : {SimTime::Seconds(1234), SimTime::Minutes(30)}) {
      const auto trace = ScenarioTrace(*scenario, 9, length);
      ASSERT_TRUE(trace.ok()) << MessageOf(trace.status());
      EXPECT_EQ(trace->duration(), length);
      ASSERT_EQ(trace->functions().size(), scenario->trace.functions().size());
      for (size_t f = 0; f < trace->functions().size(); ++f) {
        EXPECT_EQ(trace->functions()[f].name, scenario->trace.functions()[f].name);
      }
      const auto expected = RequestsOf(*scenario->MakeArrivals(9), length);
      EXPECT_GT(expected.size(), 100u);
      // A trace with times is the same under every seed.
      const auto source = MakeArrivalSource(*trace, {.seed = 4321});
      EXPECT_EQ(RequestsOf(*source, SimTime::Hours(2)), expected);
    }
    EXPECT_NE(RequestsOf(*scenario->MakeArrivals(9), SimTime::Minutes(30)),
              RequestsOf(*scenario->MakeArrivals(8), SimTime::Minutes(30)));
  }
}

TEST_F(ScenarioTraceTest, IsNoLongerThanTheScenario) {
  const auto scenario = ScenarioOf(Config({"scenario.length=10m"}));
  EXPECT_EQ(ScenarioTrace(*scenario, 1, SimTime::Hours(1))->duration(), SimTime::Minutes(10));
}

}  // namespace
}  // namespace reeve
