// When to train and when to serve (AWARE, ATC'23): by the mean and the spread of the last returns.
// Used to stop a training that has converged, and to resume one whose policy has got worse.
#pragma once

#include <cstdint>
#include <span>

#include "core/config.h"

namespace reeve {

struct RetrainingSpec {
  int32_t window = 10;
  double train_drop = 0.1, serve_drop = 0.05;
  double train_spread = 0.1, serve_spread = 0.05;

  template <class V>
  static void Fields(V& v) {
    v.Field("window", &RetrainingSpec::window, "Returns that are looked at: the last ones",
            {2, 1000});
    v.Field("train_drop", &RetrainingSpec::train_drop,
            "Train when their mean is this share below the best mean of as many", AtLeast(0));
    v.Field("serve_drop", &RetrainingSpec::serve_drop,
            "Serve again when it is at most this share below", AtLeast(0));
    v.Field("train_spread", &RetrainingSpec::train_spread,
            "Train when their deviation is above this share of the best mean", AtLeast(0));
    v.Field("serve_spread", &RetrainingSpec::serve_spread,
            "Serve again when it is at most this share", AtLeast(0));
  }
};

// Whether to train next, given whether that was so until now, from `returns`, oldest first, as many
// as are kept (TrainerState::recent_returns). Either condition sends to training, both must have
// recovered to serve; between the two thresholds nothing changes. With fewer than `window` returns
// it stays as it is. Shares are of the absolute value of the best mean.
bool ShouldTrain(const RetrainingSpec& spec, std::span<const double> returns, bool training);

}  // namespace reeve
