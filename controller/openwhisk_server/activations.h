// Activation records: what became of invocations, and lists of them as OpenWhisk's views give them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/openwhisk_server/entities.h"
#include "controller/openwhisk_server/request.h"

namespace reeve::openwhisk_server {

enum class ActivationStatus : uint8_t {
  kSuccess = 0,
  kApplicationError = 1,  // the action's result holds an error
  kDeveloperError = 2,    // it timed out, or ended without a result
  kWhiskError = 3,        // it could not be run
};

// Times in ms since 1970.
struct Activation {
  std::string id;  // 32 hexadecimal digits
  std::string ns;  // of who invoked it
  std::string name;
  SemVer version;
  int64_t start_ms = 0;
  std::optional<int64_t> end_ms, duration_ms;  // unset of a trigger's
  ActivationStatus status = ActivationStatus::kSuccess;
  nlohmann::json result;
  uint64_t size = 0;  // of the result, bytes
  std::vector<std::string> logs;
  nlohmann::json annotations = nlohmann::json::array();
  std::string filter;                // "package/action", "action": what lists match names with
  std::optional<std::string> cause;  // of a part of a sequence: the sequence's activation

  // The whole record, as GET gives it.
  nlohmann::json ToJson() const;
  nlohmann::json Summary() const;       // of lists without docs
  nlohmann::json ResponseJson() const;  // of …/result
  int HttpCode() const;                 // of a blocking invocation
};

struct ActivationQuery {
  std::optional<std::string> name;     // as Activation::filter
  std::optional<int64_t> since, upto;  // start, both included
  ListRange range;
};

// The newest of each namespace. Not thread-safe.
class ActivationStore {
 public:
  explicit ActivationStore(size_t kept) : kept_(kept) {}

  void Add(Activation activation);
  // Null: not there (any more), or of another namespace.
  const Activation* Find(const std::string& ns, const std::string& id) const;
  // By falling start.
  std::vector<const Activation*> List(const std::string& ns, const ActivationQuery& query) const;
  // As many as there are beyond `query.range.skip`.
  uint64_t Count(const std::string& ns, const ActivationQuery& query) const;

 private:
  using Order = std::pair<int64_t, uint64_t>;  // start, running number
  struct OfNamespace {
    std::map<Order, Activation> activations;
    std::unordered_map<std::string, Order> by_id;
  };
  // Calls `visit` for what matches, newest first, until it returns false.
  template <class Visit>
  void Walk(const std::string& ns, const ActivationQuery& query, Visit visit) const;

  const size_t kept_;
  uint64_t added_ = 0;
  std::map<std::string, OfNamespace> namespaces_;
};

}  // namespace reeve::openwhisk_server
