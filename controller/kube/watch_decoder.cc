#include "controller/kube/watch_decoder.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "controller/kube/api_error.h"
#include "controller/kube/json_reading.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

std::optional<WatchEventType> TypeOf(const std::string& text) {
  if (text == "ADDED") return WatchEventType::kAdded;
  if (text == "MODIFIED") return WatchEventType::kModified;
  if (text == "DELETED") return WatchEventType::kDeleted;
  if (text == "BOOKMARK") return WatchEventType::kBookmark;
  return std::nullopt;
}

}  // namespace

WatchDecoder::WatchDecoder(Handler handler, size_t longest_line)
    : handler_(std::move(handler)), longest_line_(longest_line) {}

absl::Status WatchDecoder::Feed(std::string_view bytes) {
  while (failed_.ok() && !bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() > longest_line_) {
      failed_ = absl::DataLossError(
          fmt::format("watch: an event is longer than {} bytes", longest_line_));
      break;
    }
    if (end == std::string_view::npos) {
      line_.append(part);
      break;
    }
    bytes.remove_prefix(end + 1);
    if (line_.empty()) {
      failed_ = Line(part);  // whole in one piece: no copy
    } else {
      line_.append(part);
      failed_ = Line(line_);
      line_.clear();
    }
  }
  return failed_;
}

absl::Status WatchDecoder::Line(std::string_view line) {
  if (line.find_first_not_of(" \r\t") == std::string_view::npos) return absl::OkStatus();
  json event = json::parse(line, nullptr, /*allow_exceptions=*/false);
  const std::string type = TextAt(event, "type");
  if (ObjectAt(event, "object") == nullptr) {
    return absl::DataLossError(
        fmt::format("watch: a line of {} bytes is not an event", line.size()));
  }
  json& object = event["object"];
  if (type == "ERROR") {
    return ToStatus(ReadApiError(200, object), "watch");
  }
  const std::optional<WatchEventType> known = TypeOf(type);
  const std::string version = TextAt(object, "metadata.resourceVersion");
  if (!known || version.empty()) {
    return absl::DataLossError(
        "watch: an event without a type that is known, or without a version");
  }
  handler_(*known, object, version);
  return absl::OkStatus();
}

}  // namespace reeve
