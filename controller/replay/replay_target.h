// From functions to HTTP requests at a target, and from its answers to what they mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/replay/replay_spec.h"
#include "traces/trace.h"

namespace reeve {

// Where connections go. One address for all functions.
struct TargetAddress {
  std::string host;  // name or address, without brackets
  int port = 80;
  bool tls = false;
};

// The requests of a trace's functions. Immutable; thread-safe.
class TargetRequests {
 public:
  // InvalidArgument for a URL, header, name or key that cannot be, naming it and the function; what
  // ReadFile says of key, token and authority files.
  static absl::StatusOr<TargetRequests> Make(const ReplayTargetSpec& spec, const Trace& trace);

  const TargetAddress& address() const { return address_; }
  const std::string& ca_pem() const { return ca_pem_; }  // empty: the system's authorities

  // Replaces `out` by the bytes of one HTTP/1.1 request of the function (index) whose execution
  // takes `work_us` on an idle machine.
  void Write(uint32_t function, int64_t work_us, std::string& out) const;

 private:
  TargetAddress address_;
  std::string ca_pem_;
  bool body_ = false;
  std::vector<std::string> heads_;  // [F] up to the Content-Length, or whole
};

// A URL's address and what stands behind it, from the first slash on ("/" when there is none).
struct SplitUrl {
  TargetAddress address;
  std::string authority;  // as it goes into a Host header
  std::string path;       // with the query; not decoded
};
absl::StatusOr<SplitUrl> SplitTargetUrl(const std::string& url);

// What became of a request.
enum class ReplayOutcome : uint8_t {
  kCompleted,  // answered as it should be
  kRejected,   // the target had no room: 429, 503
  kTimedOut,   // no answer in time, or the target gave it up
  kFailed,     // any other answer
};

struct AnswerFacts {
  ReplayOutcome outcome = ReplayOutcome::kFailed;
  std::optional<int64_t> execution_us;  // where the target tells
  bool cold = false;                    // the same
};

// Judges an answer by its status; execution time and cold start are read from
//   http, knative  the header Server-Timing (W3C): metric `execution` with a `dur` in ms, and the
//                  metric `cold`, where the request had to wait for a container
//   openwhisk      the activation in the body: `duration` less the annotation `initTime`, which
//                  only cold starts have
// What cannot be read is left out. Status 202 of OpenWhisk (the activation goes on without us)
// counts as timed out.
AnswerFacts JudgeAnswer(ReplayTargetKind kind, int status, std::string_view server_timing,
                        std::string_view body);

}  // namespace reeve
