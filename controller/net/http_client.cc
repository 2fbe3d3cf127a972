#include "controller/net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>

#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

void InitialiseCurl() {
  // Once in the process, before any thread uses the library.
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  REEVE_CHECK(code == CURLE_OK);
}

curl_blob BlobOf(const std::string& text) {
  // The text belongs to the transfer, which outlives the handle's use of it.
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
}

long MillisOf(SimTime span) {
  const SimTime most = SimTime::Hours(24 * 24);  // more does not fit 32 bits of milliseconds
  return static_cast<long>((std::min(span, most).micros() + 999) / 1000);
}

// One request under way. Stays where it is: the handle points into it.
struct Transfer {
  const HttpRequest* request = nullptr;
  const HttpClient::Sink* sink = nullptr;
  size_t index = 0;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  curl_slist* connect_to = nullptr;
  std::shared_ptr<const TlsIdentity> tls;
  HttpResponse response;
  absl::Status failure;  // found while reading the answer
  char error[CURL_ERROR_SIZE] = {};

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    curl_slist_free_all(headers);
    curl_slist_free_all(connect_to);
  }
};

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const size_t bytes = size * count;
  const std::string_view chunk(data, bytes);
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.sink != nullptr && status == 200) {
    transfer.failure = (*transfer.sink)(chunk);
    return transfer.failure.ok() ? bytes : 0;
  }
  if (transfer.response.body.size() + bytes > transfer.request->max_body_bytes) {
    transfer.failure = absl::ResourceExhaustedError(
        fmt::format("{} {}: the answer is longer than {} bytes", transfer.request->method,
                    transfer.request->url, transfer.request->max_body_bytes));
    return 0;
  }
  transfer.response.body.append(chunk);
  return bytes;
}

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size * count);
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200 && (line == "\r\n" || line == "\n")) transfer.request->on_begin();
  return line.size();
}

absl::StatusCode StatusCodeOf(CURLcode code, const std::string& url) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return absl::StatusCode::kDeadlineExceeded;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return absl::StatusCode::kUnauthenticated;
    case CURLE_URL_MALFORMAT:
      return absl::StatusCode::kInvalidArgument;
    case CURLE_UNSUPPORTED_PROTOCOL:
      // Also said of a peer whose answer is no HTTP.
      return url.substr(0, 4) == "http" ? absl::StatusCode::kUnavailable
                                        : absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

std::optional<SimTime> RetryAfterOf(CURL* easy) {
  curl_header* header = nullptr;
  if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
  const std::string_view text(header->value);
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return {};
  return SimTime::Seconds(std::min<int64_t>(seconds, 24 * 3600));
}

absl::StatusOr<HttpResponse> ResultOf(Transfer& transfer, CURLcode code) {
  if (!transfer.failure.ok()) return transfer.failure;
  const HttpRequest& request = *transfer.request;
  if (code != CURLE_OK) {
    const char* text = transfer.error[0] != '\0' ? transfer.error : curl_easy_strerror(code);
    return absl::Status(StatusCodeOf(code, request.url),
                        fmt::format("{} {}: {}", request.method, request.url, text));
  }
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  const char* type = nullptr;
  curl_easy_getinfo(transfer.easy, CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) transfer.response.content_type = type;
  transfer.response.retry_after = RetryAfterOf(transfer.easy);
  return std::move(transfer.response);
}

}  // namespace

struct HttpClient::State {
  std::string user_agent;
  CURLM* multi = nullptr;  // keeps the connections
  std::vector<CURL*> idle;

  CURL* Take();
  void Prepare(Transfer& transfer);
  void Release(Transfer& transfer);
  // Runs the transfers; `done` gets each with its code, or CURLE_ABORTED_BY_CALLBACK when stopped.
  template <class Done>
  void Run(std::deque<Transfer>& transfers, size_t parallel, const StopSignal* stop,
           const Done& done);
};

CURL* HttpClient::State::Take() {
  if (!idle.empty()) {
    CURL* easy = idle.back();
    idle.pop_back();
    curl_easy_reset(easy);
    return easy;
  }
  CURL* easy = curl_easy_init();
  REEVE_CHECK(easy != nullptr);
  return easy;
}

