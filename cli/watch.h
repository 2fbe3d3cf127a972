// A progress bar for each of the pieces of work that follow one another.
#pragma once

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/progress.h"

namespace reeve {

// Thread-safe.
class Watch {
 public:
  explicit Watch(bool quiet) : quiet_(quiet) {}
  ~Watch() { End(); }

  // `done` of `planned` runs of `what` are done; another `what` than before begins a new bar.
  void Report(std::string_view what, size_t done, size_t planned) {
    const std::lock_guard lock(mutex_);
    if (what != what_) {
      End();
      what_ = what;
      done_ = 0;
      progress_.emplace(
          Progress::Work{.what = what_, .total = static_cast<double>(planned), .unit = "runs"},
          Progress::Options{.mode = quiet_ ? Progress::Mode::kQuiet : Progress::Mode::kAuto});
    }
    done_ = std::max(done_, done);
    if (progress_->Due()) progress_->Report(static_cast<double>(done_), {});
  }

 private:
  void End() {
    if (progress_) progress_->Finish(static_cast<double>(done_), {});
    progress_.reset();
  }
  const bool quiet_;
  std::mutex mutex_;
  std::string what_;
  size_t done_ = 0;
  std::optional<Progress> progress_;
};

}  // namespace reeve
