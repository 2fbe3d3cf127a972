// Kinds of objects and where the API has them.
#pragma once

#include <string>
#include <string_view>

namespace reeve {

struct ResourceType {
  std::string_view group;  // "" is the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;
};

namespace kube {
inline constexpr ResourceType kPods{"", "v1", "pods", "Pod"};
inline constexpr ResourceType kNodes{"", "v1", "nodes", "Node", false};
inline constexpr ResourceType kDeployments{"apps", "v1", "deployments", "Deployment"};
inline constexpr ResourceType kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
}  // namespace kube

// "/apis/apps/v1/namespaces/NS/deployments"; without a namespace those of all namespaces.
std::string CollectionPath(const ResourceType& type, std::string_view ns);

struct ObjectRef {
  const ResourceType& type;
  std::string ns;  // empty for kinds without namespaces
  std::string name;
  std::string subresource = "";  // "status", "scale", "resize", …

  std::string Path() const;
  std::string Text() const;  // for messages: "deployments NS/NAME", "deployments NS/NAME/scale"
};

}  // namespace reeve
