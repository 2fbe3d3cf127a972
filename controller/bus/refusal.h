// Why a peer's request was refused: a status that carries the protocol's error code to where the
// reply is written.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/cord.h"

namespace reeve {

// Of an error in a reply: whoever wrote the message could make it of any length.
inline constexpr size_t kRefusalBytes = 1000;
inline constexpr const char* kRefusalPayload = "reeve/refusal";

// `code` is of an enumeration of the protocol (bus.proto, learner.proto), below 128.
template <class ErrorCode>
absl::Status Refuse(ErrorCode code, std::string_view message) {
  absl::Status status = absl::InvalidArgumentError(std::string(message));
  status.SetPayload(kRefusalPayload, absl::Cord(std::string(1, static_cast<char>(code))));
  return status;
}

// The code of a status that Refuse made; `otherwise` of any other.
template <class ErrorCode>
ErrorCode RefusalCode(const absl::Status& status, ErrorCode otherwise) {
  const auto code = status.GetPayload(kRefusalPayload);
  return code ? static_cast<ErrorCode>((*code)[0]) : otherwise;
}

}  // namespace reeve
