#include "controller/kube/resource.h"

#include <fmt/format.h>

#include "controller/net/http_client.h"

namespace reeve {

std::string CollectionPath(const ResourceType& type, std::string_view ns) {
  std::string path = type.group.empty() ? fmt::format("/api/{}", type.version)
                                        : fmt::format("/apis/{}/{}", type.group, type.version);
  if (type.namespaced && !ns.empty()) path += "/namespaces/" + PercentEncode(ns);
  return path.append("/").append(type.plural);
}

std::string ObjectRef::Path() const {
  std::string path = CollectionPath(type, ns) + "/" + PercentEncode(name);
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

std::string ObjectRef::Text() const {
  return fmt::format("{} {}{}{}{}{}", type.plural, ns, ns.empty() ? "" : "/", name,
                     subresource.empty() ? "" : "/", subresource);
}

}  // namespace reeve
