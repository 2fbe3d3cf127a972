#include "controller/openwhisk_server/request.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/openwhisk_server/messages.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

constexpr int kDepth = 64;
constexpr size_t kNameLength = 256;

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

bool IsWordCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

std::optional<int64_t> Integer(std::string_view text) {
  int64_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return value;
}

bool HasParameter(const std::string& query, const std::string& name) {
  for (size_t begin = 0; begin < query.size();) {
    size_t end = query.find('&', begin);
    if (end == std::string::npos) end = query.size();
    const std::string pair = query.substr(begin, end - begin);
    if (PercentDecoded(pair.substr(0, pair.find('=')), true) == name) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

std::optional<std::string> BasicCredentials(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (authorization.size() < kScheme.size()) return std::nullopt;
  for (size_t i = 0; i + 1 < kScheme.size(); ++i) {
    if ((authorization[i] | 0x20) != (kScheme[i] | 0x20)) return std::nullopt;
  }
  if (authorization[kScheme.size() - 1] != ' ') return std::nullopt;
  std::string_view text = authorization.substr(kScheme.size());
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string decoded;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = Base64Digit(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xffffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      decoded += static_cast<char>(bits >> count & 0xff);
    }
  }
  return decoded;
}

std::vector<std::string> PathSteps(std::string_view path) {
  std::vector<std::string> steps;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    steps.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return steps;
    path.remove_prefix(slash + 1);
  }
}

// Upstream: \A([\w]|[\w][\w@ .&-]*[\w@.&-]+)\z.
bool IsEntityName(std::string_view name) {
  if (name.empty() || name.size() > kNameLength || !IsWordCharacter(name[0])) return false;
  for (const char c : name) {
    if (!IsWordCharacter(c) && std::string_view("@ .&-").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return name.back() != ' ';
}

absl::Status CheckEntityName(std::string_view name) {
  if (name.size() > kNameLength) {
    return absl::InvalidArgumentError(messages::NameTooLong("Name", name.size(), kNameLength));
  }
  if (!IsEntityName(name)) return absl::InvalidArgumentError(std::string(messages::kNameIllegal));
  return absl::OkStatus();
}

absl::StatusOr<EntityPath> ParseEntityPath(std::string_view text, std::string_view ns) {
  const bool rooted = text.starts_with('/');
  std::vector<std::string> steps = PathSteps(text);
  if (!rooted) steps.insert(steps.begin(), std::string(ns));
  if (steps.size() < 2 || steps.size() > 3) {
    return absl::InvalidArgumentError(std::string(messages::kMalformedName));
  }
  if (steps[0] == "_") steps[0] = std::string(ns);
  for (const std::string& step : steps) RETURN_IF_ERROR(CheckEntityName(step));
  EntityPath path;
  path.ns = steps[0];
  if (steps.size() == 3) path.package = steps[1];
  path.name = steps.back();
  return path;
}

absl::StatusOr<nlohmann::json> ParseBody(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return nlohmann::json();
  // What is nested deeper is looked at no further: writing it would take as deep a stack.
  bool deep = false;
  const auto shallow = [&deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    deep = deep || depth > kDepth;
    return !deep;
  };
  nlohmann::json value = nlohmann::json::parse(body, shallow, /*allow_exceptions=*/false);
  if (deep) return absl::InvalidArgumentError(messages::Malformed("nested too deep"));
  if (value.is_discarded()) return absl::InvalidArgumentError(messages::Malformed("not JSON"));
  return value;
}

absl::StatusOr<bool> BoolParameter(const std::string& query, const std::string& name,
                                   bool otherwise) {
  if (!HasParameter(query, name)) return otherwise;
  const std::string text = QueryParameter(query, name);
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return absl::InvalidArgumentError(
      messages::MalformedParameter(name, fmt::format("'{}' is not a valid Boolean value", text)));
}

absl::StatusOr<std::optional<int64_t>> EpochParameter(const std::string& query,
                                                      const std::string& name) {
  if (!HasParameter(query, name)) return std::optional<int64_t>();
  const std::string text = QueryParameter(query, name);
  const std::optional<int64_t> value = Integer(text);
  if (!value) {
    return absl::InvalidArgumentError(messages::MalformedParameter(name, messages::BadEpoch(text)));
  }
  return value;
}

absl::StatusOr<ListRange> ParseListRange(const std::string& query, std::string_view collection) {
  constexpr int64_t kMost = 200;
  ListRange range;
  for (const char* name : {"limit", "skip"}) {
    if (!HasParameter(query, name)) continue;
    const std::string text = QueryParameter(query, name);
    const std::optional<int64_t> value = Integer(text);
    std::string wrong;
    if (!value) {
      wrong = messages::NotInteger(collection, text);
    } else if (name[0] == 'l' && (*value < 0 || *value > kMost)) {
      wrong = messages::ListLimit(collection, *value);
    } else if (*value < 0) {
      wrong = messages::ListSkip(collection, *value);
    }
    if (!wrong.empty()) {
      return absl::InvalidArgumentError(messages::MalformedParameter(name, wrong));
    }
    (name[0] == 'l' ? range.limit : range.skip) = static_cast<size_t>(*value);
  }
  if (range.limit == 0) range.limit = kMost;
  return range;
}

int HttpCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnimplemented:
      return 405;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kOutOfRange:
      return 413;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

ServedAnswer JsonAnswer(int code, const nlohmann::json& body) {
  return {code, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
          "application/json"};
}

ServedAnswer ToAnswer(const absl::Status& status, const std::string& transaction) {
  ServedAnswer answer =
      JsonAnswer(HttpCode(status), {{"error", MessageOf(status)}, {"code", transaction}});
  if (answer.code == 401)
    answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"openwhisk\"");
  return answer;
}

}  // namespace reeve::openwhisk_server
