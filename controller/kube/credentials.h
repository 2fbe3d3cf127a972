// The secrets of a KubeAccess as they are now: files are read again at least once a minute and when
// the server refuses what we have, as tokens and authorities rotate.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "controller/kube/kubeconfig.h"
#include "controller/net/clock.h"
#include "controller/net/http_client.h"

namespace reeve {

struct CredentialSnapshot {
  std::string token;  // empty: none
  std::shared_ptr<const TlsIdentity> tls;
  uint64_t generation = 0;  // rises whenever anything in it changes
};

// Thread-safe.
class KubeCredentials {
 public:
  static constexpr SimTime kReadAgainAfter = SimTime::Seconds(55);

  KubeCredentials(KubeAccess access, NetClock& clock);
  const KubeAccess& access() const { return access_; }

  // Errors name the file. Where reading again fails and something was read before, that is kept:
  // a rotation may be under way.
  absl::StatusOr<CredentialSnapshot> Current();
  // The server refused the snapshot of this generation: reads everything again. True when what is
  // current now differs from it, so that another try makes sense.
  bool Refused(uint64_t generation);

 private:
  absl::Status ReadAll(CredentialSnapshot& snapshot) const;
  void ReadAgain(SimTime now);

  const KubeAccess access_;
  NetClock& clock_;
  std::mutex mutex_;
  // Guarded by mutex_.
  CredentialSnapshot current_;
  absl::Status last_read_ = absl::UnavailableError("not read yet");
  SimTime read_at_;
};

}  // namespace reeve
