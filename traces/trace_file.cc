#include "traces/trace_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr std::string_view kMagic = "REEVETRC";

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t sections;
  uint64_t file_size;
  uint64_t checksum;  // of header and section table, with this field 0
};
static_assert(sizeof(Header) == 32);

enum SectionKind : uint32_t { kSummary, kNames, kFunctions, kOffsets, kCounts, kTimed, kKinds };
constexpr std::array<std::string_view, kKinds> kSectionNames = {
    "summary", "names", "functions", "minute offsets", "counts", "timed invocations"};

struct Section {
  uint32_t kind;
  uint32_t zero;
  uint64_t offset;
  uint64_t size;
  uint64_t checksum;
};
static_assert(sizeof(Section) == 32);

struct Summary {
  int64_t duration_us;
  uint64_t total_invocations;
  uint32_t functions, tenants, apps;
  uint32_t timed;  // 0 or 1
  int32_t first_minute;
  uint32_t zero;
};
static_assert(sizeof(Summary) == 40);
static_assert(sizeof(MinuteCount) == 8);

constexpr uint64_t Aligned(uint64_t offset) {
  return (offset + 7) / 8 * 8;
}

// Appends integers, numbers and strings to the variable-length sections.
class ByteWriter {
 public:
  template <class T>
  void Put(T value) {
    const auto raw = std::bit_cast<std::array<char, sizeof(T)>>(value);
    bytes.append(raw.data(), raw.size());
  }
  void Put(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    bytes.append(text);
  }
  void Put(const Distribution& distribution) {
    Put(static_cast<uint8_t>(distribution.kind()));
    Put(static_cast<uint8_t>(distribution.parameters().size()));
    for (double parameter : distribution.parameters()) Put(parameter);
  }
  std::string bytes;
};

