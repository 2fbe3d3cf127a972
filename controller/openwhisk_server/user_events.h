// What OpenWhisk's user-events service exports of activations and throttles (core/monitoring,
// PrometheusRecorder.scala): names, labels, buckets.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "controller/openwhisk_server/activations.h"

namespace reeve::openwhisk_server {

// Of one activation.
struct ActivationEvent {
  std::string ns;         // that the action is of
  std::string initiator;  // who invoked it
  std::string action;     // "package/name", "name"
  std::string kind;
  int64_t memory_mb = 0;
  int64_t wait_ms = 0, duration_ms = 0;
  int64_t init_ms = 0;  // 0: no initialisation
  uint64_t size = 0;
  ActivationStatus status = ActivationStatus::kSuccess;
};

// Not thread-safe.
class UserEvents {
 public:
  void OnActivation(const ActivationEvent& event);
  void OnConcurrentLimit(const std::string& ns) { ++limits_[ns].concurrent; }
  void OnTimedLimit(const std::string& ns) { ++limits_[ns].timed; }

  // Prometheus' text format.
  std::string ToText() const;

 private:
  static constexpr size_t kBounds = 14, kSizeBounds = 10;
  template <size_t n>
  struct Histogram {
    std::array<uint64_t, n + 1> counts{};
    double sum = 0;
  };
  using SecondsHistogram = Histogram<kBounds>;
  struct OfAction {
    uint64_t cold_starts = 0, inits = 0;
    SecondsHistogram wait, init, duration;
    Histogram<kSizeBounds> size;
    std::array<uint64_t, 4> statuses{};
    int64_t memory_mb = 0;
    std::map<std::pair<std::string, int64_t>, uint64_t> activations;  // by kind and memory
  };
  struct OfNamespace {
    uint64_t concurrent = 0, timed = 0;
  };

  // By namespace, initiator, action.
  std::map<std::tuple<std::string, std::string, std::string>, OfAction> actions_;
  std::map<std::string, OfNamespace> limits_;
};

}  // namespace reeve::openwhisk_server
