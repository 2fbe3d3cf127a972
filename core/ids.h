// Dense 32-bit identities. An id is an index into the table of its kind (functions of a trace,
// nodes of a cluster, …); the types keep one kind from being used for another.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace reeve {

template <class Kind>
class Id {
 public:
  constexpr Id() = default;  // no one
  constexpr explicit Id(uint32_t index) : index_(index) {}
  constexpr uint32_t index() const { return index_; }
  constexpr bool valid() const { return index_ != kNone; }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  uint32_t index_ = kNone;
};

using FunctionId = Id<struct FunctionKind>;
using TenantId = Id<struct TenantKind>;
using AppId = Id<struct AppKind>;
using NodeId = Id<struct NodeKind>;
using ContainerId = Id<struct ContainerKind>;

}  // namespace reeve
