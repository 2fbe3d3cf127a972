#include "controller/replay/replay_target.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "controller/net/http_client.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr std::string_view kKnativeHost = "{function}.default.example.com";

// Could end a header, or begin another.
bool HasControls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const std::string_view secret = Trimmed(text);
  if (secret.empty() || HasControls(secret)) {
    return absl::InvalidArgumentError(path + ": one line of text is needed");
  }
  return std::string(secret);
}

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      const bool padding = i + k > bytes.size();
      out += padding ? '=' : kDigits[group >> (18 - 6 * k) & 63];
    }
  }
  return out;
}

// What placeholders stand for.
struct Names {
  std::string function, tenant, app, index;
};

// Replaces the placeholders; InvalidArgument for others.
absl::StatusOr<std::string> Fill(std::string_view what, std::string_view pattern,
                                 const Names& names, bool encode) {
  std::string out;
  for (size_t i = 0; i < pattern.size();) {
    if (pattern[i] != '{') {
      out += pattern[i++];
      continue;
    }
    const size_t end = pattern.find('}', i);
    const std::string_view key =
        end == std::string_view::npos ? pattern.substr(i) : pattern.substr(i + 1, end - i - 1);
    const std::string* const value = key == "function" ? &names.function
                                     : key == "tenant" ? &names.tenant
                                     : key == "app"    ? &names.app
                                     : key == "index"  ? &names.index
                                                       : nullptr;
    if (end == std::string_view::npos || value == nullptr) {
      return absl::InvalidArgumentError(fmt::format(
          "{}: unknown placeholder '{}' in '{}'; there are {{function}}, {{tenant}}, {{app}} and "
          "{{index}}",
          what, key, pattern));
    }
    out += encode ? PercentEncode(*value) : *value;
    i = end + 1;
  }
  return out;
}

// A name that DNS and HTTP take: labels of letters, digits and hyphens, of at most 63.
bool IsHostName(std::string_view host) {
  const size_t colon = host.rfind(':');
  const std::string_view name = host.substr(0, colon);
  size_t label = 0;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '.') {
      if (label == 0 || label > 63) return false;
      label = 0;
    } else if (plain || c == '-' || c == '_') {
      ++label;
    } else {
      return false;
    }
  }
  const std::string_view port = colon == std::string_view::npos ? "0" : host.substr(colon + 1);
  return label > 0 && label <= 63 && !port.empty() &&
         std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
}

// What a request line cannot hold. Placeholders were filled with encoded text.
absl::Status CheckPath(const std::string& path) {
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) <= 0x20; })) {
    return absl::InvalidArgumentError("target.url: '" + path + "' has blanks; write them as %20");
  }
  return absl::OkStatus();
}

absl::Status CheckHeaders(const std::vector<std::string>& headers) {
  for (const std::string& header : headers) {
    const size_t colon = header.find(':');
    if (colon == 0 || colon == std::string::npos || HasControls(header) ||
        header.substr(0, colon).find(' ') != std::string::npos) {
      return absl::InvalidArgumentError(
          fmt::format("target.headers: '{}' is not \"Name: value\"", header));
    }
  }
  return absl::OkStatus();
}

// Keys of namespaces, each read once.
class Keys {
 public:
  explicit Keys(const ReplayTargetSpec& spec) : spec_(spec) {}

  absl::StatusOr<std::string> Authorization(const std::string& space) {
    const auto own = spec_.key_files.find(space);
    const std::string& path = own != spec_.key_files.end() ? own->second : spec_.key_file;
    if (path.empty()) {
      return absl::InvalidArgumentError(fmt::format(
          "target.key_files: there is none for namespace '{}', and no key_file", space));
    }
    auto [known, added] = read_.try_emplace(path);
    if (added) {
      ASSIGN_OR_RETURN(const std::string key, ReadSecret(path));
      if (key.find(':') == std::string::npos) {
        return absl::InvalidArgumentError(path + ": a key is uuid:secret; there is no colon");
      }
      known->second = "Authorization: Basic " + Base64(key) + "\r\n";
    }
    return known->second;
  }

 private:
  const ReplayTargetSpec& spec_;
  std::map<std::string, std::string> read_;  // header by path
};

// An action may be in a package: package/action.
std::string ActionPath(std::string_view name) {
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos) return PercentEncode(name);
  return PercentEncode(name.substr(0, slash)) + "/" + PercentEncode(name.substr(slash + 1));
}

