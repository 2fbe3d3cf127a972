#include "runs/invocation_dump.h"

#include <fmt/format.h>

#include "core/status.h"
#include "core/table.h"

namespace reeve {

absl::StatusOr<InvocationDump> InvocationDump::Create(const std::string& path, const Trace& trace) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  InvocationDump dump(std::move(file), trace);
  dump.status_ =
      dump.file_.Append("function,arrival_us,start_us,end_us,work_us,outcome,cold,container\n");
  return dump;
}

void InvocationDump::Write(const InvocationRecord& r) {
  if (!status_.ok()) return;
  const bool ran = r.container.valid();
  status_ = file_.Append(fmt::format(
      "{},{},{},{},{},{},{},{}\n", CsvField(trace_->functions()[r.function.index()].name),
      r.arrival.micros(), ran ? fmt::format("{}", r.start.micros()) : "", r.end.micros(),
      r.work.micros(), OutcomeName(r.outcome), r.cold ? 1 : 0,
      ran ? fmt::format("{}", r.container.index()) : ""));
}

absl::Status InvocationDump::Commit() {
  RETURN_IF_ERROR(status_);
  return file_.Commit();
}

}  // namespace reeve
