// CURVE keys (Curve25519, as ZeroMQ writes them: 40 characters of Z85) in files that pyzmq and czmq
// read and write, too:
//
//   NAME.key         the public key, to be given away
//   NAME.key_secret  both; of mode 0600
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

struct CurveKeys {
  std::string public_key, secret_key;  // Z85; the latter may be empty
};

// A new pair, from the operating system's random numbers. Unimplemented when libzmq lacks CURVE.
absl::StatusOr<CurveKeys> MakeCurveKeys();

// Writes folder/NAME.key and folder/NAME.key_secret. AlreadyExists rather than overwriting a key.
absl::Status WriteCurveKeys(const CurveKeys& keys, const std::string& folder,
                            const std::string& name);

// The text of such a file. InvalidArgument: no public key, or one that is none.
absl::StatusOr<CurveKeys> ParseCurveKeys(std::string_view text, const std::string& path);

// A secret key. PermissionDenied when others than its owner may read the file.
absl::StatusOr<CurveKeys> ReadSecretKey(const std::string& path);
absl::StatusOr<std::string> ReadPublicKey(const std::string& path);

// Public keys [Z85] of the files *.key in a folder, and the names of those files. A file that is
// no key, or holds a secret one, is an error: nobody is let in by mistake.
absl::StatusOr<std::map<std::string, std::string>> ReadAllowedKeys(const std::string& folder);

}  // namespace reeve
