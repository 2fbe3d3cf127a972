// The API's behaviour without HTTP: a request comes, an answer is given, now or when an activation
// has ended. All of it happens at a time that somebody else tells (AdvanceTo), so with the same
// requests at the same times every activation is the same, to the microsecond.
//
//   request ──> Model ──> Executor (simulated cluster)
//      reply <──┘  └─ entities, activations, throttles, user events
//
// Split over files: model.cc (time, routing, who may do what, lists), model_actions.cc (actions and
// their versions), model_invocations.cc (activations, sequences, triggers), model_entities.cc
// (packages, triggers, rules), model_activations.cc (records).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/openwhisk_server/activations.h"
#include "controller/openwhisk_server/entities.h"
#include "controller/openwhisk_server/executor.h"
#include "controller/openwhisk_server/faults.h"
#include "controller/openwhisk_server/request.h"
#include "controller/openwhisk_server/server_config.h"
#include "controller/openwhisk_server/throttle.h"
#include "controller/openwhisk_server/user_events.h"
#include "controller/serve/http_listener.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve::openwhisk_server {

// Not thread-safe, but for Judge.
class Model {
 public:
  // `config` is valid. `load`: played from load.begin_after on, may be null. `wall_origin`: since
  // 1970, of time 0. InvalidArgument for functions of the load whose names cannot be told apart.
  static absl::StatusOr<std::unique_ptr<Model>> Make(const ServerConfig& config,
                                                     std::unique_ptr<const Trace> load,
                                                     SimTime wall_origin);
  ~Model();

  // Refuses who shows no key, by a request's head alone. Any thread.
  std::optional<ServedAnswer> Judge(const ServedRequest& head) const;
  // At now(). `reply` is called once, here or in a later AdvanceTo.
  void Handle(const ServedRequest& request, Reply reply);

  // Not before now().
  void AdvanceTo(SimTime time);
  SimTime now() const { return executor_->now(); }
  // Something is under way, or will come by itself.
  bool busy() const;

  void SetFaults(std::vector<FaultSpec> faults) { faults_.Set(std::move(faults), now()); }
  uint64_t faults_met() const { return faults_.met(); }
  const ExecutorFigures& figures() { return executor_->figures(); }

 private:
  // A request below /api/v1/namespaces/NS/COLLECTION.
  struct Call {
    const ServedRequest& request;
    std::string user;               // the namespace of who asks
    std::string ns;                 // that is asked about
    std::vector<std::string> rest;  // of the path
    nlohmann::json body;
    std::string transaction;
    Reply reply;
  };
  // nullopt: the answer comes later.
  using Answered = absl::StatusOr<std::optional<ServedAnswer>>;

  struct NamespaceState {
    NamespaceSpec spec;
    RateThrottle invocations, fires;
    int64_t under_way = 0;
  };
  // An activation that the executor has.
  struct UnderWay {
    Activation activation;  // without what is known at its end
    EntityPath action;
    std::string kind, user;
    ActionLimits limits;
    bool fails = false;    // drawn to end with an application error
    bool counted = false;  // for the throttle
  };
  // A sequence that runs.
  struct Sequence {
    Activation activation;
    EntityPath action;
    std::vector<EntityPath> components;
    size_t next = 0;
    int64_t duration_ms = 0;
    ActionLimits limits;
  };
  // Who waits for the end of an activation.
  struct Waiter {
    Reply reply;
    bool result = false;
    std::string transaction;
  };
  struct Load {
    std::unique_ptr<const Trace> trace;
    std::unique_ptr<ArrivalSource> source;
    std::vector<EntityPath> actions;  // [F]
    ArrivalBatch batch;
    size_t at = 0;
    SimTime begin;  // of this round
    bool done = true;
  };

  Model(const ServerConfig& config, SimTime wall_origin);
  absl::Status MakeActions(std::unique_ptr<const Trace> load);

