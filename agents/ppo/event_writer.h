// TensorBoard event files: scalars over steps, as training goes on.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

struct ScalarSample {
  std::string tag;   // "loss/policy"
  double value = 0;  // stored as float32
};

// Writes one file, `folder`/events.out.tfevents.<time>.<host>.<process>.<serial>, of records
//   length (u64), masked CRC-32C of length, Event (agents/ppo/events.proto), masked CRC-32C of
//   Event.
// A resumed training opens a writer of its own from the step after the checkpoint's: the file
// begins with a session start at `first_step`, on which TensorBoard drops what older files say of
// that step and later (its purge_orphaned_data), so the steps that are trained again are not shown
// twice and nothing has to be rewritten. Not thread-safe.
class EventWriter {
 public:
  // Makes the folder when it is not there. first_step >= 0.
  static absl::StatusOr<EventWriter> Create(const std::string& folder, int64_t first_step);
  EventWriter(EventWriter&& other) noexcept;
  EventWriter& operator=(EventWriter&& other) noexcept;
  ~EventWriter();  // what was not flushed is lost

  const std::string& path() const { return path_; }

  // One event of all samples; buffered. Values that are not finite are left out: TensorBoard's
  // charts cannot show them.
  void Add(int64_t step, std::span<const ScalarSample> samples);

  // Hands what was added to the system: whole records only, so a reader (and a killed training)
  // sees a valid file.
  absl::Status Flush();

 private:
  EventWriter(std::string path, int descriptor);
  void AddRecord(const std::string& event);

  std::string path_;
  int descriptor_ = -1;
  std::string buffer_;
};

}  // namespace reeve
