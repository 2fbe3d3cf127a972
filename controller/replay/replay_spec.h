// What `reeve replay` is told: which workload is sent where, how fast, and for how long.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/units.h"
#include "sim/cluster_spec.h"
#include "traces/arrival_stream.h"

namespace reeve {

enum class ReplayTargetKind : uint8_t { kHttp, kKnative, kOpenWhisk };
constexpr auto EnumNames(ReplayTargetKind) {
  return std::array<std::pair<ReplayTargetKind, std::string_view>, 3>{
      {{ReplayTargetKind::kHttp, "http"},
       {ReplayTargetKind::kKnative, "knative"},
       {ReplayTargetKind::kOpenWhisk, "openwhisk"}}};
}

enum class ReplayBody : uint8_t { kHint, kNone };
constexpr auto EnumNames(ReplayBody) {
  return std::array<std::pair<ReplayBody, std::string_view>, 2>{
      {{ReplayBody::kHint, "hint"}, {ReplayBody::kNone, "none"}}};
}

struct ReplayTargetSpec {
  ReplayTargetKind kind = ReplayTargetKind::kHttp;
  std::string url;
  std::string host;
  std::map<std::string, std::string> names;
  std::string space = "_";
  std::string key_file;
  std::map<std::string, std::string> key_files;
  std::string token_file;
  std::string ca_file;
  std::vector<std::string> headers;
  ReplayBody body = ReplayBody::kHint;

  template <class V>
  static void Fields(V& v) {
    using T = ReplayTargetSpec;
    v.Field("kind", &T::kind,
            "http: a URL for each function; knative: one ingress, functions told apart by the Host "
            "header; openwhisk: blocking activations");
    v.Field("url", &T::url,
            "http: URL of a function, as http://10.0.0.7:8080/run/{function}; knative: that of the "
            "ingress; openwhisk: that of the API, as https://whisk.example.com/api/v1. The part "
            "behind the host may have {function}, {tenant}, {app} and {index} (the function's "
            "number in the trace, from 0)");
    v.Field("host", &T::host,
            "Host header, with the same placeholders; empty: the URL's, for knative "
            "{function}.default.example.com");
    v.Field("names", &T::names,
            "Name at the target of single functions, by their name in the trace: what {function} "
            "stands for");
    v.Field("namespace", &T::space, "openwhisk: namespace of a function, with the placeholders");
    v.Field("key_file", &T::key_file,
            "openwhisk: file with the key, uuid:secret, of namespaces without one in key_files");
    v.Field("key_files", &T::key_files, "openwhisk: files with the keys of namespaces, by name");
    v.Field("token_file", &T::token_file,
            "File with a bearer token that requests carry; not for openwhisk");
    v.Field("ca_file", &T::ca_file,
            "PEM file with the authorities that are trusted for https; empty: the system's");
    v.Field("headers", &T::headers, "More headers of every request, as \"Name: value\"");
    v.Field("body", &T::body,
            "hint: a POST with {\"duration_ms\": …}, the execution time that the trace has for "
            "the request, for a function that can obey; none: a GET without a body (openwhisk: a "
            "POST)");
  }
  absl::Status Validate() const;
};

struct LiveReplaySpec {
  std::string trace;
  uint64_t seed = 0;
  WithinMinute within_minute = WithinMinute::kByTrigger;
  ReplayTargetSpec target;
  double speed = 1;
  SimTime from = {};
  SimTime duration = SimTime::Max();
  uint64_t limit = 0;
  int32_t max_in_flight = 4096;
  SimTime request_timeout = SimTime::Seconds(60);
  SimTime report_interval = SimTime::Seconds(10);
  SloSpec slo;

  template <class V>
  static void Fields(V& v) {
    using S = LiveReplaySpec;
    v.Field("trace", &S::trace, "The workload: a .rtrace file, or what `reeve trace import` reads");
    v.Field("seed", &S::seed,
            "Of arrivals within their minute and of execution times: those of a simulation with "
            "the same seed");
    v.Field("within_minute", &S::within_minute,
            "Where the invocations of a per-minute trace fall within their minute");
    v.Field("target", &S::target, "Where requests go");
    v.Field("speed", &S::speed,
            "Time of the trace runs this much faster; execution times stay. Everything below is "
            "in time of the clock",
            Between(1e-3, 1e4));
    v.Field("from", &S::from, "Where in the trace it begins, in whole minutes of the trace",
            AtLeast(0));
    v.Field("duration", &S::duration, "For how long requests are sent; unset: to the trace's end",
            AtLeast(0.001));
    v.Field("limit", &S::limit, "So many requests at most; 0: no limit");
    v.Field("max_in_flight", &S::max_in_flight,
            "Requests under way at once, a connection each. What is due meanwhile waits, is "
            "counted as late, and its latency runs",
            {1, 200000});
    v.Field("request_timeout", &S::request_timeout,
            "A request is given up this long after its intended start, sent or not",
            Between(0.001, 3600));
    v.Field("report_interval", &S::report_interval, "Length of the intervals of windows.csv",
            Between(0.01, 86400));
    v.Field("slo", &S::slo, "Latency objectives, from execution times as a simulation has them");
  }
  absl::Status Validate() const;
};

}  // namespace reeve
