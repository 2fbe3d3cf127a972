// Learners that do harm, each in its way, for tests of what guards a system from them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/adapt/safeguarded_policy.h"
#include "agents/rules/kpa_policy.h"
#include "core/policy.h"
#include "core/random.h"

namespace reeve::testing {

// Decides by a function; asked for a container for a waiting request, it does nothing.
class ScriptedPolicy : public Policy {
 public:
  using Script = std::function<void(const Snapshot&, std::span<Decision>)>;
  ScriptedPolicy(std::string name, Script script)
      : name_(std::move(name)), script_(std::move(script)) {}
  std::string_view name() const override { return name_; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    script_(snapshot, decisions);
    return absl::OkStatus();
  }

 private:
  const std::string name_;
  const Script script_;
};

// What an adversary may know: the guard around it, set after both were made; null without one.
struct Insight {
  const SafeguardedPolicy* guard = nullptr;
};

inline void ToZero(std::span<Decision> decisions) {
  for (Decision& d : decisions) {
    d.replicas = 0;
    d.keep_alive = SimTime();
  }
}

inline void Starve(std::span<Decision> decisions) {
  for (Decision& d : decisions) {
    d.replicas = 1;
    d.cpu_limit = Millicores(1);
    d.memory_limit = Mebibytes(1);
    d.concurrency = 0;
    d.keep_alive = SimTime();
  }
}

// Half the functions take all memory and CPU.
inline void Hog(std::span<Decision> decisions) {
  for (size_t f = 0; f < decisions.size(); ++f) {
    const bool hog = f % 2 == 0;
    decisions[f].replicas = hog ? 1000 : 0;
    decisions[f].cpu_limit = Millicores(hog ? 64000 : 50);
    if (hog) decisions[f].memory_limit = Mebibytes(8192);
    decisions[f].keep_alive = hog ? SimTime::Hours(10) : SimTime();
  }
}

inline void Plenty(std::span<Decision> decisions, int32_t replicas) {
  for (Decision& d : decisions) d.replicas = replicas;
}

// A rule for the times at which an adversary behaves.
class Behave {
 public:
  Behave() : rule_(std::make_shared<KpaPolicy>(KpaOptions())) {}
  void operator()(const Snapshot& snapshot, std::span<Decision> decisions) const {
    static_cast<void>(rule_->Decide(snapshot, decisions));
    for (Decision& d : decisions) d.replicas = std::max(1, d.replicas.value_or(0));
  }

 private:
  std::shared_ptr<KpaPolicy> rule_;
};

inline const std::vector<std::string>& AdversaryNames() {
  static const std::vector<std::string> names = {
      "to_zero", "to_max",     "random",           "flapping", "hog",          "starve",
      "sleeper", "on_release", "below_thresholds", "cold",     "one_function", "noisy_limits"};
  return names;
}

// `insight` outlives the policy.
inline std::unique_ptr<Policy> MakeAdversary(const std::string& name, uint64_t seed,
                                             const Insight* insight) {
  ScriptedPolicy::Script script;
  if (name == "to_zero") {
    script = [](const Snapshot&, std::span<Decision> d) { ToZero(d); };
  } else if (name == "to_max") {
    script = [](const Snapshot&, std::span<Decision> decisions) {
      for (Decision& d : decisions) {
        d.replicas = 1'000'000;
        d.cpu_limit = Millicores(1'000'000);
        d.memory_limit = Mebibytes(1'000'000);
        d.concurrency = 0;
        d.keep_alive = SimTime::Max();
      }
    };
  } else if (name == "random") {
    script = [random = RandomCursor(RandomStream(seed, StreamPurpose::kPolicy, 0))](
                 const Snapshot&, std::span<Decision> decisions) mutable {
      for (Decision& d : decisions) {
        d.replicas = static_cast<int32_t>(random.Below(12));
        d.cpu_limit = Millicores(static_cast<int64_t>(1 + random.Below(4000)));
        d.memory_limit = Mebibytes(static_cast<int64_t>(1 + random.Below(4096)));
        d.concurrency = static_cast<int32_t>(random.Below(4));
        d.keep_alive = SimTime::Seconds(static_cast<int64_t>(random.Below(100)));
      }
    };
  } else if (name == "flapping") {
    script = [up = false](const Snapshot&, std::span<Decision> d) mutable {
      up = !up;
      Plenty(d, up ? 20 : 0);
    };
  } else if (name == "hog") {
    script = [](const Snapshot&, std::span<Decision> d) { Hog(d); };
  } else if (name == "starve") {
    script = [](const Snapshot&, std::span<Decision> d) { Starve(d); };
  } else if (name == "sleeper") {  // behaves for two minutes of three
    script = [behave = Behave()](const Snapshot& s, std::span<Decision> d) {
      behave(s, d);
      if (s.time % SimTime::Minutes(3) >= SimTime::Minutes(2)) Starve(d);
    };
  } else if (name == "on_release") {  // behaves until it has the wheel back
    script = [behave = Behave(), insight, was_engaged = false](const Snapshot& s,
                                                               std::span<Decision> d) mutable {
      behave(s, d);
      const bool engaged = insight->guard != nullptr && insight->guard->any_engaged();
      // Each decision from the moment it could be the first one applied.
      if (engaged || was_engaged || s.time > SimTime::Minutes(1)) Hog(d);
      was_engaged = engaged;
    };
  } else if (name == "below_thresholds") {  // keeps queues long, but below where a guard looks
    script = [behave = Behave()](const Snapshot& s, std::span<Decision> d) {
      behave(s, d);
      for (size_t f = 0; f < d.size(); ++f) {
        if (s.functions.queued[f] < 30) d[f].replicas = 0;
      }
    };
  } else if (name == "cold") {  // does nothing wrong but to lose what is warm when it is not used
    script = [behave = Behave()](const Snapshot& s, std::span<Decision> d) {
      behave(s, d);
      for (size_t f = 0; f < d.size(); ++f) {
        d[f].keep_alive = SimTime();
        if (s.functions.in_flight[f] + s.functions.queued[f] == 0) d[f].replicas = 0;
      }
    };
  } else if (name == "one_function") {  // breaks one function, well hidden among the others
    script = [behave = Behave()](const Snapshot& s, std::span<Decision> d) {
      behave(s, d);
      d[1].replicas = 1;
      d[1].cpu_limit = Millicores(1);
    };
  } else {  // noisy_limits: CPU and memory that jump
    script = [behave = Behave(),
              random = RandomCursor(RandomStream(seed, StreamPurpose::kPolicy, 1))](
                 const Snapshot& s, std::span<Decision> d) mutable {
      behave(s, d);
      for (Decision& decision : d) {
        decision.cpu_limit = Millicores(static_cast<int64_t>(20 + random.Below(1000)));
        decision.memory_limit = Mebibytes(static_cast<int64_t>(64 + random.Below(1000)));
      }
    };
  }
  return std::make_unique<ScriptedPolicy>(name, std::move(script));
}

}  // namespace reeve::testing
