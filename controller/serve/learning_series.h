// What /metrics shows of a policy that learns while it drives.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "controller/loop_records.h"

namespace reeve {

class LearningSeries {
 public:
  // Adds its series to `registry`, which outlives the object.
  explicit LearningSeries(prometheus::Registry& registry);

  void Show(const AdaptationNow& now);

 private:
  prometheus::Gauge &environment_, &confidence_, &environments_, &expert_, &experts_, &exploring_,
      &reward_;
  prometheus::Counter &updates_, &switches_, &dropped_, &lost_;
  AdaptationNow counted_;
};

}  // namespace reeve
