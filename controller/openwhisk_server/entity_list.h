// GET of a collection: the newest first, a part of them, or how many there are.
#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/openwhisk_server/request.h"

namespace reeve::openwhisk_server {

// Of those in `ns`, and in the package, if one is given. `show` makes JSON of one. InvalidArgument:
// limit, skip or count that cannot be read.
template <class T, class Show>
absl::StatusOr<std::optional<ServedAnswer>> ListEntities(
    const std::string& query, const std::string& collection, const std::map<EntityPath, T>& all,
    const std::string& ns, const std::optional<std::string>& package, Show show) {
  const absl::StatusOr<ListRange> range = ParseListRange(query, collection);
  if (!range.ok()) return range.status();
  const absl::StatusOr<bool> count = BoolParameter(query, "count", false);
  if (!count.ok()) return count.status();
  std::vector<const T*> found;
  for (const auto& [path, entity] : all) {
    if (path.ns == ns && (!package || path.package == *package)) found.push_back(&entity);
  }
  if (*count) {
    const size_t left = found.size() - std::min(range->skip, found.size());
    return JsonAnswer(200, {{collection, left}});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const T* a, const T* b) { return a->updated_ms > b->updated_ms; });
  nlohmann::json list = nlohmann::json::array();
  for (size_t i = range->skip; i < found.size() && list.size() < range->limit; ++i) {
    list.push_back(show(*found[i]));
  }
  return JsonAnswer(200, list);
}

}  // namespace reeve::openwhisk_server
