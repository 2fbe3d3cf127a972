#include "runs/explanation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "agents/ppo/integrated_gradients.h"
#include "agents/simulated_policies.h"
#include "core/status.h"
#include "runs/evaluation.h"
#include "runs/scenario_trace.h"

namespace reeve {
namespace {

// One decision of one agent, as it was taken.
struct Witnessed {
  SimTime time;
  uint32_t replicas = 0;
  std::vector<float> state, input, observation;  // [S], [I], [O]
  std::vector<float> probabilities;              // [K]
  std::vector<uint8_t> legal;                    // [K]
  std::vector<int32_t> choices, rule_choices;    // [H]
  Decision decision, rule_decision;
};

// Lets the learned policy drive, and the rule look on; keeps the first decision at or after `at`.
class Witness : public Policy {
 public:
  Witness(LearnedPolicy& learned, Policy& rule, FunctionId function, SimTime at)
      : learned_(learned),
        rule_(rule),
        function_(function),
        at_(at),
        codec_(learned.trained().action) {}

  std::string_view name() const override { return learned_.name(); }

  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    const bool here = !witnessed_ && snapshot.time >= at_;
    const auto agent = static_cast<int32_t>(function_.index());
    std::vector<float> state;
    if (here) Assign(learned_.runner().actor_state(agent, 0), state);
    RETURN_IF_ERROR(learned_.Decide(snapshot, decisions));
    rule_decisions_.assign(decisions.size(), Decision{});
    RETURN_IF_ERROR(rule_.Decide(snapshot, rule_decisions_));
    if (here) Keep(snapshot, decisions, std::move(state));
    return absl::OkStatus();
  }

  void Wake(FunctionId function, SimTime now, Decision& decision) override {
    learned_.Wake(function, now, decision);
    Decision ignored;
    rule_.Wake(function, now, ignored);
  }

  const std::optional<Witnessed>& witnessed() const { return witnessed_; }

 private:
  template <class T>
  static void Assign(std::span<const T> from, std::vector<T>& to) {
    to.assign(from.begin(), from.end());
  }

  void Keep(const Snapshot& snapshot, std::span<const Decision> decisions,
            std::vector<float> state) {
    const size_t f = function_.index();
    const AgentView view = learned_.ViewOf(function_);
    Witnessed& kept = witnessed_.emplace();
    kept.time = snapshot.time;
    kept.replicas = snapshot.functions.replicas_asked[f];
    kept.state = std::move(state);
    Assign(learned_.runner().actor_input(static_cast<int32_t>(f), 0), kept.input);
    Assign(view.observation, kept.observation);
    Assign(view.probabilities, kept.probabilities);
    Assign(view.legal, kept.legal);
    Assign(view.choices, kept.choices);
    kept.decision = decisions[f];
    kept.rule_decision = rule_decisions_[f];
    const size_t heads = codec_.heads().size();
    std::vector<int32_t> nearest(decisions.size() * heads);
    codec_.Nearest(snapshot, rule_decisions_, nearest);
    Assign<int32_t>(std::span(nearest).subspan(f * heads, heads), kept.rule_choices);
  }

