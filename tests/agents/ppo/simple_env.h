// A base for the small environments of these tests: what begins, acts and is seen is theirs, the
// bookkeeping of episodes is here.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/random.h"
#include "envs/vector_env.h"

namespace reeve {

enum class Ending { kNone, kTerminated, kTruncated };

struct SimpleShape {
  int32_t envs = 1, agents = 1, features = 1;
  std::vector<int32_t> heads;
  // Environment e draws what environment first_global_env + e of a larger one would.
  int32_t first_global_env = 0;
  std::vector<int32_t> tenants = {};  // none: one for each agent
};

class SimpleEnv : public VectorEnv {
 public:
  explicit SimpleEnv(const SimpleShape& shape) : first_global_env_(shape.first_global_env) {
    spec_.envs = shape.envs;
    spec_.agents = shape.agents;
    spec_.features = shape.features;
    spec_.heads = shape.heads;
    spec_.tenants = shape.tenants;
    for (int32_t f = 0; f < spec_.features; ++f) {
      spec_.feature_names.push_back("f" + std::to_string(f));
    }
    for (int32_t n = 0; n < spec_.agents; ++n) {
      spec_.agent_names.push_back("agent" + std::to_string(n));
      if (spec_.tenants.size() < static_cast<size_t>(spec_.agents)) spec_.tenants.push_back(n);
    }
    buffers_.Resize(spec_);
    episodes_.resize(static_cast<size_t>(spec_.envs));
  }

  const VectorEnvSpec& spec() const override { return spec_; }
  const EnvBuffers& buffers() const override { return buffers_; }

  absl::Status Reset(int32_t first, int32_t last, uint64_t seed) override {
    for (int32_t e = first; e < last; ++e) {
      episodes_[static_cast<size_t>(e)] = {
          RandomStream(seed, StreamPurpose::kArrivals,
                       static_cast<uint32_t>(first_global_env_ + e)),
          0, 0};
      BeginEpisode(e);
    }
    return absl::OkStatus();
  }

  absl::Status Step(int32_t first, int32_t last, std::span<const int32_t> actions) override {
    const size_t agents = static_cast<size_t>(spec_.agents);
    for (int32_t e = first; e < last; ++e) {
      const auto i = static_cast<size_t>(e);
      float* const rewards = buffers_.rewards.data() + i * agents;
      const Ending ending = Act(e, actions.data() + i * agents * spec_.heads.size(), rewards);
      for (size_t n = 0; n < agents; ++n) {
        if (buffers_.present[i * agents + n] == 0) rewards[n] = 0;
      }
      buffers_.terminated[i] = ending == Ending::kTerminated;
      buffers_.truncated[i] = ending == Ending::kTruncated;
      if (ending == Ending::kNone) {
        Show(e, buffers_.observations);
      } else {
        Show(e, buffers_.final_observations);
        ++episodes_[i].number;
        episodes_[i].draws = 0;
        BeginEpisode(e);
      }
    }
    return absl::OkStatus();
  }

 protected:
  virtual void Begin(int32_t env) = 0;
  // What `actions` [N, H] do; fills rewards [N].
  virtual Ending Act(int32_t env, const int32_t* actions, float* rewards) = 0;
  // What agents see [N, O]; the rest is filled in with ones.
  virtual void Observe(int32_t env, float* observations) const = 0;
  virtual bool Present(int32_t /*env*/, int32_t /*agent*/) const { return true; }
  virtual bool Legal(int32_t /*env*/, int32_t /*agent*/, int32_t /*choice*/) const { return true; }

  double Uniform(int32_t env) {
    auto& e = episodes_[static_cast<size_t>(env)];
    return e.stream.Uniform(e.number << 32 | e.draws++);
  }

 private:
  struct Episode {
    RandomStream stream;
    uint64_t number = 0, draws = 0;
  };

  void BeginEpisode(int32_t e) {
    Begin(e);
    Show(e, buffers_.observations);
  }

  void Show(int32_t e, std::vector<float>& observations) {
    const auto agents = static_cast<size_t>(spec_.agents);
    const auto choices = static_cast<size_t>(spec_.choices());
    const size_t first = static_cast<size_t>(e) * agents;
    float* const out = observations.data() + first * static_cast<size_t>(spec_.features);
    Observe(e, out);
    if (&observations == &buffers_.final_observations) return;
    for (size_t n = 0; n < agents; ++n) {
      const auto agent = static_cast<int32_t>(n);
      buffers_.present[first + n] = Present(e, agent) ? 1 : 0;
      if (buffers_.present[first + n] == 0) {
        std::fill_n(out + n * static_cast<size_t>(spec_.features), spec_.features, 0.0F);
      }
      for (size_t k = 0; k < choices; ++k) {
        buffers_.legal[(first + n) * choices + k] =
            Legal(e, agent, static_cast<int32_t>(k)) ? 1 : 0;
      }
    }
  }

  VectorEnvSpec spec_;
  int32_t first_global_env_;
  EnvBuffers buffers_;
  std::vector<Episode> episodes_;
};

}  // namespace reeve
