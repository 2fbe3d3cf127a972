// `reeve serve` over many Knative functions in real time, on this machine: an API server and a
// Prometheus in a process beside it, a load that changes, a store, and metrics that are scraped.
// Prints how late ticks begin, how long they take, CPU, memory and writes, and the same of a loop
// that only observes.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "bench/cpu_seconds.h"
#include "bench/knative_world.h"
#include "controller/net/http_client.h"
#include "controller/serve/process_figures.h"
#include "controller/serve/serve.h"
#include "core/check.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

// What each tick took, once the numbers are there.
class Recorder : public LoopSink {
 public:
  void OnTick(const TickRecord& tick) override {
    const bool warm = !tick.functions.empty() && ++seen_ > 3;
    if (!warm) return;
    if (lateness.empty()) {
      cpu_begin_ = CpuSeconds();
      begin_ = std::chrono::steady_clock::now();
    }
    lateness.push_back(tick.lateness.seconds() * 1000);
    observe.push_back(tick.observe.seconds() * 1000);
    decide.push_back(tick.decide.seconds() * 1000);
    apply.push_back(tick.apply.seconds() * 1000);
    whole.push_back(observe.back() + decide.back() + apply.back());
    skipped += tick.skipped;
    overrun += tick.overrun;
    functions = tick.functions.size();
    trusted = 0;
    for (const FunctionRecord& record : tick.functions) {
      writes += record.applied != Decision{};
      trusted += record.stage == TrustStage::kTrusted;
    }
    cpu = CpuSeconds() - cpu_begin_;
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  void OnEvent(const EventRecord& event) override {
    if (event.warning) fmt::print(stderr, "{}\n", event.message);
  }

  std::vector<double> lateness, observe, decide, apply, whole;  // ms
  uint64_t skipped = 0, overrun = 0, writes = 0;
  size_t functions = 0, trusted = 0;
  double cpu = 0, seconds = 0;

 private:
  int seen_ = 0;
  double cpu_begin_ = 0;
  std::chrono::steady_clock::time_point begin_;
};

void Print(const char* what, std::vector<double> values) {
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
  };
  fmt::print("  {:<22} {:8.1f} {:8.1f} {:8.1f}\n", what, at(0.5), at(0.99), values.back());
}

void PrintAll(const char* title, const Recorder& r) {
  fmt::print("{}: {} functions ({} trusted), {} ticks, {} left out, {} over time\n", title,
             r.functions, r.trusted, r.whole.size(), r.skipped, r.overrun);
  fmt::print("  {:<22} {:>8} {:>8} {:>8}\n", "ms", "p50", "p99", "max");
  Print("lateness", r.lateness);
  Print("tick", r.whole);
  Print("  observe", r.observe);
  Print("  decide", r.decide);
  Print("  apply", r.apply);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  if (r.whole.empty()) return fmt::print("  no tick in this time: give it more\n");
  fmt::print(
      "  CPU {:.2f} cores ({:.0f} ms a tick), memory {:.0f} MiB (peak {:.0f}), {} writes "
      "({:.1f}/s)\n",
      r.cpu / r.seconds, r.cpu * 1000 / static_cast<double>(r.whole.size()),
      ReadProcessFigures().resident_bytes / (1 << 20), static_cast<double>(usage.ru_maxrss) / 1024,
      r.writes, static_cast<double>(r.writes) / r.seconds);
}

struct Options {
  WorldSpec world;
  double period = 2, seconds = 180, observe_seconds = 60, writes = 50;
};

