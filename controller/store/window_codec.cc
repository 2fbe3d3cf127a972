#include "controller/store/window_codec.h"

#include <xxhash.h>

#include <bit>
#include <cstring>
#include <type_traits>

#include "controller/window_rows.h"

namespace reeve {
namespace {

static_assert(std::endian::native == std::endian::little, "windows are stored as they are");
constexpr std::string_view kMagic = "RWIN";
constexpr uint32_t kVersion = 1;

// What a column's values are stored as.
template <class T>
auto Plain(const T& value) {
  if constexpr (std::is_arithmetic_v<T>) {
    return value;
  } else if constexpr (std::is_same_v<T, SimTime>) {
    return value.micros();
  } else {
    return value.value();
  }
}
template <class T>
using PlainOf = decltype(Plain(std::declval<T>()));

template <class T>
T FromPlain(PlainOf<T> value) {
  if constexpr (std::is_same_v<T, SimTime>) {
    return SimTime::Micros(value);
  } else {
    return T(value);
  }
}

class Writer {
 public:
  template <class T>
  void Put(const T& value) {
    const auto plain = Plain(value);
    bytes_.append(reinterpret_cast<const char*>(&plain), sizeof plain);
  }
  std::string Finish() {
    Put(static_cast<uint64_t>(XXH3_64bits(bytes_.data(), bytes_.size())));
    return std::move(bytes_);
  }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  void Take(T& value) {
    PlainOf<T> plain{};
    if (bytes_.size() < sizeof plain) {
      failed_ = true;
      bytes_ = {};
    } else {
      std::memcpy(&plain, bytes_.data(), sizeof plain);
      bytes_.remove_prefix(sizeof plain);
    }
    value = FromPlain<T>(plain);
  }
  bool failed() const { return failed_; }
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

template <class V, class S>
void VisitHead(V&& visit, S& snapshot) {
  visit(snapshot.window);
  visit(snapshot.cluster.cpu_capacity);
  visit(snapshot.cluster.memory_capacity);
  visit(snapshot.cluster.cpu_limits);
  visit(snapshot.cluster.memory_held);
  visit(snapshot.cluster.cpu_used_millicores);
  visit(snapshot.cluster.nodes_ready);
}

bool IsIdle(const FunctionWindows& w, size_t row) {
  bool idle =
      w.containers_ready[row] == 0 && w.containers_starting[row] == 0 && w.replicas_asked[row] == 0;
  const auto look = [&](const auto& column) { idle = idle && column[row] == 0; };
  VisitEventColumns(look, w);
  VisitMeasuredColumns(look, w);
  return idle;
}

size_t RowSize() {
  size_t size = sizeof(int64_t);
  const FunctionWindows none;
  VisitColumns(
      [&](const auto& column) {
        size += sizeof(PlainOf<typename std::decay_t<decltype(column)>::value_type>);
      },
      none);
  return size;
}

}  // namespace

std::string EncodeWindow(const Snapshot& snapshot, std::span<const int64_t> keys) {
  const FunctionWindows& w = snapshot.functions;
  std::vector<size_t> rows;
  for (size_t row = 0; row < keys.size(); ++row) {
    if (!IsIdle(w, row)) rows.push_back(row);
  }
  Writer writer;
  writer.bytes().reserve(128 + rows.size() * RowSize());
  writer.bytes().append(kMagic);
  writer.Put(kVersion);
  VisitHead([&](const auto& value) { writer.Put(value); }, snapshot);
  writer.Put(static_cast<uint32_t>(rows.size()));
  for (const size_t row : rows) {
    writer.Put(keys[row]);
    VisitColumns([&](const auto& column) { writer.Put(column[row]); }, w);
  }
  return writer.Finish();
}

absl::StatusOr<StoredWindow> DecodeWindow(std::string_view bytes) {
  constexpr size_t kSeal = sizeof(uint64_t);
  const auto broken = [](const char* what) {
    return absl::DataLossError(std::string("a stored window is ") + what);
  };
  if (bytes.size() < kMagic.size() + sizeof kVersion + kSeal) return broken("cut short");
  if (!bytes.starts_with(kMagic)) return broken("something else");
  uint64_t seal = 0;
  std::memcpy(&seal, bytes.data() + bytes.size() - kSeal, kSeal);
  bytes.remove_suffix(kSeal);
  if (XXH3_64bits(bytes.data(), bytes.size()) != seal) return broken("damaged");
  Reader reader(bytes.substr(kMagic.size()));
  uint32_t version = 0, rows = 0;
  reader.Take(version);
  if (version != kVersion) return broken("of another version");
  StoredWindow window;
  VisitHead([&](auto& value) { reader.Take(value); }, window.snapshot);
  reader.Take(rows);
  if (reader.failed() || reader.left() != rows * RowSize()) return broken("cut short");
  window.keys.resize(rows);
  window.snapshot.functions.Resize(rows);
  for (size_t row = 0; row < rows; ++row) {
    reader.Take(window.keys[row]);
    VisitColumns([&](auto& column) { reader.Take(column[row]); }, window.snapshot.functions);
  }
  return window;
}

}  // namespace reeve