Names NamesOf(const ReplayTargetSpec& spec, const Trace& trace, size_t f) {
  const FunctionProfile& profile = trace.functions()[f];
  const auto renamed = spec.names.find(profile.name);
  return {renamed != spec.names.end() ? renamed->second : profile.name,
          trace.tenants()[profile.tenant.index()], trace.apps()[profile.app.index()],
          std::to_string(f)};
}

absl::Status CheckNames(const ReplayTargetSpec& spec, const Trace& trace) {
  for (const auto& entry : spec.names) {
    const std::string& name = entry.first;
    const bool known =
        std::ranges::any_of(trace.functions(), [&](const auto& f) { return f.name == name; });
    if (!known) {
      return absl::InvalidArgumentError("target.names: no function '" + name + "' in the trace");
    }
  }
  return absl::OkStatus();
}

ReplayOutcome OutcomeOf(ReplayTargetKind kind, int status) {
  if (status == 429 || status == 503) return ReplayOutcome::kRejected;
  if (status == 408 || status == 504) return ReplayOutcome::kTimedOut;
  if (kind == ReplayTargetKind::kOpenWhisk && status == 202) return ReplayOutcome::kTimedOut;
  return status >= 200 && status < 400 ? ReplayOutcome::kCompleted : ReplayOutcome::kFailed;
}

// A span that may have happened, in us.
std::optional<int64_t> MicrosOf(double ms) {
  if (!(ms >= 0) || ms > 1e9) return std::nullopt;
  return static_cast<int64_t>(ms * 1000 + 0.5);
}

// `name;param=value;…, name`: RFC 8941 in part, as Server-Timing has it.
void ReadServerTiming(std::string_view header, AnswerFacts& facts) {
  while (!header.empty()) {
    const size_t comma = header.find(',');
    std::string_view metric = header.substr(0, comma);
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
    const std::string_view name = Trimmed(metric.substr(0, metric.find(';')));
    if (name == "cold") facts.cold = true;
    if (name != "execution") continue;
    for (size_t at = metric.find(';'); at != std::string_view::npos; at = metric.find(';')) {
      metric = metric.substr(at + 1);
      std::string_view parameter = Trimmed(metric.substr(0, metric.find(';')));
      if (!parameter.starts_with("dur=")) continue;
      parameter.remove_prefix(4);
      double ms = 0;
      const auto [end, error] =
          std::from_chars(parameter.data(), parameter.data() + parameter.size(), ms);
      if (error == std::errc() && end == parameter.data() + parameter.size()) {
        facts.execution_us = MicrosOf(ms);
      }
    }
  }
}

void ReadActivation(std::string_view body, AnswerFacts& facts) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return;
  const auto duration = json.find("duration");
  if (duration == json.end() || !duration->is_number()) return;
  double init_ms = 0;
  if (const auto annotations = json.find("annotations");
      annotations != json.end() && annotations->is_array()) {
    for (const nlohmann::json& annotation : *annotations) {
      if (!annotation.is_object() || annotation.value("key", nlohmann::json()) != "initTime") {
        continue;
      }
      const auto value = annotation.find("value");
      if (value == annotation.end() || !value->is_number()) continue;
      init_ms = value->get<double>();
      facts.cold = true;
    }
  }
  facts.execution_us = MicrosOf(std::max(0.0, duration->get<double>() - init_ms));
}

}  // namespace

absl::StatusOr<SplitUrl> SplitTargetUrl(const std::string& url) {
  const auto wrong = [&](std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("target.url: '{}' {}", url, why));
  };
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return wrong("is no URL: http:// or https:// is missing");
  const size_t slash = std::min(url.find_first_of("/?", scheme + 3), url.size());
  SplitUrl out;
  out.authority = url.substr(scheme + 3, slash - scheme - 3);
  out.path = url.substr(slash);
  if (out.path.empty() || out.path[0] != '/') out.path.insert(0, "/");
  if (out.path.find('#') != std::string::npos) return wrong("has a fragment, which is never sent");
  if (out.authority.find('{') != std::string::npos) {
    return wrong("has a placeholder in its host; name the one address, and put it into `host`");
  }
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (parsed == nullptr) return absl::ResourceExhaustedError("no memory for a URL");
  const std::string whole = url.substr(0, scheme) + "://" + out.authority + "/";
  if (curl_url_set(parsed.get(), CURLUPART_URL, whole.c_str(), 0) != CURLUE_OK) {
    return wrong("is no URL");
  }
  const auto part = [&](CURLUPart which, unsigned flags) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), which, &text, flags) != CURLUE_OK) return std::string();
    std::string value(text);
    curl_free(text);
    return value;
  };
  const std::string name = part(CURLUPART_SCHEME, 0);
  if (name != "http" && name != "https") return wrong("is neither http nor https");
  if (!part(CURLUPART_USER, 0).empty()) {
    return wrong("has a user in it; keys belong into key_file or token_file");
  }
  out.address.tls = name == "https";
  out.address.host = part(CURLUPART_HOST, 0);
  if (out.address.host.starts_with('[') && out.address.host.ends_with(']')) {
    out.address.host = out.address.host.substr(1, out.address.host.size() - 2);
  }
  const std::string port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), out.address.port);
  if (out.address.host.empty()) return wrong("names no host");
  return out;
}