// Reads them back; any reading past the end fails and keeps failing.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  bool Get(T& value) {
    if (rest_.size() < sizeof(T)) return false;
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return true;
  }
  bool Get(std::string& text) {
    uint32_t size;
    if (!Get(size) || rest_.size() < size) return false;
    text.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }
  bool Get(Distribution& distribution) {
    uint8_t kind, size;
    std::array<double, 2 * Distribution::kMaxQuantiles> parameters;
    if (!Get(kind) || !Get(size) || size > parameters.size()) return false;
    if (kind > static_cast<uint8_t>(Distribution::Kind::kQuantiles)) return false;
    for (uint8_t i = 0; i < size; ++i) {
      if (!Get(parameters[i])) return false;
    }
    auto read = Distribution::FromParameters(static_cast<Distribution::Kind>(kind),
                                             std::span(parameters.data(), size));
    if (!read.ok()) return false;
    distribution = *read;
    return true;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::string WriteNames(const Trace& trace) {
  ByteWriter out;
  for (const std::string& name : trace.tenants()) out.Put(std::string_view(name));
  for (const std::string& name : trace.apps()) out.Put(std::string_view(name));
  return std::move(out.bytes);
}

std::string WriteFunctions(const Trace& trace) {
  ByteWriter out;
  for (const FunctionProfile& f : trace.functions()) {
    out.Put(std::string_view(f.name));
    out.Put(f.tenant.index());
    out.Put(f.app.index());
    out.Put(static_cast<uint8_t>(f.trigger));
    out.Put(static_cast<uint8_t>(f.duration_known));
    out.Put(static_cast<uint8_t>(f.cold_start_ms.has_value()));
    out.Put(f.memory.value());
    out.Put(f.duration_ms);
    if (f.cold_start_ms) out.Put(*f.cold_start_ms);
  }
  return std::move(out.bytes);
}

template <class T>
std::string_view BytesOf(std::span<const T> items) {
  return {reinterpret_cast<const char*>(items.data()), items.size_bytes()};
}

template <class T>
std::span<const T> ItemsOf(std::string_view bytes) {
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

// In pieces, so that the file's buffer stays small.
absl::Status AppendPadded(AtomicFile& file, std::string_view bytes) {
  constexpr size_t kPiece = 1 << 20;
  const size_t padding = Aligned(bytes.size()) - bytes.size();
  while (!bytes.empty()) {
    RETURN_IF_ERROR(file.Append(bytes.substr(0, kPiece)));
    bytes.remove_prefix(std::min(kPiece, bytes.size()));
  }
  return file.Append(std::string(padding, '\0'));
}

absl::Status Damaged(const std::string& name, std::string_view what) {
  return absl::InvalidArgumentError(
      fmt::format("{}: the trace file is damaged: {}; import or generate it again", name, what));
}

// The sections' bytes by kind, after their places and checksums were checked.
using Sections = std::array<std::string_view, kKinds>;

absl::StatusOr<Sections> ReadSections(std::string_view bytes, const std::string& name) {
  Header header;
  if (!TraceFile::HasMagic(bytes)) {
    return absl::InvalidArgumentError(
        fmt::format("{}: not a trace file (.rtrace); make one with 'reeve trace import'", name));
  }
  if (bytes.size() < sizeof(header)) return Damaged(name, "it is cut off in its header");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.version != TraceFile::kVersion) {
    return absl::UnimplementedError(
        fmt::format("{}: trace file version {}, this program reads version {}; use the program "
                    "that wrote it, or import the source again",
                    name, header.version, TraceFile::kVersion));
  }
  if (header.file_size != bytes.size()) {
    return Damaged(name, fmt::format("it has {} bytes where its header says {}", bytes.size(),
                                     header.file_size));
  }
  const uint64_t table_end = sizeof(Header) + uint64_t{header.sections} * sizeof(Section);
  if (header.sections > kKinds || table_end > bytes.size()) {
    return Damaged(name, "its section table is impossible");
  }
  std::string head(bytes.substr(0, table_end));
  std::memset(head.data() + offsetof(Header, checksum), 0, sizeof(header.checksum));
  if (XXH3_64bits(head.data(), head.size()) != header.checksum) {
    return Damaged(name, "the header's checksum does not match");
  }
  Sections sections;
  std::array<bool, kKinds> seen{};
  for (const Section& s :
       ItemsOf<Section>(bytes.substr(sizeof(Header), table_end - sizeof(Header)))) {
    if (s.kind >= kKinds || seen[s.kind] || s.offset % 8 != 0 || s.offset < table_end ||
        s.offset > bytes.size() || s.size > bytes.size() - s.offset) {
      return Damaged(name, "its section table is impossible");
    }
    seen[s.kind] = true;
    sections[s.kind] = bytes.substr(s.offset, s.size);
    if (XXH3_64bits(sections[s.kind].data(), s.size) != s.checksum) {
      return Damaged(name,
                     fmt::format("the checksum of its {} does not match", kSectionNames[s.kind]));
    }
  }
  return sections;
}

absl::Status ReadNames(std::string_view bytes, const std::string& name, uint32_t tenants,
                       uint32_t apps, std::vector<std::string>& tenant_names,
                       std::vector<std::string>& app_names) {
  ByteReader in(bytes);
  const uint64_t least = (uint64_t{tenants} + apps) * sizeof(uint32_t);
  if (least > bytes.size()) return Damaged(name, "its names are cut off");
  tenant_names.resize(tenants);
  app_names.resize(apps);
  for (std::string& text : tenant_names) {
    if (!in.Get(text)) return Damaged(name, "its names are cut off");
  }
  for (std::string& text : app_names) {
    if (!in.Get(text)) return Damaged(name, "its names are cut off");
  }
  return in.done() ? absl::OkStatus() : Damaged(name, "bytes are left after its names");
}

absl::Status ReadFunctions(std::string_view bytes, const std::string& name, const Summary& summary,
                           std::vector<FunctionProfile>& functions) {
  constexpr uint64_t kLeastRecord = 4 + 4 + 4 + 3 + 8 + 2;
  ByteReader in(bytes);
  if (uint64_t{summary.functions} * kLeastRecord > bytes.size()) {
    return Damaged(name, "its functions are cut off");
  }
  functions.resize(summary.functions);
  std::unordered_set<std::string_view> names;  // looked up only, never walked
  names.reserve(functions.size());
  for (size_t i = 0; i < functions.size(); ++i) {
    FunctionProfile& f = functions[i];
    uint32_t tenant, app;
    uint8_t trigger, known, has_cold_start;
    int64_t memory;
    if (!in.Get(f.name) || !in.Get(tenant) || !in.Get(app) || !in.Get(trigger) || !in.Get(known) ||
        !in.Get(has_cold_start) || !in.Get(memory) || !in.Get(f.duration_ms) ||
        (has_cold_start == 1 && !in.Get(f.cold_start_ms.emplace()))) {
      return Damaged(name, fmt::format("function {} cannot be read", i));
    }
    if (tenant >= summary.tenants || app >= summary.apps || trigger >= kTriggers || known > 1 ||
        has_cold_start > 1 || memory < 0) {
      return Damaged(name, fmt::format("function {} holds an impossible value", i));
    }
    if (!names.insert(f.name).second) {
      return Damaged(name, fmt::format("the function name '{}' occurs twice", f.name));
    }
    f.tenant = TenantId(tenant);
    f.app = AppId(app);
    f.trigger = static_cast<Trigger>(trigger);
    f.duration_known = known == 1;
    f.memory = Mebibytes(memory);
  }
  return in.done() ? absl::OkStatus() : Damaged(name, "bytes are left after its functions");
}

// Checks offsets and counts against what Trace promises; false when one is broken.
bool ValidCounts(std::span<const uint64_t> offsets, std::span<const MinuteCount> counts,
                 const Summary& summary) {
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != counts.size()) return false;
  if (offsets.size() - 1 > std::numeric_limits<int32_t>::max()) return false;
  if (static_cast<int64_t>(offsets.size() - 1) * kMinute.micros() != summary.duration_us)
    return false;
  uint64_t total = 0;
  for (size_t m = 0; m + 1 < offsets.size(); ++m) {
    if (offsets[m] > offsets[m + 1] || offsets[m + 1] > counts.size()) return false;
    int64_t previous = -1;
    bool sound = true;
    for (uint64_t i = offsets[m]; i < offsets[m + 1]; ++i) {
      const MinuteCount c = counts[i];
      sound &= (previous < c.function) & (c.count > 0);
      previous = c.function;
      total += c.count;
    }
    if (!sound || previous >= int64_t{summary.functions}) return false;
  }
  return total == summary.total_invocations;
}

