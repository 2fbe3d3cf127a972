#include "controller/live_adaptation.h"

#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "agents/adapt/expert_folder.h"
#include "agents/adapt/expert_keeper.h"
#include "controller/learner/remote_experts.h"
#include "controller/live_policies.h"
#include "controller/store/expert_store.h"
#include "core/status.h"

namespace reeve {

absl::Status LiveAdaptationSpec::CheckPlace(const std::string& store) const {
  if (experts.empty() && store.empty()) {
    return absl::InvalidArgumentError(
        "experts: name a store (store.path) or a folder where what is learned is to be kept");
  }
  return absl::OkStatus();
}

namespace {

// What outlives single policies.
struct Seat {
  LiveAdaptationSpec spec;
  LiveAdaptationOptions options;
  LivePolicyMaker fallback;
  ExpertTrainerFactory trainers;
  std::unique_ptr<ExpertKeeper> keeper;

  void TellMessages() {
    for (const std::string& message : keeper->TakeMessages()) {
      if (options.on_message) options.on_message(message);
    }
  }
};

AgentNames NamesOf(const std::vector<std::string>& functions,
                   const std::vector<std::string>& tenants) {
  AgentNames names;
  names.functions = functions;
  names.may_change = true;
  std::map<std::string, int32_t> numbers;
  for (const std::string& tenant : tenants) {
    names.tenants.push_back(
        numbers.try_emplace(tenant, static_cast<int32_t>(numbers.size())).first->second);
  }
  return names;
}

class LiveAdaptivePolicy final : public Policy {
 public:
  LiveAdaptivePolicy(std::shared_ptr<Seat> seat, std::unique_ptr<AdaptivePolicy> learner,
                     std::unique_ptr<Policy> fallback)
      : seat_(std::move(seat)),
        control_(std::move(learner), std::move(fallback), seat_->spec.safeguard) {}

  ~LiveAdaptivePolicy() override {
    control_.adaptive().learner().StopWaiting();
    (void)control_.adaptive().FinishKeeping();  // what goes wrong is a message
    seat_->TellMessages();
  }

  std::string_view name() const override { return control_.name(); }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    const absl::Status status = control_.Decide(snapshot, decisions);
    seat_->TellMessages();
    return status;
  }
  void Wake(FunctionId function, SimTime now, Decision& decision) override {
    control_.Wake(function, now, decision);
  }

  AdaptiveControl& control() { return control_; }

 private:
  const std::shared_ptr<Seat> seat_;
  AdaptiveControl control_;
};

AdaptationNow Now(const AdaptiveControl& control) {
  const AdaptivePolicy& policy = control.adaptive();
  AdaptationNow now;
  now.environment = policy.detection().environment;
  now.confidence = policy.detection().confidence;
  now.environments = policy.detector().environments().size();
  now.expert = policy.learner().environment();
  now.exploring = policy.learner().exploring();
  now.experts = policy.learner().environments().size();
  now.updates = static_cast<uint64_t>(policy.learner().counts().updates);
  now.switches = static_cast<uint64_t>(policy.learner().counts().switches);
  now.batches_dropped = static_cast<uint64_t>(policy.learner().counts().batches_dropped);
  now.batches_lost = static_cast<uint64_t>(policy.learner().counts().batches_lost);
  now.mean_reward = policy.mean_reward();
  now.safeguarded = control.guarded().any_engaged();
  return now;
}

CheckpointInfo InfoOf(const LiveAdaptationSpec& spec, SimTime period,
                      const std::vector<std::string>& tenants) {
  CheckpointInfo info;
  info.config = WriteConfig(spec);
  info.observation = WriteConfig(spec.learner.observation);
  info.action = WriteConfig(spec.learner.action);
  info.control_period_s = period.seconds();
  info.tenant_names = tenants;
  return info;
}

absl::StatusOr<LivePolicy> Make(const std::shared_ptr<Seat>& seat,
                                const std::vector<std::string>& functions,
                                const std::vector<std::string>& tenants) {
  ASSIGN_OR_RETURN(LivePolicy fallback, seat->fallback(functions, tenants));
  auto learner = std::make_unique<AdaptivePolicy>(seat->spec.learner, NamesOf(functions, tenants),
                                                  seat->trainers, seat->options.seed);
  seat->keeper->set_info(InfoOf(seat->spec, seat->options.period, tenants));
  RETURN_IF_ERROR(learner->KeepWith(seat->keeper.get()));
  auto policy =
      std::make_unique<LiveAdaptivePolicy>(seat, std::move(learner), std::move(fallback.policy));
  AdaptiveControl* const control = &policy->control();
  LivePolicy live;
  live.policy = std::move(policy);
  live.by_safeguard = [control](FunctionId function) {
    return control->guarded().engaged(function);
  };
  live.carried_out = [control](std::span<const uint8_t> own) { control->SetCarriedOut(own); };
  live.adaptation = [control] { return Now(*control); };
  return live;
}

absl::StatusOr<ExpertLibrary> OpenExperts(const LiveAdaptationSpec& spec,
                                          const std::string& store) {
  constexpr auto kWrite = ExpertStorage::Access::kWrite;
  absl::StatusOr<std::unique_ptr<ExpertStorage>> storage =
      spec.experts.empty() ? OpenExpertStore(store, kWrite)
                           : OpenExpertFolder(spec.experts, kWrite);
  if (!storage.ok()) {
    return absl::Status(storage.status().code(), "experts: " + MessageOf(storage.status()));
  }
  return ExpertLibrary::Open(*std::move(storage), spec.library,
                             spec.learner.detector.spread_prior());
}

}  // namespace

absl::StatusOr<LivePolicyMaker> MakeLiveAdaptation(const LiveAdaptationSpec& spec,
                                                   const LiveAdaptationOptions& options) {
  RETURN_IF_ERROR(spec.CheckPlace(options.store));
  auto seat = std::make_shared<Seat>();
  seat->spec = spec;
  seat->options = options;
  if (spec.elsewhere) {
    ASSIGN_OR_RETURN(seat->trainers, RemoteExperts(*spec.elsewhere, spec.learner.online));
  } else if (options.trainers) {
    seat->trainers = options.trainers(spec.learner.online);
  } else {
    return absl::FailedPreconditionError("nobody is there to learn: say where (elsewhere)");
  }
  ASSIGN_OR_RETURN(seat->fallback,
                   MakeLivePolicies(options.fallback, options.period, options.seed));
  ASSIGN_OR_RETURN(ExpertLibrary library, OpenExperts(spec, options.store));
  seat->keeper =
      std::make_unique<ExpertKeeper>(std::move(library), InfoOf(spec, options.period, {}));
  return LivePolicyMaker(
      [seat](const std::vector<std::string>& functions, const std::vector<std::string>& tenants) {
        return Make(seat, functions, tenants);
      });
}

}  // namespace reeve