// Scrapes metrics every second and state every tenth, as operators do.
class Scraper {
 public:
  void Begin(int port) {
    thread_ = std::thread([this, port] {
      HttpClient client("bench");
      for (int n = 0; !stop_; ++n) {
        for (const char* path : {"/metrics", n % 10 == 0 ? "/api/v1/state" : "/healthz"}) {
          HttpRequest request;
          request.url = fmt::format("http://127.0.0.1:{}{}", port, path);
          const auto begin = std::chrono::steady_clock::now();
          const auto answer = client.Perform(request);
          if (!answer.ok() || answer->status >= 300) continue;
          const double took =
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
          if (std::string_view(path) == "/metrics") scrapes_ms.push_back(took * 1000);
        }
        std::this_thread::sleep_for(std::chrono::seconds(1));
      }
    });
  }
  void End() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::vector<double> scrapes_ms;

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

absl::Status RunPhase(const Options& options, const WorldAddress& world, const std::string& folder,
                      bool act, double seconds) {
  ServeConfig config;
  config.platform = PlatformKind::kKnative;
  config.knative.kubeconfig = folder + "/kubeconfig";
  config.knative.metrics = MetricsFrom::kPrometheus;
  config.knative.prometheus.url = world.prometheus;
  config.knative.metric_names = MetricNames::kOpenTelemetry;
  config.knative.annotated = AnnotatedObject::kRevision;
  config.knative.writes_per_second = options.writes;
  config.loop.period = SimTime::Micros(static_cast<int64_t>(options.period * 1e6));
  config.loop.mode = act ? ControlMode::kActive : ControlMode::kOff;
  config.loop.on_stop = OnStop::kKeep;  // handing all back takes long at this rate of writes
  config.policy.name = config.fallback.name = act ? "kpa" : "static";
  if (!act) config.knative.attach = AttachMode::kObserve;
  if (act) config.store.path = folder + "/reeve.db";
  config.http.listen = act ? "127.0.0.1:0" : "";
  config.log.level = LogLevel::kWarning;

  Recorder recorder;
  Scraper scraper;
  const auto begin = std::chrono::steady_clock::now();
  ServeHooks hooks;
  hooks.sink = &recorder;
  hooks.stop = [&] {
    return std::chrono::steady_clock::now() - begin > std::chrono::duration<double>(seconds);
  };
  hooks.on_started = [&](int port) {
    if (port != 0) scraper.Begin(port);
  };
  const absl::StatusOr<ServeSummary> summary = Serve(config, hooks);
  scraper.End();
  RETURN_IF_ERROR(summary.status());
  PrintAll(act ? "controlling" : "observing only", recorder);
  if (!scraper.scrapes_ms.empty()) {
    fmt::print("  {:<22} {:>8} {:>8} {:>8}\n", "", "p50", "p99", "max");
    Print("scrape of /metrics", scraper.scrapes_ms);
    fmt::print("  {} records stored, {} dropped\n", summary->stored, summary->dropped);
  }
  return absl::OkStatus();
}

absl::Status Run(const Options& options) {
  KnativeWorld world(options.world);
  const std::string folder =
      (std::filesystem::temp_directory_path() / fmt::format("reeve_scale_{}", getpid())).string();
  RETURN_IF_ERROR(MakeDirectories(folder));
  RETURN_IF_ERROR(WriteFileAtomically(
      folder + "/kubeconfig",
      fmt::format("current-context: t\nclusters: [{{name: t, cluster: {{server: '{}'}}}}]\n"
                  "contexts: [{{name: t, context: {{cluster: t, namespace: reeve}}}}]\n",
                  world.address().kube)));
  absl::Status status;
  for (const bool act : {false, true}) {
    const double before = world.CpuSeconds();
    const double seconds = act ? options.seconds : options.observe_seconds;
    if (seconds <= 0) continue;
    status = RunPhase(options, world.address(), folder, act, seconds);
    if (!status.ok()) break;
    fmt::print("  the cluster and its Prometheus beside it: {:.2f} cores\n\n",
               (world.CpuSeconds() - before) / seconds);
  }
  std::filesystem::remove_all(folder);
  return status;
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  reeve::Options options;
  CLI::App app("reeve serve over many Knative functions, in real time");
  app.add_option("--functions", options.world.functions, "functions, a pod each at least");
  app.add_option("--tenants", options.world.namespaces, "namespaces that they are in");
  app.add_option("--rps", options.world.busiest_rps, "requests a second of the busiest function");
  app.add_option("--period", options.period, "control period in seconds");
  app.add_option("--seconds", options.seconds, "of controlling");
  app.add_option("--observe-seconds", options.observe_seconds, "of only observing, before");
  app.add_option("--writes", options.writes, "writes a second at most");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = reeve::Run(options);
  if (status.ok()) return 0;
  fmt::print(stderr, "reeve: {}\n", reeve::MessageOf(status));
  return 3;
}
