// YAML into a struct with every kind of field; the first line is an assignment for Set.
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/config.h"

namespace reeve {
namespace {

enum class Colour { kRed, kGreen };
constexpr auto EnumNames(Colour) {
  return std::array<std::pair<Colour, std::string_view>, 2>{
      {{Colour::kRed, "red"}, {Colour::kGreen, "green"}}};
}

struct Inner {
  Millicores cpu = Millicores::Cores(1);
  Mebibytes memory{256};
  std::vector<double> weights;
  bool operator==(const Inner&) const = default;
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("cpu", &Inner::cpu, "CPU", AtLeast(1));
    v.Field("memory", &Inner::memory, "memory");
    v.Field("weights", &Inner::weights, "weights", Between(0, 1e6));
  }
};

struct Sample {
  bool flag = false;
  int32_t small = 1;
  int64_t large = 2;
  uint64_t seed = 3;
  double rate = 0.5;
  std::string name = "x";
  SimTime period = SimTime::Seconds(2);
  Distribution work;
  Colour colour = Colour::kRed;
  std::optional<double> maybe;
  Inner inner;
  std::vector<Inner> list;
  std::map<std::string, Inner> named;
  bool operator==(const Sample&) const = default;
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("flag", &Sample::flag, "a flag");
    v.Field("small", &Sample::small, "a number", Between(-5, 5));
    v.Field("large", &Sample::large, "a number");
    v.Field("seed", &Sample::seed, "a number");
    v.Field("rate", &Sample::rate, "a number");
    v.Field("name", &Sample::name, "a text");
    v.Field("period", &Sample::period, "a time");
    v.Field("work", &Sample::work, "a distribution");
    v.Field("colour", &Sample::colour, "a choice");
    v.Field("maybe", &Sample::maybe, "may be missing");
    v.Field("inner", &Sample::inner, "a map");
    v.Field("list", &Sample::list, "a list of maps");
    v.Field("named", &Sample::named, "maps by name");
  }
};

void FuzzOne(std::string_view input) {
  const size_t line_end = std::min(input.find('\n'), input.size());
  const std::string_view assignment = input.substr(0, line_end);
  const std::string text(input.substr(std::min(input.size(), line_end + 1)));
  auto node = ConfigNode::Parse(text, "input.yaml");
  if (!node.ok()) return REEVE_CHECK(!node.status().message().empty());
  if (!assignment.empty()) {
    const absl::Status status = node->Set(assignment);
    REEVE_CHECK(status.ok() || !status.message().empty());
  }
  Sample sample;
  const absl::Status status = ReadConfig(*node, sample);
  if (!status.ok()) return REEVE_CHECK(!status.message().empty());
  // What was read is written so that it is read again.
  const std::string written = WriteConfig(sample);
  const auto again = ConfigNode::Parse(written, "written.yaml");
  REEVE_CHECK(again.ok());
  Sample copy;
  REEVE_CHECK(ReadConfig(*again, copy).ok());
  REEVE_CHECK(copy == sample);
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
