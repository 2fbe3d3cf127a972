// A made-believe Knative with a Prometheus, in a process of its own: an API server with the objects
// of many functions, controllers that follow what is annotated, and figures of a load that changes.
#pragma once

#include <cstdint>
#include <string>

namespace reeve {

struct WorldSpec {
  int32_t functions = 10'000;
  int32_t namespaces = 20;
  // Requests a second of the busiest function, and how others come after it (Zipf).
  double busiest_rps = 2000;
  double zipf = 0.8;
  double service_seconds = 0.3;
  double swing = 0.6;            // of each function's rate, up and down
  double swing_seconds = 120.0;  // one up and down
};

struct WorldAddress {
  std::string kube, prometheus;  // URLs
};

class KnativeWorld {
 public:
  // Forks: to be called before the process has threads. Returns when everything is there.
  explicit KnativeWorld(const WorldSpec& spec);
  ~KnativeWorld();  // ends it
  KnativeWorld(const KnativeWorld&) = delete;
  KnativeWorld& operator=(const KnativeWorld&) = delete;

  const WorldAddress& address() const { return address_; }
  double CpuSeconds() const;  // of the other process, so far

 private:
  WorldAddress address_;
  int child_ = -1;
  int alive_ = -1;  // the other side ends when this end of the pipe is closed
};

}  // namespace reeve
