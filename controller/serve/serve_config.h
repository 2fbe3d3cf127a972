// Everything that `reeve serve` is told: the platform, the loop, the policies, what is kept and
// what is shown.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "agents/policy_factory.h"
#include "controller/bus/publisher.h"
#include "controller/keda/keda_config.h"
#include "controller/knative/knative_config.h"
#include "controller/live_adaptation.h"
#include "controller/loop_spec.h"
#include "controller/net/tls_spec.h"
#include "controller/openwhisk/openwhisk_config.h"
#include "controller/sim_platform.h"
#include "controller/store/store_spec.h"
#include "core/config.h"

namespace reeve {

enum class PlatformKind : uint8_t { kSim, kKnative, kKeda, kOpenWhisk };
constexpr auto EnumNames(PlatformKind) {
  return std::array<std::pair<PlatformKind, std::string_view>, 4>{
      {{PlatformKind::kSim, "sim"},
       {PlatformKind::kKnative, "knative"},
       {PlatformKind::kKeda, "keda"},
       {PlatformKind::kOpenWhisk, "openwhisk"}}};
}

struct HttpSpec {
  std::string listen = "127.0.0.1:9464";
  std::string token_file = {};
  TlsSpec tls = {};
  Mebibytes history{32};

  // `http: "127.0.0.1:9464"`
  static constexpr std::string_view kScalarField = "listen";
  template <class V>
  static void Fields(V& v) {
    v.Field("listen", &HttpSpec::listen,
            "Address and port of the page, metrics, health and state (port 0: any free one); "
            "empty: none");
    v.Field("token_file", &HttpSpec::token_file,
            "File with the bearer token that requests must carry; read again when it changes. "
            "Needed, if there is no tls.client_ca, where others than this machine can connect, and "
            "to switch modes anywhere");
    v.Field("tls", &HttpSpec::tls, "TLS, and certificates of clients");
    v.Field("history", &HttpSpec::history,
            "Memory for the recent windows that the page shows; those of a thousand functions take "
            "a tenth of a mebibyte each",
            Between(1, 65536));
  }
};

enum class LogFormat : uint8_t { kText, kJson };
constexpr auto EnumNames(LogFormat) {
  return std::array<std::pair<LogFormat, std::string_view>, 2>{
      {{LogFormat::kText, "text"}, {LogFormat::kJson, "json"}}};
}

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning };
constexpr auto EnumNames(LogLevel) {
  return std::array<std::pair<LogLevel, std::string_view>, 3>{
      {{LogLevel::kDebug, "debug"}, {LogLevel::kInfo, "info"}, {LogLevel::kWarning, "warning"}}};
}

struct LogSpec {
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kInfo;

  template <class V>
  static void Fields(V& v) {
    v.Field("format", &LogSpec::format, "Lines on standard error: text, or a JSON object each");
    v.Field("level", &LogSpec::level, "The least that is told; debug tells every tick");
  }
};

struct ServeBusSpec {
  std::optional<PublisherSpec> stream;

  template <class V>
  static void Fields(V& v) {
    v.Field("stream", &ServeBusSpec::stream,
            "A stream of what was seen and decided, for whoever subscribes");
  }
};

struct ServeConfig {
  PlatformKind platform = PlatformKind::kSim;
  SimPlatformSpec sim;
  KnativeConfig knative;
  KedaConfig keda;
  OpenWhiskConfig openwhisk;
  uint64_t seed = 0;
  LoopSpec loop;
  PolicySpec policy;
  std::optional<LiveAdaptationSpec> adapt;
  PolicySpec fallback;
  StoreSpec store;
  HttpSpec http;
  ServeBusSpec bus;
  LogSpec log;

  template <class V>
  static void Fields(V& v) {
    using C = ServeConfig;
    v.Field("platform", &C::platform, "What is controlled");
    v.Field("sim", &C::sim, "The simulated platform");
    v.Field("knative", &C::knative, "Knative (docs/knative.md)");
    v.Field("keda", &C::keda, "Deployments that KEDA scales (docs/keda.md)");
    v.Field("openwhisk", &C::openwhisk, "OpenWhisk (docs/openwhisk.md)");
    v.Field("seed", &C::seed, "Random draws of policies, and of the simulated platform");
    v.Field("loop", &C::loop, "How it is controlled");
    v.Field("policy", &C::policy, "The policy that decides");
    v.Field("adapt", &C::adapt,
            "A policy that learns while it drives decides, and `policy` drives while that is not "
            "safe (docs/serve.md)");
    v.Field("fallback", &C::fallback,
            "The policy that decides for functions whose numbers are bad for longer than "
            "loop.numbers.hold, by their last sound numbers");
    v.Field("store", &C::store, "What is kept");
    v.Field("http", &C::http, "The page, metrics, health, state");
    v.Field("bus", &C::bus, "Other programs, over ZeroMQ (docs/bus.md)");
    v.Field("log", &C::log, "What is told on standard error");
  }
  // The parts are valid, a simulated platform has a trace, OpenWhisk tenants, and what is learned a
  // place.
  absl::Status Validate() const;
};

}  // namespace reeve