void HttpClient::State::Prepare(Transfer& transfer) {
  const HttpRequest& request = *transfer.request;
  CURL* easy = transfer.easy = Take();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   std::max(1L, MillisOf(request.connect_timeout)));
  const bool endless = request.timeout == SimTime::Max();
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   endless ? 0L : std::max(1L, MillisOf(request.timeout)));
  if (request.idle_timeout != SimTime::Max()) {
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     std::max(1L, (MillisOf(request.idle_timeout) + 999) / 1000));
  }
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  if (request.on_begin) {
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  }

  if (!request.proxy_of_environment) curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (!request.connect_to.empty()) {
    transfer.connect_to = curl_slist_append(nullptr, ("::" + request.connect_to).c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer.connect_to);
  }
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (transfer.tls = request.tls; transfer.tls != nullptr) {
    const auto set = [easy](CURLoption option, const std::string& pem) {
      if (pem.empty()) return;
      curl_blob blob = BlobOf(pem);
      curl_easy_setopt(easy, option, &blob);
    };
    set(CURLOPT_CAINFO_BLOB, transfer.tls->ca_pem);
    set(CURLOPT_SSLCERT_BLOB, transfer.tls->certificate_pem);
    set(CURLOPT_SSLKEY_BLOB, transfer.tls->key_pem);
  }

  if (request.method != "GET")
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
      request.method == "PATCH") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  for (const std::string& header : request.headers) {
    transfer.headers = curl_slist_append(transfer.headers, header.c_str());
  }
  transfer.headers = curl_slist_append(transfer.headers, "Expect:");  // no wait for "100 Continue"
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers);
}

void HttpClient::State::Release(Transfer& transfer) {
  if (transfer.easy == nullptr) return;
  curl_multi_remove_handle(multi, transfer.easy);
  // Nothing may point into the transfer when the handle is used again.
  curl_easy_reset(transfer.easy);
  idle.push_back(transfer.easy);
  transfer.easy = nullptr;
}

template <class Done>
void HttpClient::State::Run(std::deque<Transfer>& transfers, size_t parallel,
                            const StopSignal* stop, const Done& done) {
  std::optional<StopSignal::Callback> waker;
  if (stop != nullptr) waker.emplace(*stop, [this] { curl_multi_wakeup(multi); });
  size_t begun = 0, ended = 0;
  while (ended < transfers.size()) {
    if (stop != nullptr && stop->stopped()) break;
    while (begun < transfers.size() && begun - ended < std::max<size_t>(parallel, 1)) {
      Transfer& transfer = transfers[begun++];
      Prepare(transfer);
      REEVE_CHECK(curl_multi_add_handle(multi, transfer.easy) == CURLM_OK);
    }
    int running = 0;
    REEVE_CHECK(curl_multi_perform(multi, &running) == CURLM_OK);
    int left = 0;
    bool some_ended = false;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Transfer* transfer = nullptr;
      const CURLcode code = message->data.result;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      done(*transfer, code);
      Release(*transfer);
      ++ended;
      some_ended = true;
    }
    if (!some_ended) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  for (Transfer& transfer : transfers) Release(transfer);
}

HttpClient::HttpClient(std::string user_agent) : state_(std::make_unique<State>()) {
  InitialiseCurl();
  state_->user_agent = std::move(user_agent);
  state_->multi = curl_multi_init();
  REEVE_CHECK(state_->multi != nullptr);
}

HttpClient::~HttpClient() {
  for (CURL* easy : state_->idle) curl_easy_cleanup(easy);
  curl_multi_cleanup(state_->multi);
}

std::vector<absl::StatusOr<HttpResponse>> HttpClient::PerformAll(
    const std::vector<HttpRequest>& requests, size_t parallel, const StopSignal* stop) {
  std::vector<absl::StatusOr<HttpResponse>> results;
  results.reserve(requests.size());
  std::deque<Transfer> transfers;
  for (const HttpRequest& request : requests) {
    results.emplace_back(
        absl::CancelledError(fmt::format("{} {}: stopped", request.method, request.url)));
    Transfer& transfer = transfers.emplace_back();
    transfer.request = &request;
    transfer.index = transfers.size() - 1;
  }
  state_->Run(transfers, parallel, stop, [&](Transfer& transfer, CURLcode code) {
    results[transfer.index] = ResultOf(transfer, code);
  });
  return results;
}

absl::StatusOr<HttpResponse> HttpClient::Perform(const HttpRequest& request,
                                                 const StopSignal* stop) {
  return Stream(request, nullptr, stop);
}

absl::StatusOr<HttpResponse> HttpClient::Stream(const HttpRequest& request, const Sink& sink,
                                                const StopSignal* stop) {
  std::deque<Transfer> transfers(1);
  transfers[0].request = &request;
  if (sink) transfers[0].sink = &sink;
  absl::StatusOr<HttpResponse> result =
      absl::CancelledError(fmt::format("{} {}: stopped", request.method, request.url));
  state_->Run(transfers, 1, stop,
              [&](Transfer& transfer, CURLcode code) { result = ResultOf(transfer, code); });
  return result;
}

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string QueryString(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string text;
  for (const auto& [key, value] : parameters) {
    if (!text.empty()) text += '&';
    text += PercentEncode(key) + "=" + PercentEncode(value);
  }
  return text;
}

}  // namespace reeve