  // ---- model.cc
  SimTime Wall() const { return wall_origin_ + now(); }
  int64_t WallMs(SimTime time) const { return (wall_origin_ + time).micros() / 1000; }
  std::string NewId();  // 32 hexadecimal digits
  void Route(const ServedRequest& request, const std::string& transaction, const Reply& reply);
  Answered Dispatch(Call& call, const std::string& collection);
  std::optional<std::string> UserOf(const ServedRequest& request) const;
  Reply WithFault(const FaultSpec& fault, Reply reply);
  absl::Status FaultStatus(const FaultSpec& fault, const std::string& user) const;
  absl::Status MayRead(const Call& call, const EntityPath& path) const;
  absl::Status MayWrite(const Call& call, const EntityPath& path) const;
  // AlreadyExists when the name is of something in another collection.
  absl::Status CheckCollection(const EntityPath& path, std::string_view own) const;
  nlohmann::json Info() const;
  nlohmann::json LimitsOf(const std::string& ns) const;
  void ReadLoad();
  SimTime NextLoad() const;
  void PlayLoad();

  // ---- model_actions.cc
  Answered ActionsCall(Call& call);
  Answered PutActionCall(Call& call, const EntityPath& path);
  Answered DeleteActionCall(Call& call, const EntityPath& path);
  Answered InvokeCall(Call& call, const EntityPath& path);
  absl::Status CheckSequence(const Action& action) const;
  absl::StatusOr<int> CountAtoms(const EntityPath& sequence, const Action& action, int depth) const;
  void Publish(Action& action);  // its newest version is what is invoked
  void AddAction(EntityPath path, const ActionSpec& spec, uint32_t pool);
  // Behind a binding, if the package is one; with the parameters that packages add.
  struct Resolved {
    const Action* action = nullptr;
    EntityPath path;
    nlohmann::json parameters;
  };
  absl::StatusOr<Resolved> Resolve(const EntityPath& path) const;

  // ---- model_invocations.cc
  // The activation's id. `work`: drawn if unset.
  absl::StatusOr<std::string> Begin(const std::string& user, const EntityPath& path,
                                    const nlohmann::json& payload, std::optional<std::string> cause,
                                    std::optional<SimTime> work, bool counted);
  absl::StatusOr<std::string> BeginSequence(const std::string& user, const Resolved& resolved,
                                            nlohmann::json payload,
                                            std::optional<std::string> cause);
  void OnExecution(const Execution& execution);
  void OnEnded(Activation activation);
  void Continue(const std::string& sequence);
  void EndSequence(const std::string& sequence);
  void WaitFor(const std::string& id, SimTime timeout, Waiter waiter);
  absl::Status Throttle(const std::string& user);
  Answered Fire(Call& call, const Trigger& trigger);

  // ---- model_entities.cc
  Answered PackagesCall(Call& call);
  Answered TriggersCall(Call& call);
  Answered RulesCall(Call& call);
  Answered PutPackageCall(Call& call, const EntityPath& path);
  Answered PutRuleCall(Call& call, const EntityPath& path);
  Answered SetRuleStatus(Call& call, const Rule& rule);
  nlohmann::json WholePackage(const Package& package) const;
  bool RuleActive(const Rule& rule) const;

  // ---- model_activations.cc
  Answered ActivationsCall(Call& call);
  Answered ListActivations(const Call& call);

  const ServerConfig config_;
  const SimTime wall_origin_;
  std::map<std::string, std::string> namespace_of_key_;
  std::map<std::string, NamespaceState> namespaces_;
  std::map<EntityPath, Action> actions_;
  std::map<EntityPath, Package> packages_;
  std::map<EntityPath, Trigger> triggers_;
  std::map<EntityPath, Rule> rules_;
  std::map<EntityPath, uint32_t> pools_;  // of actions with a behaviour of their own
  std::vector<ExecutionPool> pool_specs_;
  ActivationStore activations_;
  UserEvents events_;
  Faults faults_;
  std::unique_ptr<Executor> executor_;
  std::map<uint64_t, UnderWay> under_way_;     // by ticket
  std::map<std::string, Sequence> sequences_;  // by activation
  std::map<std::string, Waiter> waiters_;      // by activation
  // What is to be done at a time: waits that end, answers that were held back.
  std::multimap<SimTime, std::function<void()>> agenda_;
  Load load_;
  uint64_t ids_ = 0;
};

}  // namespace reeve::openwhisk_server
