#include "controller/serve/serve.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "controller/bus/publisher.h"
#include "controller/bus/socket_setup.h"
#include "controller/keda/keda_platform.h"
#include "controller/knative/knative_platform.h"
#include "controller/live_policies.h"
#include "controller/loop_clock.h"
#include "controller/net/listen_address.h"
#include "controller/openwhisk/openwhisk_platform.h"
#include "controller/serve/http_server.h"
#include "controller/serve/kept_state.h"
#include "controller/serve/loop_log.h"
#include "controller/serve/loop_metrics.h"
#include "controller/serve/recent_past.h"
#include "controller/serve/stored_past.h"
#include "controller/sim_platform.h"
#include "controller/store/store_reader.h"
#include "controller/store/store_writer.h"
#include "core/status.h"
#include "traces/load_trace.h"

namespace reeve {

absl::Status ServeConfig::Validate() const {
  const auto part = [](const char* name, const absl::Status& status) {
    return status.ok() ? status
                       : absl::Status(status.code(), std::string(name) + "." + MessageOf(status));
  };
  RETURN_IF_ERROR(part("policy", policy.Validate()));
  RETURN_IF_ERROR(part("fallback", fallback.Validate()));
  RETURN_IF_ERROR(part("sim.own_policy", sim.own_policy.Validate()));
  RETURN_IF_ERROR(part("sim.cluster", sim.cluster.Validate()));
  if (!http.listen.empty())
    RETURN_IF_ERROR(ParseListenAddress("http.listen", http.listen).status());
  if (http.tls.certificate.empty() != http.tls.key.empty()) {
    return absl::InvalidArgumentError("http.tls: certificate and key need each other");
  }
  if (!http.tls.client_ca.empty() && http.tls.certificate.empty()) {
    return absl::InvalidArgumentError("http.tls.client_ca: needs certificate and key");
  }
  if (bus.stream) RETURN_IF_ERROR(part("bus.stream.socket", CheckSocketSpec(bus.stream->socket)));
  if (platform == PlatformKind::kSim && sim.trace.empty()) {
    return absl::InvalidArgumentError("sim.trace: name the workload of the simulated platform");
  }
  if (platform == PlatformKind::kOpenWhisk && openwhisk.tenants.empty()) {
    return absl::InvalidArgumentError("openwhisk.tenants: name a tenant and its key_file");
  }
  if (adapt) RETURN_IF_ERROR(part("adapt", adapt->CheckPlace(store.path)));
  const bool real_time = platform != PlatformKind::kSim || sim.speed > 0;
  if (adapt && real_time && adapt->learner.online.swap_after != 0) {
    return absl::InvalidArgumentError(
        "adapt.learner.online.swap_after: set it to 0: in real time the loop must not wait for "
        "who learns");
  }
  return absl::OkStatus();
}

namespace {

constexpr const char* kStateKind = "state";

int64_t WallNow() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A platform, with what it stands on.
struct Served {
  std::unique_ptr<const Trace> trace;  // of a simulated one, which keeps a reference to it
  std::unique_ptr<LoopClock> clock;
  std::unique_ptr<LivePlatform> platform;
  // Another run goes on where this one ended. A simulation begins anew.
  bool goes_on = true;
};

absl::StatusOr<Served> MakeSim(const ServeConfig& config) {
  Served served;
  absl::StatusOr<ReadResult> read = LoadTrace(config.sim.trace, {});
  if (!read.ok()) return read.status();
  served.trace = std::make_unique<const Trace>(std::move(read->trace));
  if (served.trace->functions().empty()) {
    return absl::InvalidArgumentError(config.sim.trace + ": there is no function in this trace");
  }
  if (config.sim.speed == 0) {
    // As if it had just happened, so that what is kept lies in the past.
    served.clock = std::make_unique<VirtualClock>(WallNow() - served.trace->duration().micros());
  } else {
    served.clock = std::make_unique<SteadyClock>(config.sim.speed);
  }
  SimPlatformSpec spec = config.sim;
  spec.cluster.control_period = config.loop.period;
  ASSIGN_OR_RETURN(served.platform,
                   SimPlatform::Create(spec, *served.trace, config.seed, *served.clock));
  served.goes_on = false;
  return served;
}

absl::StatusOr<Served> MakeKnative(const ServeConfig& config) {
  Served served;
  served.clock = std::make_unique<SteadyClock>();
  ASSIGN_OR_RETURN(std::unique_ptr<KnativePlatform> platform,
                   KnativePlatform::Create(config.knative, [](const char* name) {
                     return static_cast<const char*>(std::getenv(name));
                   }));
  platform->AwaitLists(std::min(config.loop.period, SimTime::Seconds(5)));
  served.platform = std::move(platform);
  return served;
}

absl::StatusOr<Served> MakeKeda(const ServeConfig& config, LoopLog& log) {
  Served served;
  served.clock = std::make_unique<SteadyClock>();
  ASSIGN_OR_RETURN(std::unique_ptr<KedaPlatform> platform, KedaPlatform::Create(config.keda));
  log.Info(fmt::format("KEDA's external scaler on port {}", platform->port()));
  served.platform = std::move(platform);
  return served;
}

absl::StatusOr<Served> MakeOpenWhisk(const ServeConfig& config) {
  Served served;
  served.clock = std::make_unique<SteadyClock>();
  ASSIGN_OR_RETURN(served.platform, OpenWhiskPlatform::Create(config.openwhisk));
  return served;
}

absl::StatusOr<Served> MakePlatform(const ServeConfig& config, LoopLog& log) {
  switch (config.platform) {
    case PlatformKind::kSim:
      return MakeSim(config);
    case PlatformKind::kKnative:
      return MakeKnative(config);
    case PlatformKind::kKeda:
      return MakeKeda(config, log);
    case PlatformKind::kOpenWhisk:
      return MakeOpenWhisk(config);
  }
  return absl::InternalError("unknown platform");
}

// Counts, and keeps in the store what a restart has to know.
class Bookkeeper : public LoopSink {
 public:
  Bookkeeper(StoreWriter* store, bool keep) : store_(store), keep_(keep) {}

