// What the store keeps, and for how long.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/config.h"
#include "core/units.h"

namespace reeve {

enum class KeepDecisions : uint8_t {
  kChanges,  // when something about a function's decision changed
  kAll,      // of every function at every tick
};
constexpr auto EnumNames(KeepDecisions) {
  return std::array<std::pair<KeepDecisions, std::string_view>, 2>{
      {{KeepDecisions::kChanges, "changes"}, {KeepDecisions::kAll, "all"}}};
}

struct StoreSpec {
  std::string path;
  KeepDecisions decisions = KeepDecisions::kChanges;
  SimTime keep = SimTime::Hours(24 * 30);
  SimTime keep_windows = SimTime::Hours(24);
  Mebibytes max_size{1024};
  Mebibytes queue{64};

  // `store: reeve.db`
  static constexpr std::string_view kScalarField = "path";
  template <class V>
  static void Fields(V& v) {
    using S = StoreSpec;
    v.Field("path", &S::path, "The database file; empty: nothing is kept");
    v.Field("decisions", &S::decisions, "Which decisions are kept");
    v.Field("keep", &S::keep, "Age at which decisions and events are forgotten", AtLeast(1));
    v.Field("keep_windows", &S::keep_windows, "Age at which observed windows are forgotten",
            AtLeast(1));
    v.Field("max_size", &S::max_size,
            "Size of the database at most, experts not counted; above it the oldest windows go, "
            "then the oldest decisions and events",
            AtLeast(4));
    v.Field("queue", &S::queue,
            "Memory for what waits to be written; what finds no room is counted and left out",
            AtLeast(1));
  }
};

}  // namespace reeve
