#include "agents/adapt/violation_budget.h"

#include <algorithm>

#include "core/portable_math.h"

namespace reeve {
namespace {

constexpr double kPeakHalfLife = 3600;  // s
constexpr double kLn2 = 0.6931471805599453;

}  // namespace

double ViolationBudgetSpec::Capacity() const {
  return capacity > 0 ? capacity : std::max(violations, 1.0);
}

ViolationBudget::ViolationBudget(const ViolationBudgetSpec& spec)
    : spec_(spec), tokens_(std::min(spec.violations, spec.Capacity())), granted_(tokens_) {}

double ViolationBudget::peak_rps() const {
  return std::max(highest_rps_, spec_.peak_rps);
}

void ViolationBudget::Put(double tokens) {
  const double put = std::clamp(spec_.Capacity() - tokens_, 0.0, tokens);
  tokens_ += put;
  granted_ += put;
}

void ViolationBudget::AddWindow(SimTime window, double arrivals, double left) {
  const double seconds = window.seconds();
  Put(left * spec_.refill_share + seconds / 3600 * spec_.refill_per_hour);
  if (seconds <= 0) return;
  highest_rps_ =
      std::max(highest_rps_ * PortableExp(-kLn2 * seconds / kPeakHalfLife), arrivals / seconds);
}

void ViolationBudget::Charge(double violations) {
  tokens_ -= violations;
  charged_ += violations;
}

bool ViolationBudget::Allows(const Exposure& exposure, SimTime period) {
  const double coming = peak_rps() * (period + spec_.recovery).seconds();
  at_risk_ = std::max(exposure.waiting, exposure.overdue) +
             spec_.reserve_share * (exposure.in_flight + exposure.warm + coming);
  if (!exhausted_) {
    exhausted_ = tokens_ <= 0 || tokens_ < at_risk_;
  } else {
    const double wanted =
        std::max(at_risk_, std::min(at_risk_ + spec_.resume * spec_.Capacity(), spec_.Capacity()));
    exhausted_ = tokens_ <= 0 || tokens_ < wanted;
  }
  return !exhausted_;
}

}  // namespace reeve
