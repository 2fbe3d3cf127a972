// The bytes of a watch into events: one JSON object a line, cut anywhere by the network.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace reeve {

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark };

class WatchDecoder {
 public:
  // Objects are below 1.5 MiB where they are stored; as JSON in an event they may be longer.
  static constexpr size_t kLongestLine = 16u << 20;

  // `object` is a JSON object and may be moved from; `resource_version` is not empty.
  using Handler = std::function<void(WatchEventType type, nlohmann::json& object,
                                     const std::string& resource_version)>;

  explicit WatchDecoder(Handler handler, size_t longest_line = kLongestLine);

  // Takes the next bytes. Errors end the watch:
  //   OutOfRange         the version is too old (an ERROR event with code 410): list again
  //   as in api_error.h  other ERROR events
  //   DataLoss           a line that is not an event, or is too long: list again
  // After an error the decoder takes no more.
  absl::Status Feed(std::string_view bytes);
  // Of a line that has begun and not ended; a watch should not end there.
  size_t pending_bytes() const { return line_.size(); }

 private:
  absl::Status Line(std::string_view line);

  Handler handler_;
  size_t longest_line_;
  std::string line_;
  absl::Status failed_;
};

}  // namespace reeve
