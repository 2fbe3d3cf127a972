#include "agents/adapt/state_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace reeve {
namespace {

template <class T>
const std::vector<T>* Find(const std::map<std::string, std::vector<T>>& map,
                           const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

bool AllFinite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

}  // namespace

void StateReader::Fail(const std::string& what) {
  if (status_.ok()) status_ = absl::InvalidArgumentError("state: " + what);
}

void StateReader::Read(const std::string& name, size_t size, std::vector<double>& out) {
  if (!ok()) return;
  const std::vector<double>* found = Find(state_.reals, name);
  if (found != nullptr && found->size() != size) {
    return Fail(fmt::format("'{}' has {} numbers, {} are expected", name, found->size(), size));
  }
  ReadUpTo(name, size, out);
}

void StateReader::Read(const std::string& name, size_t size, std::vector<int64_t>& out) {
  if (!ok()) return;
  const std::vector<int64_t>* found = Find(state_.integers, name);
  if (found == nullptr) return Fail(fmt::format("'{}' is missing", name));
  if (found->size() != size) {
    return Fail(fmt::format("'{}' has {} numbers, {} are expected", name, found->size(), size));
  }
  out = *found;
}

void StateReader::ReadUpTo(const std::string& name, size_t max_size, std::vector<double>& out) {
  if (!ok()) return;
  const std::vector<double>* found = Find(state_.reals, name);
  if (found == nullptr) return Fail(fmt::format("'{}' is missing", name));
  if (found->size() > max_size) {
    return Fail(
        fmt::format("'{}' has {} numbers, at most {} are expected", name, found->size(), max_size));
  }
  if (!AllFinite(*found)) return Fail(fmt::format("'{}' holds what is not a number", name));
  out = *found;
}

}  // namespace reeve
