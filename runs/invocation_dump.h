// A CSV row for every invocation that left the system:
//
//   function,arrival_us,start_us,end_us,work_us,outcome,cold,container
//
// start_us and container are empty for those that never ran; containers are numbered by creation.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/files.h"
#include "sim/cluster.h"
#include "traces/trace.h"

namespace reeve {

class InvocationDump {
 public:
  // The file appears with Commit. `trace` outlives the dump.
  static absl::StatusOr<InvocationDump> Create(const std::string& path, const Trace& trace);

  // After an error further rows are dropped; see status().
  void Write(const InvocationRecord& record);
  const absl::Status& status() const { return status_; }
  // The first error of Write, or of completing the file.
  absl::Status Commit();

 private:
  InvocationDump(AtomicFile file, const Trace& trace) : file_(std::move(file)), trace_(&trace) {}
  AtomicFile file_;
  const Trace* trace_;
  absl::Status status_;
};

}  // namespace reeve