bool ValidTimed(std::span<const TimedInvocation> invocations, const Summary& summary) {
  int64_t last_start = 0;
  uint32_t last_function = 0;
  for (const TimedInvocation& i : invocations) {
    const bool in_order =
        i.start_us > last_start || (i.start_us == last_start && i.function >= last_function);
    if (!in_order || i.start_us >= summary.duration_us || i.function >= summary.functions ||
        i.duration_us < TimedInvocation::kDrawDuration || i.reserved != 0) {
      return false;
    }
    last_start = i.start_us;
    last_function = i.function;
  }
  return invocations.size() == summary.total_invocations;
}

}  // namespace

bool TraceFile::HasMagic(std::string_view bytes) {
  return bytes.starts_with(kMagic);
}

absl::Status TraceFile::Write(const Trace& trace, const std::string& path) {
  if constexpr (std::endian::native != std::endian::little) {
    return absl::UnimplementedError("trace files are written on little-endian machines only");
  }
  const Summary summary{.duration_us = trace.duration_.micros(),
                        .total_invocations = trace.total_,
                        .functions = static_cast<uint32_t>(trace.functions_.size()),
                        .tenants = static_cast<uint32_t>(trace.tenants_.size()),
                        .apps = static_cast<uint32_t>(trace.apps_.size()),
                        .timed = trace.timed_ ? 1u : 0u,
                        .first_minute = trace.first_minute_,
                        .zero = 0};
  const std::string names = WriteNames(trace);
  const std::string functions = WriteFunctions(trace);
  std::vector<std::pair<SectionKind, std::string_view>> parts = {
      {kSummary, BytesOf(std::span<const Summary>(&summary, 1))},
      {kNames, names},
      {kFunctions, functions}};
  constexpr uint64_t kNoMinutes[] = {0};  // a Trace that nobody built has not even this offset
  if (trace.timed_) {
    parts.emplace_back(kTimed, BytesOf(trace.invocations_));
  } else {
    parts.emplace_back(
        kOffsets,
        BytesOf(trace.offsets_.empty() ? std::span<const uint64_t>(kNoMinutes) : trace.offsets_));
    parts.emplace_back(kCounts, BytesOf(trace.counts_));
  }

  std::vector<Section> table;
  uint64_t at = sizeof(Header) + parts.size() * sizeof(Section);
  for (const auto& [kind, bytes] : parts) {
    table.push_back({kind, 0, at, bytes.size(), XXH3_64bits(bytes.data(), bytes.size())});
    at = Aligned(at + bytes.size());
  }
  Header header{.magic = {},
                .version = kVersion,
                .sections = static_cast<uint32_t>(table.size()),
                .file_size = at,
                .checksum = 0};
  std::memcpy(header.magic, kMagic.data(), kMagic.size());
  std::string head(BytesOf(std::span<const Header>(&header, 1)));
  head += BytesOf(std::span<const Section>(table));
  header.checksum = XXH3_64bits(head.data(), head.size());
  std::memcpy(head.data(), &header, sizeof(header));

  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Append(head));
  for (const auto& [kind, bytes] : parts) {
    RETURN_IF_ERROR(AppendPadded(file, bytes));
  }
  return file.Commit();
}

