#include "controller/knative/prometheus.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/kube/json_reading.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

// Numbers are texts: "3.77", "NaN", "+Inf".
bool ReadNumber(std::string_view text, double& value) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool ReadSample(const json& item, PrometheusSample& sample) {
  const json* labels = ObjectAt(item, "metric");
  const json* value = ArrayAt(item, "value");
  if (labels == nullptr || value == nullptr || value->size() != 2) return false;
  if (!(*value)[0].is_number() || !(*value)[1].is_string()) return false;
  sample.time = (*value)[0].get<double>();
  for (const auto& [name, text] : labels->items()) {
    if (!text.is_string()) return false;
    sample.labels[name] = text.get<std::string>();
  }
  return ReadNumber((*value)[1].get_ref<const std::string&>(), sample.value);
}

}  // namespace

absl::StatusOr<std::vector<PrometheusSample>> ParsePrometheusAnswer(std::string_view body) {
  const json answer = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (TextAt(answer, "status") == "error") {
    return absl::InvalidArgumentError(fmt::format("Prometheus: {}: {}", TextAt(answer, "errorType"),
                                                  TextAt(answer, "error").substr(0, 500)));
  }
  const json* result = ArrayAt(answer, "data.result");
  if (TextAt(answer, "status") != "success" || TextAt(answer, "data.resultType") != "vector" ||
      result == nullptr) {
    return absl::UnavailableError("Prometheus: the answer is not a vector of samples");
  }
  std::vector<PrometheusSample> samples;
  samples.reserve(result->size());
  for (const json& item : *result) {
    if (!ReadSample(item, samples.emplace_back())) {
      return absl::UnavailableError("Prometheus: a sample is not a metric with a value");
    }
  }
  return samples;
}

PrometheusClient::PrometheusClient(PrometheusOptions options, std::string user_agent)
    : options_(std::move(options)), http_(std::move(user_agent)) {
  while (!options_.url.empty() && options_.url.back() == '/') options_.url.pop_back();
}

std::vector<absl::StatusOr<std::vector<PrometheusSample>>> PrometheusClient::Query(
    const std::vector<std::string>& queries, const StopSignal* stop) {
  std::vector<absl::StatusOr<std::vector<PrometheusSample>>> answers;
  HttpRequest request;
  request.timeout = options_.timeout;
  request.connect_timeout = options_.timeout;
  absl::Status unreadable;
  if (!options_.token_file.empty()) {
    auto token = ReadFile(options_.token_file);
    if (token.ok()) {
      token->erase(token->find_last_not_of(" \r\n\t") + 1);
      // It becomes a header, where a line's end would be an attack.
      if (token->find_first_of(" \r\n\t") != std::string::npos) {
        unreadable = absl::InvalidArgumentError(options_.token_file + ": a token is one word");
      }
      request.headers.push_back("Authorization: Bearer " + *token);
    } else {
      unreadable = token.status();
    }
  }
  if (!options_.ca_file.empty()) {
    auto authority = ReadFile(options_.ca_file);
    if (authority.ok()) {
      request.tls = std::make_shared<const TlsIdentity>(TlsIdentity{.ca_pem = *authority});
    } else {
      unreadable = authority.status();
    }
  }
  if (!unreadable.ok()) {
    answers.assign(queries.size(), unreadable);
    return answers;
  }
  std::vector<HttpRequest> requests;
  for (const std::string& query : queries) {
    request.url = options_.url + "/api/v1/query?" + QueryString({{"query", query}});
    requests.push_back(request);
  }
  for (auto& response : http_.PerformAll(requests, requests.size(), stop)) {
    if (!response.ok()) {
      answers.emplace_back(response.status());
    } else if (response->status == 401 || response->status == 403) {
      answers.emplace_back(absl::PermissionDeniedError(
          fmt::format("Prometheus: HTTP {}: check prometheus.token_file", response->status)));
    } else {
      answers.push_back(ParsePrometheusAnswer(response->body));
    }
  }
  return answers;
}

}  // namespace reeve
