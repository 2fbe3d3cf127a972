// ENSURE's rule for CPU (Suresh et al., "ENSURE: Efficient Scheduling and Autonomous Resource
// Management in Serverless Environments", ACSOS 2020), in the form in which the authors of Freyr
// (Yu et al., WWW 2022) compare with it: after every few invocations of a function its latency over
// the last three is held against the best it ever had; where it is 10 % worse, each container gets
// another step of CPU, and gives one back when the cluster is short of CPU instead.
//
// The snapshot tells a window's median execution time, not that of each request: it stands for each
// of the window's completions. Waiting for a container is left out, as CPU cannot shorten it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "agents/rules/rule_clock.h"
#include "core/config.h"
#include "core/policy.h"
#include "core/units.h"

namespace reeve {

struct EnsureOptions {
  double latency_threshold = 1.10;
  SimTime long_execution = SimTime::Seconds(5);
  int32_t short_invocations = 3;
  int32_t long_invocations = 5;
  Millicores cpu_step{100};
  int32_t short_steps = 2;
  int32_t long_steps = 1;
  Millicores min_cpu{100};
  Millicores max_cpu = Millicores::Cores(4);
  std::optional<int32_t> replicas;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = EnsureOptions;
    v.Field("latency_threshold", &O::latency_threshold,
            "recent latency over the best at which CPU is added", AtLeast(1));
    v.Field("long_execution", &O::long_execution,
            "mean execution time above which a function counts as long", AtLeast(0));
    v.Field("short_invocations", &O::short_invocations,
            "invocations between two decisions about a short function", AtLeast(1));
    v.Field("long_invocations", &O::long_invocations,
            "invocations between two decisions about a long function", AtLeast(1));
    v.Field("cpu_step", &O::cpu_step, "CPU of one step", AtLeast(1));
    v.Field("short_steps", &O::short_steps, "steps at once for a short function", AtLeast(1));
    v.Field("long_steps", &O::long_steps, "steps at once for a long function", AtLeast(1));
    v.Field("min_cpu", &O::min_cpu, "least CPU of a container", AtLeast(1));
    v.Field("max_cpu", &O::max_cpu, "most CPU of a container", AtLeast(1));
    v.Field("replicas", &O::replicas,
            "containers of every function; unset: left as they are, for platforms that start them "
            "on demand",
            AtLeast(0));
  }
  // Conditions between fields.
  absl::Status Validate() const;
};

// No allocation once a function has been seen.
class EnsurePolicy : public Policy {
 public:
  static constexpr size_t kWindow = 3;  // invocations that recent latency is the mean of

  // `options` have passed Validate().
  explicit EnsurePolicy(const EnsureOptions& options)
      : options_(options), clock_("ensure", SimTime::Micros(1)) {}

  std::string_view name() const override { return "ensure"; }

  // Sets `cpu_limit` of functions whose count of invocations is full and whose limit is to change,
  // and `replicas` when the options say so. Functions are served in order; what one takes of the
  // cluster's CPU is gone for the next. Errors as RuleClock::Advance.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

 private:
  struct Function {
    std::array<double, kWindow> recent_ms{};  // of the last invocations, a ring
    uint32_t recorded = 0;                    // invocations in it, at most kWindow
    uint32_t next = 0;
    double best_ms = 0;  // 0: none yet
    double sum_ms = 0;   // over all invocations
    uint64_t invocations = 0;
    uint64_t since_decision = 0;
  };
  static void Record(Function& function, uint32_t completions, double median_ms);
  static double Recent(const Function& function);

  const EnsureOptions options_;
  RuleClock clock_;
  std::vector<Function> functions_;  // [F]
};

}  // namespace reeve