absl::StatusOr<TargetRequests> TargetRequests::Make(const ReplayTargetSpec& spec,
                                                    const Trace& trace) {
  RETURN_IF_ERROR(spec.Validate());
  RETURN_IF_ERROR(CheckHeaders(spec.headers));
  RETURN_IF_ERROR(CheckNames(spec, trace));
  ASSIGN_OR_RETURN(const SplitUrl url, SplitTargetUrl(spec.url));
  TargetRequests out;
  out.address_ = url.address;
  out.body_ = spec.body == ReplayBody::kHint;
  if (!spec.ca_file.empty()) {
    ASSIGN_OR_RETURN(out.ca_pem_, ReadFile(spec.ca_file));
  }
  const bool whisk = spec.kind == ReplayTargetKind::kOpenWhisk;
  std::string path = url.path, host = spec.host;
  if (host.empty() && spec.kind == ReplayTargetKind::kKnative) host = kKnativeHost;
  if (whisk) {
    if (path.ends_with('/')) path.pop_back();
    // The namespace is put in below: it has placeholders of its own.
    path += "/namespaces/";
  }
  std::string common = "User-Agent: reeve-replay\r\nAccept: */*\r\n";
  if (!spec.token_file.empty()) {
    ASSIGN_OR_RETURN(const std::string token, ReadSecret(spec.token_file));
    common += "Authorization: Bearer " + token + "\r\n";
  }
  for (const std::string& header : spec.headers) common += header + "\r\n";
  if (out.body_) {
    common += "Content-Type: application/json\r\nContent-Length: ";
  } else {
    common += whisk ? "Content-Length: 0\r\n\r\n" : "\r\n";
  }
  Keys keys(spec);
  for (size_t f = 0; f < trace.functions().size(); ++f) {
    const Names names = NamesOf(spec, trace, f);
    ASSIGN_OR_RETURN(std::string own_path, Fill("target.url", path, names, true));
    std::string own_host = url.authority, authorization;
    if (!host.empty()) {
      ASSIGN_OR_RETURN(own_host, Fill("target.host", host, names, false));
      if (!IsHostName(own_host)) {
        return absl::InvalidArgumentError(fmt::format(
            "target.host: '{}' of function '{}' is no host name (letters, digits and hyphens, at "
            "most 63 between dots); rename it by target.names, or use {{index}}",
            own_host, trace.functions()[f].name));
      }
    }
    if (whisk) {
      ASSIGN_OR_RETURN(const std::string space, Fill("target.namespace", spec.space, names, false));
      ASSIGN_OR_RETURN(authorization, keys.Authorization(space));
      own_path +=
          PercentEncode(space) + "/actions/" + ActionPath(names.function) + "?blocking=true";
    }
    RETURN_IF_ERROR(CheckPath(own_path));
    out.heads_.push_back(fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n{}{}",
                                     out.body_ || whisk ? "POST" : "GET", own_path, own_host,
                                     authorization, common));
  }
  return out;
}

void TargetRequests::Write(uint32_t function, int64_t work_us, std::string& out) const {
  out = heads_[function];
  if (!body_) return;
  char body[64];
  const auto end = fmt::format_to_n(body, sizeof body, "{{\"duration_ms\":{}.{:03}}}",
                                    work_us / 1000, work_us % 1000)
                       .size;
  fmt::format_to(std::back_inserter(out), "{}\r\n\r\n", end);
  out.append(body, end);
}

AnswerFacts JudgeAnswer(ReplayTargetKind kind, int status, std::string_view server_timing,
                        std::string_view body) {
  AnswerFacts facts;
  facts.outcome = OutcomeOf(kind, status);
  if (kind == ReplayTargetKind::kOpenWhisk) {
    if (status != 202) ReadActivation(body, facts);
  } else {
    ReadServerTiming(server_timing, facts);
  }
  return facts;
}

}  // namespace reeve
