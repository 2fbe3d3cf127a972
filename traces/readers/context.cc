#include "traces/readers/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "traces/readers/percentiles.h"

namespace reeve {

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string_view FolderName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : BaseName(path.substr(0, slash));
}

std::string JoinedKey(std::initializer_list<std::string_view> names) {
  std::string key;
  for (std::string_view name : names) {
    const auto size = static_cast<uint32_t>(name.size());
    key.append(reinterpret_cast<const char*>(&size), sizeof(size)).append(name);
  }
  return key;
}

Mebibytes ToMebibytes(double mebibytes) {
  return Mebibytes(std::max<int64_t>(1, std::llround(std::min(mebibytes, 1e9))));
}

// --- CsvTable

CsvTable::CsvTable(const InputFile& file, ReadContext& context)
    : file_(file), context_(context), scanner_(file.bytes) {
  ++context.report.files;
  context.report.bytes += file.bytes.size();
}

bool CsvTable::ReadHeader() {
  if (!scanner_.Next()) {
    context_.log.Add(Problem::kMissingColumn, file_.name, 0, "",
                     "the file is empty, a header with the column names was expected");
    return false;
  }
  if (scanner_.has_nul() || !scanner_.Split(cells_)) {
    context_.log.Add(Problem::kBadText, file_.name, scanner_.line(), "",
                     "the header cannot be read: quotes do not match, or it holds NUL bytes");
    return false;
  }
  for (std::string_view cell : cells_) header_.emplace_back(Trimmed(cell));
  return true;
}

int CsvTable::Column(std::string_view name) {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) return kNone;
  if (std::find(found + 1, header_.end(), name) != header_.end()) {
    context_.log.Add(Problem::kDuplicate, file_.name, scanner_.line(), name,
                     "the column stands here twice, remove one");
  }
  return static_cast<int>(found - header_.begin());
}

int CsvTable::Column(std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    if (const int column = Column(name); column != kNone) return column;
  }
  return kNone;
}

int CsvTable::Required(std::string_view name) {
  const int column = Column(name);
  if (column == kNone) {
    context_.log.Add(Problem::kMissingColumn, file_.name, 1, name,
                     "there is no such column; add it, or check that this is the right file");
  }
  return column;
}

bool CsvTable::NextRaw() {
  if (!scanner_.Next()) return false;
  ++context_.report.rows;
  return true;
}

bool CsvTable::Next() {
  while (NextRaw()) {
    if (Split()) return true;
  }
  return false;
}

bool CsvTable::Split() {
  if (scanner_.has_nul()) {
    Bad(Problem::kBadText, kNone, "the row holds NUL bytes; the file is damaged");
    return false;
  }
  if (!scanner_.Split(cells_)) {
    Bad(Problem::kBadText, static_cast<int>(std::min(cells_.size(), header_.size() - 1)),
        "the quotes do not match; a quote inside of a cell is written twice");
    return false;
  }
  if (cells_.size() == header_.size()) return true;
  const bool few = cells_.size() < header_.size();
  Bad(few ? Problem::kShortRow : Problem::kLongRow, few ? static_cast<int>(cells_.size()) : kNone,
      fmt::format("the row has {} cells for {} columns{}", cells_.size(), header_.size(),
                  !few                      ? ", remove what is too much or name its columns"
                  : scanner_.unterminated() ? " and the file ends in it; get the whole file"
                                            : ", complete it"));
  return false;
}

void CsvTable::Bad(Problem problem, int column, std::string_view what) {
  const std::string_view name =
      column == kNone ? std::string_view() : header_[static_cast<size_t>(column)];
  context_.log.Add(problem, file_.name, scanner_.line(), name, what);
}

std::optional<double> CsvTable::NonNegative(int column) {
  double value;
  if (const auto problem = ParseNonNegative(cell(column), value)) {
    Bad(*problem, column);
    return std::nullopt;
  }
  return value;
}

std::optional<double> CsvTable::Finite(int column) {
  double value;
  if (const auto problem = ParseFinite(cell(column), value)) {
    Bad(*problem, column);
    return std::nullopt;
  }
  return value;
}

// --- FunctionTable

