#include "agents/ppo/tensor_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "core/check.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "files are little-endian");

constexpr std::string_view kMagic = "REEVECKP";
constexpr uint32_t kVersion = 1;
constexpr std::array<const char*, 3> kTypes = {"float32", "float64", "int64"};  // of the variant

struct Prefix {
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint64_t header_bytes;
  uint64_t tensor_bytes;
};
static_assert(sizeof(Prefix) == 32);
static_assert(sizeof(XXH128_canonical_t) == 16);

constexpr uint64_t Aligned(uint64_t size) {
  return (size + 7) / 8 * 8;
}

void Pad(std::string& bytes) {
  bytes.resize(Aligned(bytes.size()), '\0');
}

XXH128_canonical_t Checksum(std::string_view bytes) {
  XXH128_canonical_t checksum;
  XXH128_canonicalFromHash(&checksum, XXH3_128bits(bytes.data(), bytes.size()));
  return checksum;
}

absl::Status Wrong(const std::string& path, std::string_view what) {
  return absl::DataLossError(fmt::format("{}: {}", path, what));
}

// What the first bytes say, checked against how many bytes there are.
absl::StatusOr<Prefix> ReadPrefix(std::string_view bytes, const std::string& path) {
  if (bytes.substr(0, kMagic.size()) != kMagic.substr(0, bytes.size())) {
    return absl::InvalidArgumentError(path + ": not a checkpoint of Reeve (it begins otherwise)");
  }
  const auto truncated = [&](uint64_t whole) {
    return Wrong(path, fmt::format("truncated at byte {} of {}", bytes.size(), whole));
  };
  Prefix prefix;
  if (bytes.size() < sizeof(prefix)) return truncated(sizeof(prefix));
  std::memcpy(&prefix, bytes.data(), sizeof(prefix));
  if (prefix.version != kVersion || prefix.zero != 0) {
    return absl::InvalidArgumentError(
        fmt::format("{}: checkpoint of version {}; this program reads version {}", path,
                    prefix.version, kVersion));
  }
  constexpr uint64_t kLargest = uint64_t{1} << 48;
  if (prefix.header_bytes > kLargest || prefix.tensor_bytes > kLargest) {
    return Wrong(path, "damaged: the sizes at bytes 16 to 31 are impossible");
  }
  const uint64_t whole = Aligned(sizeof(prefix) + prefix.header_bytes) + prefix.tensor_bytes +
                         sizeof(XXH128_canonical_t);
  if (bytes.size() < whole) return truncated(whole);
  if (bytes.size() > whole) {
    return Wrong(path, fmt::format("damaged: {} bytes after its end", bytes.size() - whole));
  }
  return prefix;
}

// Takes values of T off the front of `rest`, and their padding.
template <class T>
bool Take(std::string_view& rest, uint64_t count, std::vector<T>& values) {
  if (count > rest.size() / sizeof(T) || Aligned(count * sizeof(T)) > rest.size()) return false;
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), rest.data(), count * sizeof(T));
  rest.remove_prefix(Aligned(count * sizeof(T)));
  return true;
}

// The number of elements of a shape; false when it is none or would not fit into `limit`.
bool Elements(const std::vector<int64_t>& shape, uint64_t limit, uint64_t& elements) {
  elements = 0;
  if (std::ranges::any_of(shape, [](int64_t size) { return size < 0; })) return false;
  if (std::ranges::find(shape, 0) != shape.end()) return true;  // whatever the other sizes are
  elements = 1;
  for (const int64_t size : shape) {
    const auto factor = static_cast<uint64_t>(size);
    if (elements > limit / factor) return false;
    elements *= factor;
  }
  return elements <= limit;
}

// One entry of "tensors", its numbers from the front of `rest`. False: not as the format has it.
bool TakeTensor(const Json& entry, std::string_view& rest, NamedTensor& tensor) {
  if (!entry.is_object()) return false;
  const auto name = entry.find("name"), type = entry.find("type"), shape = entry.find("shape");
  if (name == entry.end() || type == entry.end() || shape == entry.end()) return false;
  if (!name->is_string() || !type->is_string() || !shape->is_array()) return false;
  tensor.name = name->get<std::string>();
  for (const Json& size : *shape) {
    if (!size.is_number_integer()) return false;
    tensor.shape.push_back(size.get<int64_t>());
  }
  uint64_t count = 0;
  if (!Elements(tensor.shape, rest.size(), count)) return false;
  const auto known = std::ranges::find(kTypes, type->get<std::string>());
  if (known == kTypes.end()) return false;
  if (known == kTypes.begin() + 1) tensor.data.emplace<1>();
  if (known == kTypes.begin() + 2) tensor.data.emplace<2>();
  return std::visit([&](auto& values) { return Take(rest, count, values); }, tensor.data);
}

