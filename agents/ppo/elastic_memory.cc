#include "agents/ppo/elastic_memory.h"

#include "core/check.h"

namespace reeve {

void ElasticMemory::Consolidate(std::span<const float> fisher, std::span<const float> parameters,
                                double decay) {
  REEVE_CHECK(fisher.size() == parameters.size());
  REEVE_CHECK(empty() || centre.size() == parameters.size());
  importance.resize(fisher.size());
  const auto kept = static_cast<float>(decay);
  for (size_t i = 0; i < fisher.size(); ++i) importance[i] = kept * importance[i] + fisher[i];
  centre.assign(parameters.begin(), parameters.end());
}

void ElasticMemory::AddGradient(double elasticity, int64_t group, std::span<const float> parameters,
                                std::span<float> gradient) const {
  const auto scale = static_cast<float>(elasticity);
  const size_t first = static_cast<size_t>(group) * parameters.size();
  REEVE_CHECK(first + parameters.size() <= centre.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    gradient[i] += scale * importance[first + i] * (parameters[i] - centre[first + i]);
  }
}

double ElasticMemory::Penalty(int64_t group, std::span<const float> parameters) const {
  const size_t first = static_cast<size_t>(group) * parameters.size();
  REEVE_CHECK(first + parameters.size() <= centre.size());
  double sum = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const double moved = static_cast<double>(parameters[i]) - centre[first + i];
    sum += importance[first + i] * moved * moved / 2;
  }
  return sum;
}

}  // namespace reeve
