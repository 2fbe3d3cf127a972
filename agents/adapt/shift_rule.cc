#include "agents/adapt/shift_rule.h"

#include "agents/adapt/bocpd_rule.h"
#include "agents/adapt/cusum_rule.h"
#include "agents/adapt/mahalanobis_rule.h"
#include "agents/adapt/mixture_rule.h"
#include "agents/adapt/oracle_rule.h"

namespace reeve {

std::unique_ptr<ShiftRule> MakeShiftRule(const DetectorSpec& spec, size_t dimensions) {
  const auto capacity = static_cast<size_t>(spec.max_environments);
  switch (spec.kind) {
    case DetectorKind::kMahalanobis:
      return std::make_unique<MahalanobisRule>(spec.mahalanobis, spec.spread_prior(), dimensions);
    case DetectorKind::kMixture:
      return std::make_unique<MixtureRule>(spec.mixture, dimensions, capacity);
    case DetectorKind::kCusum:
      return std::make_unique<CusumRule>(spec.cusum, dimensions, capacity);
    case DetectorKind::kBocpd:
      return std::make_unique<BocpdRule>(spec.bocpd, spec.match, dimensions);
    case DetectorKind::kOracle:
      break;
  }
  return std::make_unique<OracleRule>(spec.oracle);
}

}  // namespace reeve
