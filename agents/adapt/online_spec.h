// How to learn while acting, as YAML.
//
//   online:
//     method: experts
//     stretch: 64
//     stretches: 4
//     exploration: {entropy: 0.05, final_entropy: 0.005, steps: 4000}
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "agents/adapt/warm_start.h"
#include "agents/ppo/exploration.h"
#include "agents/ppo/ppo_spec.h"
#include "core/config.h"

namespace reeve {

// What becomes of what was learned in one environment when another comes.
enum class OnlineMethod : uint8_t {
  kSingle,   // one policy learns on, whatever the environment
  kExperts,  // each environment has a policy of its own
  kLcpo,     // one policy, held where it is on states out of the present context
  kEwc,      // one policy, whose weights are held by how much earlier environments need them
};
constexpr auto EnumNames(OnlineMethod) {
  return std::array<std::pair<OnlineMethod, std::string_view>, 4>{
      {{OnlineMethod::kSingle, "single"},
       {OnlineMethod::kExperts, "experts"},
       {OnlineMethod::kLcpo, "lcpo"},
       {OnlineMethod::kEwc, "ewc"}}};
}

// LCPO's form: while one policy learns, it is held to what it did in situations out of the present
// context (agents/ppo/anchors.h).
struct LcpoSpec {
  int32_t kept = 512, drawn = 64, steps = 1;
  double weight = 10;

  template <class V>
  static void Fields(V& v) {
    using S = LcpoSpec;
    v.Field("kept", &S::kept, "Sequences of the past kept of each group of agents",
            Between(1, 1'000'000));
    v.Field("drawn", &S::drawn, "Of them that an update is held to", Between(1, 1'000'000));
    v.Field("steps", &S::steps,
            "Control periods of a sequence; for encoders with a past more than they look back",
            Between(1, 100'000));
    v.Field("weight", &S::weight, "Of the cross-entropy with the policy before the update",
            Between(0, 1e6));
  }
};

// Elastic weight consolidation (agents/ppo/elastic_memory.h).
struct EwcSpec {
  double elasticity = 100;
  double decay = 1;
  int32_t samples = 1;

  template <class V>
  static void Fields(V& v) {
    using S = EwcSpec;
    v.Field("elasticity", &S::elasticity, "How strongly weights are held", Between(0, 1e9));
    v.Field("decay", &S::decay, "What is left of older environments at each further one",
            Between(0, 1));
    v.Field("samples", &S::samples, "Actions drawn a step for the Fisher information",
            Between(1, 1000));
  }
};

struct OnlineSpec {
  OnlineMethod method = OnlineMethod::kExperts;
  PpoSpec learner;
  int32_t stretch = 64;
  int32_t stretches = 4;
  int32_t patience = 2;
  bool mask_safeguarded = true;
  ExplorationSpec exploration;
  bool freeze = false;
  WarmStart warm_start = WarmStart::kScratch;
  LcpoSpec lcpo;
  EwcSpec ewc;
  int32_t swap_after = 1;

  template <class V>
  static void Fields(V& v) {
    using S = OnlineSpec;
    v.Field("method", &S::method, "What becomes of what was learned when the environment changes");
    v.Field("learner", &S::learner,
            "Networks and updates; schedules, horizon and total_steps do not count here");
    v.Field("stretch", &S::stretch,
            "Control periods that are learned from in one piece; what encoders remember begins "
            "anew with each",
            Between(2, 100'000));
    v.Field("stretches", &S::stretches, "Of an update", Between(1, 4096));
    v.Field("patience", &S::patience,
            "An update waits for as many periods that the policy itself drove, but no longer than "
            "so many times as many periods of all kinds",
            Between(1, 100));
    v.Field("mask_safeguarded", &S::mask_safeguarded,
            "Periods in which a fallback drove teach the critic only; false: the actor, too, as if "
            "its own choice had been carried out");
    v.Field("exploration", &S::exploration, "Of every new environment, once");
    v.Field("freeze", &S::freeze, "An environment's policy stays as it is once it is explored");
    v.Field("warm_start", &S::warm_start, "With what the expert of a new environment begins");
    v.Field("lcpo", &S::lcpo, "With method: lcpo");
    v.Field("ewc", &S::ewc, "With method: ewc");
    v.Field("swap_after", &S::swap_after,
            "Control periods after which what was learned meanwhile comes into force; it is "
            "waited for then, so that results do not depend on the machine. 0: as soon as it is "
            "there, and never waited for (live)",
            Between(0, 100'000));
  }
};

}  // namespace reeve