// The header as JSON; discarded when it is none, or nested deeper than descriptions are (writing it
// again takes stack by depth).
Json ParseHeader(std::string_view text) {
  constexpr int kDeepest = 64;
  bool too_deep = false;
  Json header = Json::parse(
      text,
      [&](int depth, Json::parse_event_t, Json&) {
        too_deep |= depth > kDeepest;
        return !too_deep;
      },
      false);
  return too_deep ? Json(Json::value_t::discarded) : header;
}

}  // namespace

const NamedTensor* TensorFile::Find(std::string_view name) const {
  const auto found = std::ranges::find(tensors, name, &NamedTensor::name);
  return found == tensors.end() ? nullptr : &*found;
}

std::string SerialiseTensorFile(const TensorFile& file) {
  Json entries = Json::array();
  std::string numbers;
  for (const NamedTensor& tensor : file.tensors) {
    std::visit(
        [&](const auto& values) {
          uint64_t elements = 0;
          REEVE_CHECK(Elements(tensor.shape, values.size(), elements) && elements == values.size());
          numbers.append(reinterpret_cast<const char*>(values.data()),
                         values.size() * sizeof(values[0]));
        },
        tensor.data);
    Pad(numbers);
    entries.push_back(
        {{"name", tensor.name}, {"type", kTypes[tensor.data.index()]}, {"shape", tensor.shape}});
  }
  const Json content = Json::parse(file.content, nullptr, false);
  REEVE_CHECK(!content.is_discarded());
  const Json description = {{"kind", file.kind}, {"content", content}, {"tensors", entries}};
  const std::string header = description.dump();

  Prefix prefix{.magic = {},
                .version = kVersion,
                .zero = 0,
                .header_bytes = header.size(),
                .tensor_bytes = numbers.size()};
  std::copy(kMagic.begin(), kMagic.end(), prefix.magic);
  std::string bytes(reinterpret_cast<const char*>(&prefix), sizeof(prefix));
  bytes += header;
  Pad(bytes);
  bytes += numbers;
  const XXH128_canonical_t checksum = Checksum(bytes);
  bytes.append(reinterpret_cast<const char*>(checksum.digest), sizeof(checksum.digest));
  return bytes;
}

absl::StatusOr<TensorFile> ParseTensorFile(std::string_view bytes, const std::string& path) {
  ASSIGN_OR_RETURN(const Prefix prefix, ReadPrefix(bytes, path));
  const std::string_view summed = bytes.substr(0, bytes.size() - sizeof(XXH128_canonical_t));
  if (std::memcmp(Checksum(summed).digest, bytes.data() + summed.size(),
                  sizeof(XXH128_canonical_t)) != 0) {
    return Wrong(path, "damaged: the checksum does not match the content");
  }

  const std::string_view header = bytes.substr(sizeof(Prefix), prefix.header_bytes);
  const Json description = ParseHeader(header);
  if (!description.is_object() || !description.contains("content") ||
      !description.contains("kind") || !description["kind"].is_string() ||
      !description.contains("tensors") || !description["tensors"].is_array()) {
    return Wrong(path, "damaged: its header is not the description of a checkpoint");
  }
  TensorFile file;
  file.kind = description["kind"].get<std::string>();
  file.content = description["content"].dump();
  std::string_view rest = summed.substr(Aligned(sizeof(Prefix) + prefix.header_bytes));
  std::unordered_set<std::string> names;
  for (const Json& entry : description["tensors"]) {
    NamedTensor& tensor = file.tensors.emplace_back();
    if (!TakeTensor(entry, rest, tensor) || !names.insert(tensor.name).second) {
      return Wrong(path, fmt::format("damaged: tensor {} ('{}') is not as the format has it",
                                     file.tensors.size() - 1, tensor.name));
    }
  }
  if (!rest.empty()) return Wrong(path, "damaged: numbers that belong to no tensor");
  return file;
}

absl::Status WriteTensorFile(const std::string& path, const TensorFile& file) {
  return WriteFileAtomically(path, SerialiseTensorFile(file));
}

absl::StatusOr<TensorFile> ReadTensorFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return ParseTensorFile(bytes, path);
}

}  // namespace reeve