  void set_loop(const ControlLoop* loop) { loop_ = loop; }
  void OnTick(const TickRecord& tick) override {
    ++summary.ticks;
    summary.skipped += tick.skipped;
    summary.overrun += tick.overrun;
    summary.functions = tick.functions.size();
    summary.taken_over += tick.taken_over;
    summary.handed_back += tick.handed_back;
    for (const FunctionRecord& record : tick.functions) {
      summary.decisions += record.wished != Decision{};
      summary.writes += record.applied != Decision{};
    }
    if (tick.taken_over + tick.handed_back > 0) KeepOurs(tick.wall_us);
  }
  void OnEvent(const EventRecord& event) override {
    if (event.kind == EventKind::kStop) KeepOurs(event.wall_us);
  }

  ServeSummary summary;

 private:
  void KeepOurs(int64_t wall_us) {
    if (store_ == nullptr || loop_ == nullptr || !keep_) return;
    store_->PutBlob(kStateKind, "ours", WriteIds(loop_->Ours()), wall_us);
  }

  StoreWriter* const store_;
  const bool keep_;
  const ControlLoop* loop_ = nullptr;
};

// What an earlier run left in the store. A store that is damaged is said so before anything starts.
struct Earlier {
  std::map<std::string, TenantMode> modes;
  std::vector<PastWindow> history;
  std::vector<std::string> ours;
};

absl::StatusOr<Earlier> ReadEarlier(const ServeConfig& config, bool goes_on) {
  Earlier earlier;
  earlier.modes = config.loop.tenants;
  if (config.store.path.empty() || !goes_on) return earlier;
  const std::string& path = config.store.path;
  ASSIGN_OR_RETURN(earlier.history, ReadHistory(path, config.loop.replay.windows));
  ASSIGN_OR_RETURN(const std::optional<std::string> modes, ReadBlob(path, kStateKind, "modes"));
  ASSIGN_OR_RETURN(earlier.modes, ModesAfterRestart(modes.value_or(""), config.loop));
  ASSIGN_OR_RETURN(const std::optional<std::string> ours, ReadBlob(path, kStateKind, "ours"));
  ASSIGN_OR_RETURN(earlier.ours, ReadIds(ours.value_or("")));
  return earlier;
}

// What was seen and decided, for whoever subscribes.
struct Stream {
  std::unique_ptr<Publisher> publisher;
  std::unique_ptr<PublishingSink> sink;
};

absl::StatusOr<Stream> MakeStream(const PublisherSpec& spec, LoopLog& log) {
  Stream stream;
  ASSIGN_OR_RETURN(stream.publisher, Publisher::Bind(spec));
  stream.sink = std::make_unique<PublishingSink>(*stream.publisher);
  log.Info("stream at " + stream.publisher->endpoint());
  return stream;
}

absl::Status Prefixed(const char* what, const absl::Status& status) {
  return absl::Status(status.code(), std::string(what) + "." + MessageOf(status));
}

absl::StatusOr<LivePolicyMaker> MakeDecider(const ServeConfig& config, const ServeHooks& hooks,
                                            LoopLog& log) {
  if (hooks.make_policy) return hooks.make_policy;
  absl::StatusOr<LivePolicyMaker> maker;
  if (!config.adapt) {
    maker = MakeLivePolicies(config.policy, config.loop.period, config.seed);
    return maker.ok() ? std::move(maker) : Prefixed("policy", maker.status());
  }
  LiveAdaptationOptions options;
  options.store = config.store.path;
  options.fallback = config.policy;
  options.period = config.loop.period;
  options.seed = config.seed;
  options.trainers = hooks.trainers;
  options.on_message = [&log](const std::string& message) { log.Warning(message); };
  maker = MakeLiveAdaptation(*config.adapt, options);
  return maker.ok() ? std::move(maker) : Prefixed("adapt", maker.status());
}

PageFacts FactsOf(const ServeConfig& config, const LivePlatform& platform, const LoopClock& clock) {
  PageFacts facts;
  facts.instance = std::to_string(clock.WallMicros());
  facts.version = REEVE_VERSION;
  facts.platform = platform.name();
  facts.policy = config.adapt ? "adaptive" : config.policy.name;
  facts.policy_config = config.adapt ? WriteConfig(*config.adapt) : WriteConfig(config.policy);
  facts.period = config.loop.period;
  return facts;
}

}  // namespace

absl::StatusOr<ServeSummary> Serve(const ServeConfig& config, const ServeHooks& hooks) {
  RETURN_IF_ERROR(config.Validate());
  LoopLog log(config.log);
  ASSIGN_OR_RETURN(LivePolicyMaker policy, MakeDecider(config, hooks, log));
  absl::StatusOr<LivePolicyMaker> fallback =
      MakeLivePolicies(config.fallback, config.loop.period, config.seed);
  if (!fallback.ok()) return Prefixed("fallback", fallback.status());
  ASSIGN_OR_RETURN(Served served, MakePlatform(config, log));
  ASSIGN_OR_RETURN(Earlier earlier, ReadEarlier(config, served.goes_on));

  std::unique_ptr<StoreWriter> store;
  if (!config.store.path.empty()) {
    ASSIGN_OR_RETURN(store, StoreWriter::Open(config.store, [&log](const absl::Status& status) {
                       log.Warning("cannot store: " + MessageOf(status));
                     }));
    store->set_wait_for_room(config.platform == PlatformKind::kSim && config.sim.speed == 0);
  }
  LoopMetrics metrics(std::string(served.platform->name()),
                      config.adapt ? "adaptive" : config.policy.name, config.loop.period,
                      store.get());
  Bookkeeper books(store.get(), served.goes_on);
  RecentPast past(static_cast<size_t>(config.http.history.value()) << 20);
  if (!config.http.listen.empty()) {
    RETURN_IF_ERROR(AddStoredPast(config.store.path, served.clock->WallMicros(), past));
  }
  TenantModes modes({config.loop.mode, false}, earlier.modes);
  LoopOptions options{.spec = config.loop,
                      .make_policy = std::move(policy),
                      .make_fallback = *std::move(fallback),
                      .history = std::move(earlier.history),
                      .left_taken = std::move(earlier.ours),
                      .sinks = {&log, &metrics, &books}};
  if (store) options.sinks.push_back(store.get());
  if (!config.http.listen.empty()) options.sinks.push_back(&past);
  if (hooks.sink != nullptr) options.sinks.push_back(hooks.sink);
  std::optional<Stream> stream;
  if (config.bus.stream) {
    ASSIGN_OR_RETURN(stream, MakeStream(*config.bus.stream, log));
    options.sinks.push_back(stream->sink.get());
  }
  ControlLoop loop(std::move(options), *served.platform, modes, *served.clock);
  books.set_loop(&loop);

  std::unique_ptr<HttpServer> http;
  if (!config.http.listen.empty()) {
    HttpSources sources;
    sources.loop = &loop;
    sources.clock = served.clock.get();
    sources.modes = &modes;
    sources.period = config.loop.period;
    sources.metrics = [&metrics] { return metrics.Text(); };
    sources.past = &past;
    sources.page = FactsOf(config, *served.platform, *served.clock);
    sources.trouble = [&log](const absl::Status& status) {
      log.Warning("kept the certificates there were: " + MessageOf(status));
    };
    sources.switched = [&](const std::string& tenant, const TenantMode& mode) {
      loop.NoteModeChange(tenant, mode);
      if (store && served.goes_on) {
        store->PutBlob(kStateKind, "modes", WriteModes(modes.All(), config.loop),
                       served.clock->WallMicros());
      }
    };
    ASSIGN_OR_RETURN(http, HttpServer::Start(config.http, std::move(sources)));
    books.summary.port = http->port();
    log.Info(fmt::format("metrics, health and state on port {}", http->port()));
  }
  if (hooks.on_started) hooks.on_started(books.summary.port);
  const absl::Status ended = loop.Run(hooks.stop);
  http.reset();
  if (stream) {
    const Publisher::Counts counts = stream->publisher->counts();
    log.Info(fmt::format("stream: {} windows published, {} dropped, {} connections refused",
                         counts.published, counts.dropped, counts.refused));
  }
  if (store) {
    store->Flush();
    const StoreCounts counts = store->counts();
    books.summary.stored = counts.written;
    books.summary.dropped = counts.dropped;
  }
  RETURN_IF_ERROR(ended);
  return books.summary;
}

}  // namespace reeve
