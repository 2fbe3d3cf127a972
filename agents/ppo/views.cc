#include "agents/ppo/views.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"

namespace reeve {

int32_t ViewShape::choices() const {
  return std::accumulate(heads.begin(), heads.end(), 0);
}

int32_t ViewShape::size() const {
  const int32_t id = agent_id ? agents : 0;
  switch (view) {
    case View::kOwn:
      return features + id;
    case View::kMeanField:
      return 2 * features + choices() + id;
    case View::kMeanFieldVariance:
      return 3 * features + choices() + id;
    case View::kJoint:
      return features + (agents - 1) * (features + 1 + choices()) + id;
  }
  return 0;
}

std::vector<std::string> ViewShape::InputNames(std::span<const std::string> feature_names,
                                               std::span<const std::string> agent_names) const {
  std::vector<std::string> names;
  const auto features_of = [&](const std::string& whose) {
    for (const std::string& name : feature_names) names.push_back(whose + name);
  };
  const auto actions_of = [&](const std::string& whose) {
    for (size_t head = 0; head < heads.size(); ++head) {
      for (int32_t choice = 0; choice < heads[head]; ++choice) {
        names.push_back(whose + "action" + std::to_string(head) + "=" + std::to_string(choice));
      }
    }
  };
  features_of("");
  if (view == View::kMeanField || view == View::kMeanFieldVariance) {
    features_of("others.mean.");
    actions_of("others.mean.");
    if (view == View::kMeanFieldVariance) features_of("others.variance.");
  } else if (view == View::kJoint) {
    for (int32_t other = 1; other < agents; ++other) {
      const std::string whose = "other" + std::to_string(other) + ".";
      features_of(whose);
      names.push_back(whose + "present");
      actions_of(whose);
    }
  }
  if (agent_id) {
    for (const std::string& name : agent_names) names.push_back("agent=" + name);
  }
  return names;
}

ViewBuilder::ViewBuilder(ViewShape shape)
    : shape_(std::move(shape)),
      size_(shape_.size()),
      choices_(shape_.choices()),
      sums_(static_cast<size_t>(shape_.features)),
      squares_(sums_.size()),
      action_sums_(static_cast<size_t>(choices_)) {}

void ViewBuilder::Build(const Moment& moment, float* const* rows) {
  const bool summary = shape_.view == View::kMeanField || shape_.view == View::kMeanFieldVariance;
  if (summary) SumOthers(moment);
  for (int32_t agent = 0; agent < shape_.agents; ++agent) {
    const float* own = moment.observations + static_cast<ptrdiff_t>(agent) * shape_.features;
    float* out = std::copy_n(own, shape_.features, rows[agent]);
    if (summary) {
      out = BuildMeanField(moment, agent, out);
    } else if (shape_.view == View::kJoint) {
      out = BuildJoint(moment, agent, out);
    }
    if (shape_.agent_id) {
      std::fill_n(out, shape_.agents, 0.0F);
      out[agent] = 1;
      out += shape_.agents;
    }
    REEVE_DCHECK(out == rows[agent] + size_);
  }
}

void ViewBuilder::AddOneHot(const int32_t* actions, float* out) const {
  for (size_t head = 0; head < shape_.heads.size(); ++head) {
    if (actions[head] >= 0) out[actions[head]] += 1;
    out += shape_.heads[head];
  }
}

void ViewBuilder::SumOthers(const Moment& moment) {
  std::fill(sums_.begin(), sums_.end(), 0.0);
  std::fill(squares_.begin(), squares_.end(), 0.0);
  std::fill(action_sums_.begin(), action_sums_.end(), 0.0);
  present_ = 0;
  const size_t heads = shape_.heads.size();
  for (int32_t agent = 0; agent < shape_.agents; ++agent) {
    if (moment.present[agent] == 0) continue;
    ++present_;
    const float* x = moment.observations + static_cast<ptrdiff_t>(agent) * shape_.features;
    for (size_t f = 0; f < sums_.size(); ++f) {
      sums_[f] += x[f];
      squares_[f] += static_cast<double>(x[f]) * x[f];
    }
    const int32_t* actions = moment.last_actions + static_cast<size_t>(agent) * heads;
    double* counts = action_sums_.data();
    for (size_t head = 0; head < heads; ++head) {
      if (actions[head] >= 0) counts[actions[head]] += 1;
      counts += shape_.heads[head];
    }
  }
}

// From the sums over all, less the agent's own part: linear in the number of agents.
float* ViewBuilder::BuildMeanField(const Moment& moment, int32_t agent, float* out) const {
  const bool variance = shape_.view == View::kMeanFieldVariance;
  const ptrdiff_t length = (variance ? 2 : 1) * shape_.features + choices_;
  std::fill_n(out, length, 0.0F);
  const bool here = moment.present[agent] != 0;
  const int32_t others = present_ - (here ? 1 : 0);
  if (others == 0) return out + length;

  const double scale = 1.0 / others;
  const float* own = moment.observations + static_cast<ptrdiff_t>(agent) * shape_.features;
  float* const variances = out + shape_.features + choices_;
  for (int32_t f = 0; f < shape_.features; ++f) {
    const double x = here ? own[f] : 0.0;
    const auto i = static_cast<size_t>(f);
    const double mean = (sums_[i] - x) * scale;
    out[f] = static_cast<float>(mean);
    if (variance) {
      variances[f] = static_cast<float>(std::max(0.0, (squares_[i] - x * x) * scale - mean * mean));
    }
  }
  float* action = out + shape_.features;
  const double* sum = action_sums_.data();
  const int32_t* own_actions =
      moment.last_actions + static_cast<size_t>(agent) * shape_.heads.size();
  for (size_t head = 0; head < shape_.heads.size(); ++head) {
    for (int32_t choice = 0; choice < shape_.heads[head]; ++choice) {
      const double mine = here && own_actions[head] == choice ? 1 : 0;
      *action++ = static_cast<float>((*sum++ - mine) * scale);
    }
  }
  return out + length;
}

float* ViewBuilder::BuildJoint(const Moment& moment, int32_t agent, float* out) const {
  for (int32_t step = 1; step < shape_.agents; ++step) {
    const int32_t other = (agent + step) % shape_.agents;
    if (moment.present[other] == 0) {
      out = std::fill_n(out, shape_.features + 1 + choices_, 0.0F);
      continue;
    }
    const float* x = moment.observations + static_cast<ptrdiff_t>(other) * shape_.features;
    out = std::copy_n(x, shape_.features, out);
    *out++ = 1;
    std::fill_n(out, choices_, 0.0F);
    AddOneHot(moment.last_actions + static_cast<size_t>(other) * shape_.heads.size(), out);
    out += choices_;
  }
  return out;
}

}  // namespace reeve
