// What an operator and a monitoring system see of a running loop, over HTTP:
//
//   GET  /                   the page: controller/serve/page
//   GET  /api/v1/live        JSON: the last tick of every function, in columns; ?seen=SEQ&names=KEY
//   GET  /api/v1/history     JSON: recent windows, of the cluster or of ?function=ID; ?since=SEQ
//   GET  /api/v1/events      JSON: the newest events; ?since=SEQ
//   GET  /api/v1/why         JSON: what a decision about ?function=ID rests on
//   GET  /metrics            Prometheus' text format
//   GET  /healthz            200 while the loop ticks; 503 when it hangs
//   GET  /readyz             200 while the platform answers and the policy decides
//   GET  /api/v1/state       JSON: every function, what was wished, applied, and why; ?tenant=NAME
//   GET  /api/v1/tenants     JSON: modes
//   POST /api/v1/tenants     JSON {"tenant": "…", "mode": "…", "paused": …}: switches a tenant
//
// Where others than this machine can connect, a token file, or an authority for certificates of
// clients, or both, are needed, and every request but those for health (which probes ask, and which
// say no more than yes or no) and for the page's own files (which hold no data) must come with what
// is asked for: "Authorization: Bearer …", the certificate. On loopback reading is free for who
// asks this machine by a name of its own (not for a page of a stranger whose name was made to lead
// here); switching needs the same all the same.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/control_loop.h"
#include "controller/loop_clock.h"
#include "controller/serve/page_json.h"
#include "controller/serve/recent_past.h"
#include "controller/serve/serve_config.h"
#include "controller/tenant_modes.h"

namespace reeve {

struct HttpSources {
  const ControlLoop* loop = nullptr;
  const LoopClock* clock = nullptr;
  TenantModes* modes = nullptr;
  SimTime period;
  std::function<std::string()> metrics;  // any thread
  const RecentPast* past = nullptr;      // null: the page has nothing to show
  PageFacts page;
  // A tenant was switched; any thread.
  std::function<void(const std::string& tenant, const TenantMode& mode)> switched;
  // Renewed certificates that cannot be used; the thread of HTTP. May be empty.
  std::function<void(const absl::Status&)> trouble;
};

class HttpServer {
 public:
  // Listens and answers on threads of its own from now on. What `sources` points to outlives it.
  // InvalidArgument for an address that cannot be read; FailedPrecondition for one that others can
  // reach without a token file or an authority; errors of these files; Unavailable when the port is
  // taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpSpec& spec,
                                                           HttpSources sources);
  ~HttpServer();

  int port() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reeve