FunctionTable::Interned FunctionTable::Intern(std::string_view tenant, std::string_view app,
                                              std::string_view function) {
  const auto [entry, fresh] = index_.try_emplace(JoinedKey({tenant, app, function}));
  if (!fresh) return {entry->second, false};
  FunctionProfile profile;
  profile.name = function;
  if (builder_.FindFunction(profile.name)) {
    profile.name = fmt::format("{}/{}/{}", tenant, app, function);
  }
  const std::string base = profile.name;
  for (int n = 2; builder_.FindFunction(profile.name); ++n) {
    profile.name = fmt::format("{}#{}", base, n);
  }
  profile.tenant = builder_.Tenant(tenant);
  profile.app = builder_.App(app);
  profile.duration_known = false;
  entry->second = builder_.AddFunction(std::move(profile));
  return {entry->second, true};
}

std::optional<FunctionId> FunctionTable::Find(std::string_view tenant, std::string_view app,
                                              std::string_view function) const {
  const auto found = index_.find(JoinedKey({tenant, app, function}));
  if (found == index_.end()) return std::nullopt;
  return found->second;
}

// --- TimedRows

FunctionId TimedRows::Function(std::string_view tenant, std::string_view app,
                               std::string_view function) {
  const auto [id, fresh] = functions_.Intern(tenant, app, function);
  if (fresh) samples_.emplace_back();
  return id;
}

void TimedRows::Add(FunctionId function, int64_t start_us, int64_t duration_us) {
  rows_.push_back({start_us, duration_us, function.index(), 0});
  if (duration_us == TimedInvocation::kDrawDuration) return;
  samples_[function.index()].durations_ms.push_back(static_cast<double>(duration_us) / 1e3);
}

void TimedRows::AddMemory(FunctionId function, double mebibytes) {
  samples_[function.index()].memory_sum += mebibytes;
  samples_[function.index()].memory_count += 1;
}

void TimedRows::AddColdStart(FunctionId function, double milliseconds) {
  samples_[function.index()].cold_starts_ms.push_back(milliseconds);
}

absl::Status TimedRows::Finish(Shift shift) {
  constexpr SimTime kYear = SimTime::Hours(365 * 24);
  if (rows_.empty()) return absl::InvalidArgumentError("there is no invocation to read");
  const auto by_start = [](const auto& a, const auto& b) { return a.start_us < b.start_us; };
  const auto [first, last] = std::minmax_element(rows_.begin(), rows_.end(), by_start);
  const SimTime earliest = SimTime::Micros(first->start_us);
  const SimTime latest = SimTime::Micros(last->start_us);
  if (shift == Shift::kEarliest || (shift == Shift::kWallClock && earliest > kYear)) {
    context_.report.shift = SimTime() - earliest;
  }
  if (latest + context_.report.shift > kYear * 10) {
    return absl::InvalidArgumentError(fmt::format(
        "the invocations span more than ten years, from {:.3f} s to {:.3f} s; check the unit of "
        "the times",
        earliest.seconds(), latest.seconds()));
  }
  for (size_t f = 0; f < samples_.size(); ++f) {
    Samples& samples = samples_[f];
    FunctionProfile& profile = context_.builder.function(FunctionId(static_cast<uint32_t>(f)));
    if (samples.durations_ms.empty()) {
      profile.duration_ms = StandInDurationMs();
      ++context_.report.functions_without_durations;
    } else {
      const auto fitted = FitDistribution(Summarize(samples.durations_ms), 0);
      profile.duration_ms = fitted.distribution;
      profile.duration_known = true;
      context_.report.means_missed += fitted.mean_kept ? 0 : 1;
    }
    if (!samples.cold_starts_ms.empty()) {
      profile.cold_start_ms = FitDistribution(Summarize(samples.cold_starts_ms), 0).distribution;
    }
    if (samples.memory_count > 0) {
      profile.memory = ToMebibytes(samples.memory_sum / samples.memory_count);
    } else if (profile.memory == Mebibytes(0)) {
      ++context_.report.functions_without_memory;
    }
  }
  for (TimedInvocation row : rows_) {
    row.start_us += context_.report.shift.micros();
    context_.builder.AddInvocation(row);
  }
  rows_.clear();
  return absl::OkStatus();
}

}  // namespace reeve
