// A request to the HTTP port, from its bytes to its answer: who shows no token changes nothing and
// learns nothing but health, and what is answered as JSON is JSON.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "controller/serve/control_api.h"
#include "controller/serve/page_files.h"
#include "core/check.h"
#include "tests/controller/fake_platform.h"

namespace reeve {
namespace {

namespace http = boost::beast::http;

// A loop that has ticked, and both ways to reach it: from anywhere, and from this machine alone.
struct Served {
  Served() {
    fixture.options.sinks = {&past};
    REEVE_CHECK(fixture.Run(2).ok());
    for (const bool loopback : {false, true}) {
      HttpSources sources;
      sources.loop = &*fixture.loop;
      sources.clock = &fixture.clock;
      sources.modes = &fixture.modes;
      sources.period = SimTime::Seconds(2);
      sources.past = &past;
      sources.metrics = [] { return std::string("reeve_ticks_total 2\n"); };
      sources.switched = [this](const std::string&, const TenantMode&) { ++switched; };
      ApiAccess access;
      access.loopback = loopback;
      // Nobody can have the token: the file is not there.
      access.token = std::make_unique<BearerToken>("/nonexistent/token");
      apis[loopback] = std::make_unique<ControlApi>(std::move(sources), std::move(access));
    }
  }

  LoopFixture fixture{{"t", "u"}, ControlMode::kShadow};
  RecentPast past{1 << 16};
  std::unique_ptr<ControlApi> apis[2];
  uint64_t switched = 0;
};

void FuzzOne(std::string_view input) {
  static Served& served = *new Served;
  http::request_parser<http::string_body> parser;
  parser.header_limit(8 << 10);
  parser.body_limit(64 << 10);
  parser.eager(true);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(input.data(), input.size()), error);
  if (error || !parser.is_done()) return;
  ServedRequest request =
      HeadOf(std::string(parser.get().method_string()), std::string(parser.get().target()),
             std::string(parser.get()[http::field::authorization]));
  request.host = std::string(parser.get()[http::field::host]);
  const bool reads = request.method == "GET" || request.method == "HEAD";
  for (const bool loopback : {false, true}) {
    const std::optional<ServedAnswer> refusal = served.apis[loopback]->Judge(request);
    const bool health = request.path == "/healthz" || request.path == "/readyz";
    // Of this machine's own names the fuzzer is told by the corpus; any other is one of a stranger.
    const bool own = request.host.empty() || request.host.starts_with("localhost") ||
                     request.host.starts_with("127.") || request.host.starts_with("[");
    const bool page = reads && !loopback && IsPageFile(request.path);
    if (refusal && reads) REEVE_CHECK(!health && !page && !(loopback && request.host.empty()));
    if (!refusal) REEVE_CHECK(reads && (health || page || (loopback && own)));
    if (refusal) REEVE_CHECK(refusal->code == 401 || refusal->code == 403);
  }
  // As if the token had been right.
  request.body = parser.get().body();
  const uint64_t before = served.switched;
  const ServedAnswer answer = served.apis[1]->Answer(request);
  REEVE_CHECK(served.switched == before || (request.method == "POST" && answer.code == 200));
  if (std::string_view(answer.content_type) == "application/json") {
    REEVE_CHECK(nlohmann::json::accept(answer.body));
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