absl::StatusOr<Trace> TraceFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  const std::string_view bytes = file->bytes();
  return ParseInPlace(bytes, path, std::move(file));
}

absl::StatusOr<Trace> TraceFile::Parse(std::string_view bytes, const std::string& name) {
  // 8-byte words, for the alignment that a mapped file has.
  auto words = std::make_shared<std::vector<uint64_t>>(Aligned(bytes.size()) / 8);
  if (!bytes.empty()) std::memcpy(words->data(), bytes.data(), bytes.size());
  const std::string_view copy(reinterpret_cast<const char*>(words->data()), bytes.size());
  return ParseInPlace(copy, name, std::move(words));
}

absl::StatusOr<Trace> TraceFile::ParseInPlace(std::string_view bytes, const std::string& name,
                                              std::shared_ptr<const void> owner) {
  if constexpr (std::endian::native != std::endian::little) {
    return absl::UnimplementedError("trace files are read on little-endian machines only");
  }
  ASSIGN_OR_RETURN(const Sections sections, ReadSections(bytes, name));
  Summary summary;
  if (sections[kSummary].size() != sizeof(summary)) return Damaged(name, "its summary is missing");
  std::memcpy(&summary, sections[kSummary].data(), sizeof(summary));
  if (summary.timed > 1 || summary.duration_us < 0) {
    return Damaged(name, "its summary holds an impossible value");
  }
  if (sections[kOffsets].size() % sizeof(uint64_t) != 0 ||
      sections[kCounts].size() % sizeof(MinuteCount) != 0 ||
      sections[kTimed].size() % sizeof(TimedInvocation) != 0) {
    return Damaged(name, "a section ends within an item");
  }

  Trace trace;
  RETURN_IF_ERROR(ReadNames(sections[kNames], name, summary.tenants, summary.apps, trace.tenants_,
                            trace.apps_));
  RETURN_IF_ERROR(ReadFunctions(sections[kFunctions], name, summary, trace.functions_));
  trace.duration_ = SimTime::Micros(summary.duration_us);
  trace.first_minute_ = summary.first_minute;
  trace.total_ = summary.total_invocations;
  trace.timed_ = summary.timed == 1;
  if (trace.timed_) {
    trace.invocations_ = ItemsOf<TimedInvocation>(sections[kTimed]);
    if (!ValidTimed(trace.invocations_, summary)) {
      return Damaged(name, "its invocations are out of order, out of range or miscounted");
    }
  } else {
    trace.offsets_ = ItemsOf<uint64_t>(sections[kOffsets]);
    trace.counts_ = ItemsOf<MinuteCount>(sections[kCounts]);
    if (!ValidCounts(trace.offsets_, trace.counts_, summary)) {
      return Damaged(name, "its counts are out of order, out of range or miscounted");
    }
  }
  trace.storage_ = std::move(owner);
  return trace;
}

}  // namespace reeve
