#include "controller/prometheus/exposition.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <limits>

#include "core/status.h"

namespace reeve {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

std::string_view TakeName(std::string_view& rest) {
  size_t end = 0;
  while (end < rest.size() && IsNameByte(rest[end])) ++end;
  const std::string_view name = rest.substr(0, end);
  rest.remove_prefix(end);
  return name;
}

void SkipBlanks(std::string_view& rest) {
  while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\t')) rest.remove_prefix(1);
}

bool Take(std::string_view& rest, char c) {
  SkipBlanks(rest);
  if (rest.empty() || rest[0] != c) return false;
  rest.remove_prefix(1);
  return true;
}

bool TakeQuoted(std::string_view& rest, std::string& value) {
  if (!Take(rest, '"')) return false;
  value.clear();
  while (!rest.empty()) {
    char c = rest[0];
    rest.remove_prefix(1);
    if (c == '"') return true;
    if (c == '\\') {
      if (rest.empty()) return false;
      c = rest[0] == 'n' ? '\n' : rest[0];
      rest.remove_prefix(1);
    }
    value += c;
  }
  return false;
}

bool TakeLabels(std::string_view& rest, std::map<std::string, std::string>& labels) {
  labels.clear();
  if (!Take(rest, '{')) return true;
  std::string value;
  while (!Take(rest, '}')) {
    SkipBlanks(rest);
    const std::string_view name = TakeName(rest);
    if (name.empty() || !Take(rest, '=') || !TakeQuoted(rest, value)) return false;
    labels[std::string(name)] = value;
    if (!Take(rest, ',')) {
      if (!Take(rest, '}')) return false;
      break;
    }
  }
  return true;
}

}  // namespace

absl::Status ReadExposition(std::string_view text,
                            const std::function<void(const ExpositionSample&)>& each) {
  ExpositionSample sample;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view rest = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
    SkipBlanks(rest);
    if (rest.empty() || rest[0] == '#') continue;
    sample.name = TakeName(rest);
    const bool labelled = !sample.name.empty() && TakeLabels(rest, sample.labels);
    SkipBlanks(rest);
    if (!rest.empty() && rest[0] == '+') rest.remove_prefix(1);  // "+Inf"
    const auto [stop, error] =
        fast_float::from_chars(rest.data(), rest.data() + rest.size(), sample.value);
    const bool ended = stop == rest.data() + rest.size() || *stop == ' ' || *stop == '\t';
    if (!labelled || error != std::errc() || !ended) {
      return absl::InvalidArgumentError(fmt::format("line {} is not a metric", number));
    }
    each(sample);
  }
  return absl::OkStatus();
}

}  // namespace reeve
