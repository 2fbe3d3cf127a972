// How far two experts are apart: in what they hold, and in what they do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/adapt/expert.h"

namespace reeve {

struct BlockDistance {
  std::string network, block;  // "actor", "hidden0.weight"
  double distance = 0;         // Euclidean, over all groups
  double relative = 0;         // to the norm of the first expert's; 0 where that is 0
};

struct ExpertComparison {
  std::vector<BlockDistance> blocks;
  int64_t choices_compared = 0;
  double choices_differ = 0;  // share of the heads' most probable choices
};

// InvalidArgument, with what differs, when their networks are not alike. What they do is compared
// on `samples` moments whose features are drawn, independent and normal, from the moments of the
// first expert's normaliser (keyed by `seed`), all agents present and everything legal: about where
// it worked, if not what it saw.
absl::StatusOr<ExpertComparison> CompareExperts(const Expert& a, const Expert& b, int32_t samples,
                                                uint64_t seed);

}  // namespace reeve