  LearnedPolicy& learned_;
  Policy& rule_;
  const FunctionId function_;
  const SimTime at_;
  const ActionCodec codec_;
  std::vector<Decision> rule_decisions_;  // [F]
  std::optional<Witnessed> witnessed_;
};

std::string EncoderName(EncoderKind encoder) {
  for (const auto& [known, name] : EnumNames(EncoderKind{})) {
    if (known == encoder) return std::string(name);
  }
  return "";
}

std::string InWords(const Decision& decision) {
  std::vector<std::string> parts;
  if (decision.replicas) parts.push_back(fmt::format("replicas {}", *decision.replicas));
  if (decision.cpu_limit) parts.push_back(fmt::format("cpu {}m", decision.cpu_limit->value()));
  if (decision.memory_limit) {
    parts.push_back(fmt::format("memory {}Mi", decision.memory_limit->value()));
  }
  if (decision.concurrency) parts.push_back(fmt::format("concurrency {}", *decision.concurrency));
  if (decision.keep_alive) {
    parts.push_back(fmt::format("keep-alive {} s", decision.keep_alive->seconds()));
  }
  return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

absl::StatusOr<FunctionId> FunctionNamed(const Trace& trace, const std::string& name) {
  std::vector<std::string> names;
  for (size_t f = 0; f < trace.functions().size(); ++f) {
    if (trace.functions()[f].name == name) return FunctionId(static_cast<uint32_t>(f));
    names.push_back(trace.functions()[f].name);
  }
  return absl::OutOfRangeError(
      fmt::format("no function '{}'{}", name, config_internal::Suggest(name, names)));
}

// An average moment (see the header): zero but for who is there and which agent this is.
std::vector<float> Baseline(const ViewShape& view, const std::vector<float>& input) {
  std::vector<float> baseline(input.size(), 0.0F);
  const auto keep = [&](int32_t i) {
    baseline[static_cast<size_t>(i)] = input[static_cast<size_t>(i)];
  };
  if (view.view == View::kJoint) {
    const int32_t other = view.features + 1 + view.choices();
    for (int32_t n = 0; n + 1 < view.agents; ++n) keep(view.features + n * other + view.features);
  }
  if (view.agent_id) {
    for (int32_t n = 0; n < view.agents; ++n) keep(view.size() - view.agents + n);
  }
  return baseline;
}

std::vector<ExplainedHead> HeadsOf(const Witnessed& w, const ActionCodec& codec) {
  std::vector<ExplainedHead> heads(codec.heads().size());
  size_t k = 0;
  for (size_t head = 0; head < heads.size(); ++head) {
    for (int32_t choice = 0; choice < codec.heads()[head]; ++choice, ++k) {
      heads[head].choices.push_back({.name = codec.ChoiceName(head, choice),
                                     .probability = w.probabilities[k],
                                     .legal = w.legal[k] != 0,
                                     .chosen = w.choices[head] == choice,
                                     .rule = w.rule_choices[head] == choice});
    }
  }
  return heads;
}

// What was seen, with values as people know them.
std::vector<ExplainedInput> InputsOf(const Witnessed& w, const TrainedPolicy& trained,
                                     const std::vector<float>& baseline) {
  const PolicyModel& model = trained.model;
  const std::vector<std::string> names =
      model.actor_view.InputNames(model.feature_names, model.agent_names);
  const std::vector<FeatureDoc> docs = DescribeFeatures();
  std::vector<ExplainedInput> inputs;
  for (size_t i = 0; i < names.size(); ++i) {
    ExplainedInput input;
    input.name = names[i];
    input.seen = w.input[i];
    input.baseline = baseline[i];
    if (i < w.observation.size()) {  // every view begins with the agent's own features
      const FeatureSpec& spec = trained.observation.features[i];
      const auto doc = std::find_if(docs.begin(), docs.end(),
                                    [&](const FeatureDoc& d) { return d.name == spec.name; });
      const double scale = spec.scale > 0 ? spec.scale : doc->scale;
      input.unit = doc->unit;
      input.feature = w.observation[i];
      input.value = w.observation[i] * (scale > 0 ? scale : 1);
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

void Attribute(const Witnessed& w, const PolicyModel& model, int32_t group,
               const std::vector<float>& baseline, Explanation& explanation) {
  const auto size = static_cast<size_t>(model.actor.parameters);
  const std::span parameters(model.actor_parameters);
  for (size_t head = 0; head < explanation.heads.size(); ++head) {
    const Attribution attribution = IntegratedGradients(
        model.actor, {.parameters = parameters.subspan(static_cast<size_t>(group) * size, size),
                      .input = w.input,
                      .baseline = baseline,
                      .state = w.state,
                      .heads = model.heads(),
                      .legal = w.legal,
                      .head = head,
                      .choice = w.choices[head]});
    for (size_t i = 0; i < explanation.inputs.size(); ++i) {
      explanation.inputs[i].attributions.push_back(attribution.inputs[i]);
    }
    ExplainedHead& explained = explanation.heads[head];
    explained.log_probability = attribution.seen;
    explained.baseline_log_probability = attribution.baseline;
    explained.steps = attribution.steps;
    explained.gap = attribution.Gap();
  }
  std::stable_sort(explanation.inputs.begin(), explanation.inputs.end(),
                   [](const ExplainedInput& a, const ExplainedInput& b) {
                     return std::abs(a.Attribution()) > std::abs(b.Attribution());
                   });
}

absl::StatusOr<Trace> TraceUpTo(const Scenario& scenario, const SimulationConfig& config,
                                SimTime at) {
  // As long as an evaluation usually is, so that what depends on the whole of it is as it is there.
  const SimTime length = std::max(kEvaluationLength, at + config.cluster.control_period);
  ASSIGN_OR_RETURN(Trace trace, ScenarioTrace(scenario, config.seed, length));
  if (at > trace.duration()) {
    return absl::OutOfRangeError(
        fmt::format("no decision at or after {} s: the scenario ends at {} s", at.seconds(),
                    trace.duration().seconds()));
  }
  if (config.workload_changes.empty()) return trace;
  return ChangeWorkload(trace, config.workload_changes, config.seed);
}

}  // namespace

double ExplainedInput::Attribution() const {
  double sum = 0;
  for (const double attribution : attributions) sum += attribution;
  return sum;
}

absl::StatusOr<Explanation> Explain(const Scenario& scenario, const SimulationConfig& config,
                                    const PolicySpec& rule, const std::string& function,
                                    SimTime at) {
  ASSIGN_OR_RETURN(const Trace trace, TraceUpTo(scenario, config, at));
  ASSIGN_OR_RETURN(const FunctionId id, FunctionNamed(trace, function));
  ASSIGN_OR_RETURN(const std::unique_ptr<LearnedPolicy> learned,
                   MakeLearnedPolicy(config.policy.learned, trace, config.seed));
  ASSIGN_OR_RETURN(
      const std::unique_ptr<Policy> shadow,
      MakeSimulatedPolicy(rule, trace, config.cluster, {config.seed, config.within_minute}));
  SimulationConfig as_is = config;  // with the changes of the workload already made
  as_is.workload_changes = {};
  as_is.bound = false;
  as_is.function_intervals = FunctionIntervals::kNone;
  Witness witness(*learned, *shadow, id, at);
  SimulationHooks hooks;
  hooks.stop = [&] { return witness.witnessed().has_value(); };
  RETURN_IF_ERROR(RunSimulation(trace, as_is, witness, hooks).status());
  if (!witness.witnessed()) {
    return absl::OutOfRangeError(
        fmt::format("no decision at or after {} s: the workload ends at {} s", at.seconds(),
                    trace.duration().seconds()));
  }
  const Witnessed& w = *witness.witnessed();
  const TrainedPolicy& trained = learned->trained();
  const FunctionProfile& profile = trace.functions()[id.index()];
  Explanation explanation;
  explanation.function = profile.name;
  explanation.tenant = trace.tenants()[profile.tenant.index()];
  explanation.time = w.time;
  explanation.encoder = EncoderName(trained.model.actor.spec.encoder);
  explanation.has_past = trained.model.actor.state > 0;
  explanation.replicas = w.replicas;
  explanation.decision = InWords(w.decision);
  explanation.rule = rule.name;
  explanation.rule_decision = InWords(w.rule_decision);
  explanation.heads = HeadsOf(w, ActionCodec(trained.action));
  const std::vector<float> baseline = Baseline(trained.model.actor_view, w.input);
  explanation.inputs = InputsOf(w, trained, baseline);
  Attribute(w, trained.model, learned->runner().group(static_cast<int32_t>(id.index())), baseline,
            explanation);
  return explanation;
}

}  // namespace reeve
