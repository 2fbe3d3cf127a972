#include "controller/prometheus/prometheus_client.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

namespace ondemand = simdjson::ondemand;

// Numbers are texts: "3.77", "NaN", "+Inf".
bool ReadNumber(std::string_view text, double& value) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// A text of the answer's; empty where there is none.
std::string TextOf(ondemand::document& answer, const char* key) {
  std::string_view text;
  return answer[key].get(text) == simdjson::SUCCESS ? std::string(text.substr(0, 500)) : "";
}

bool ReadLabels(ondemand::object item, PrometheusSample& sample) {
  sample.labels.clear();
  ondemand::object metric;
  if (item["metric"].get(metric) != simdjson::SUCCESS) return false;
  for (auto entry : metric) {
    std::string_view name, text;
    ondemand::field field;
    if (std::move(entry).get(field) != simdjson::SUCCESS) return false;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) return false;
    if (field.value().get(text) != simdjson::SUCCESS) return false;
    sample.labels.emplace_back(name, text);
  }
  return true;
}

bool ReadSample(ondemand::object item, PrometheusSample& sample) {
  if (!ReadLabels(item, sample)) return false;
  ondemand::array pair;
  if (item["value"].get(pair) != simdjson::SUCCESS) return false;
  size_t count = 0;
  for (auto element : pair) {
    std::string_view number;
    if (count == 0 && element.get(sample.time) != simdjson::SUCCESS) return false;
    if (count == 1 &&
        (element.get(number) != simdjson::SUCCESS || !ReadNumber(number, sample.value))) {
      return false;
    }
    if (++count > 2) return false;
  }
  return count == 2;
}

absl::Status NoSample() {
  return absl::UnavailableError("Prometheus: a sample is not a metric with a value");
}

}  // namespace

absl::Status ReadPrometheusAnswer(std::string& body,
                                  absl::FunctionRef<void(const PrometheusSample&)> visit) {
  const absl::Status no_vector =
      absl::UnavailableError("Prometheus: the answer is not a vector of samples");
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  ondemand::parser parser;
  ondemand::document answer;
  if (parser.iterate(body).get(answer) != simdjson::SUCCESS) return no_vector;
  const std::string status = TextOf(answer, "status");
  if (status == "error") {
    const std::string type = TextOf(answer, "errorType");
    return absl::InvalidArgumentError(
        fmt::format("Prometheus: {}: {}", type, TextOf(answer, "error")));
  }
  ondemand::object data;
  std::string_view type;
  ondemand::array result;
  if (status != "success" || answer["data"].get(data) != simdjson::SUCCESS ||
      data["resultType"].get(type) != simdjson::SUCCESS || type != "vector" ||
      data["result"].get(result) != simdjson::SUCCESS) {
    return no_vector;
  }
  PrometheusSample sample;
  for (auto element : result) {
    ondemand::object item;
    if (element.get(item) != simdjson::SUCCESS || !ReadSample(item, sample)) return NoSample();
    visit(sample);
  }
  return absl::OkStatus();
}

PrometheusClient::PrometheusClient(PrometheusOptions options, std::string user_agent)
    : options_(std::move(options)), http_(std::move(user_agent)) {
  while (!options_.url.empty() && options_.url.back() == '/') options_.url.pop_back();
}

std::vector<absl::Status> PrometheusClient::Query(
    const std::vector<std::string>& queries,
    absl::FunctionRef<void(size_t query, const PrometheusSample&)> visit, const StopSignal* stop) {
  std::vector<absl::Status> answers;
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
    const size_t query = answers.size();
    if (!response.ok()) {
      answers.push_back(response.status());
    } else if (response->status == 401 || response->status == 403) {
      answers.push_back(absl::PermissionDeniedError(
          fmt::format("Prometheus: HTTP {}: check prometheus.token_file", response->status)));
    } else {
      answers.push_back(ReadPrometheusAnswer(
          response->body, [&](const PrometheusSample& sample) { visit(query, sample); }));
      std::string().swap(response->body);  // they are long
    }
  }
  return answers;
}

}  // namespace reeve
