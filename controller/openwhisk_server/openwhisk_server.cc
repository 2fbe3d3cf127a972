#include "controller/openwhisk_server/openwhisk_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "controller/net/listen_address.h"
#include "controller/openwhisk_server/model.h"
#include "controller/serve/http_listener.h"
#include "controller/serve/server_tls.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

// Between two looks at the clock while something is under way.
constexpr std::chrono::milliseconds kStep{1};

HttpLimits LimitsFor(const ServerConfig& config) {
  HttpLimits limits;
  limits.connections = 4096;
  limits.head_bytes = 16 << 10;
  limits.body_bytes = static_cast<size_t>(config.limits.code_size.value() + 2) << 20;
  limits.request_time = SimTime::Minutes(1);
  limits.requests = 1'000'000'000;
  return limits;
}

}  // namespace

class OpenWhiskServer::Impl {
 public:
  Impl(double time_scale, NetClock& clock)
      : time_scale_(time_scale), clock_(clock), origin_(clock.Now()), wall_(clock.WallNow()) {}

  ~Impl() {
    listener_.reset();
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    if (stepper_.joinable()) stepper_.join();
  }

  absl::Status Start(const ServerConfig& config, std::unique_ptr<const Trace> load) {
    ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress("listen", config.listen));
    if (!address.loopback && config.tls.certificate.empty()) {
      return absl::FailedPreconditionError(
          "listen: " + config.listen +
          " can be reached from other machines, and keys would go there in the clear: set "
          "tls.certificate and tls.key, or listen on 127.0.0.1");
    }
    std::unique_ptr<ServerTls> tls;
    if (!config.tls.certificate.empty()) {
      tls_ = true;
      ASSIGN_OR_RETURN(tls, ServerTls::Load(config.tls));
    }
    ASSIGN_OR_RETURN(model_, Model::Make(config, std::move(load), wall_));
    HttpHandlers handlers;
    handlers.judge = [this](const ServedRequest& head) { return model_->Judge(head); };
    handlers.answer_later = [this](const ServedRequest& request, Reply reply) {
      {
        const std::lock_guard lock(mutex_);
        Play();
        model_->Handle(request, std::move(reply));
      }
      changed_.notify_all();
    };
    auto listener = HttpListener::Start(address.host, address.port, std::move(tls),
                                        std::move(handlers), LimitsFor(config));
    if (!listener.ok()) {
      std::string why = MessageOf(listener.status());
      if (why.starts_with("http.")) why.erase(0, 5);
      return absl::Status(listener.status().code(), why);
    }
    listener_ = *std::move(listener);
    stepper_ = std::thread([this] { StepUntilStopped(); });
    return absl::OkStatus();
  }

  int port() const { return listener_->port(); }
  std::string url() const {
    return fmt::format("{}://127.0.0.1:{}", tls_ ? "https" : "http", port());
  }
  void SetFaults(std::vector<FaultSpec> faults) {
    const std::lock_guard lock(mutex_);
    Play();
    model_->SetFaults(std::move(faults));
  }
  uint64_t faults_met() {
    const std::lock_guard lock(mutex_);
    return model_->faults_met();
  }
  void CatchUp() {
    const std::lock_guard lock(mutex_);
    Play();
  }
  ExecutorFigures figures() {
    const std::lock_guard lock(mutex_);
    return model_->figures();
  }

 private:
  // With mutex_ held.
  void Play() {
    const SimTime passed = clock_.Now() - origin_;
    const SimTime time =
        time_scale_ == 1 ? passed : SimTime::FromSeconds(passed.seconds() * time_scale_);
    model_->AdvanceTo(std::max(time, model_->now()));
  }

  void StepUntilStopped() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      Play();
      if (model_->busy()) {
        changed_.wait_for(lock, kStep);
      } else {
        changed_.wait(lock);
      }
    }
  }

  const double time_scale_;
  NetClock& clock_;
  const SimTime origin_, wall_;
  bool tls_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;             // guarded by mutex_
  std::unique_ptr<Model> model_;  // guarded by mutex_, but for Judge
  std::unique_ptr<HttpListener> listener_;
  std::thread stepper_;
};

OpenWhiskServer::OpenWhiskServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpenWhiskServer::~OpenWhiskServer() = default;

absl::StatusOr<std::unique_ptr<OpenWhiskServer>> OpenWhiskServer::Start(
    const ServerConfig& config, std::unique_ptr<const Trace> load, NetClock& clock) {
  RETURN_IF_ERROR(config.Validate());
  auto impl = std::make_unique<Impl>(config.time_scale, clock);
  RETURN_IF_ERROR(impl->Start(config, std::move(load)));
  return std::unique_ptr<OpenWhiskServer>(new OpenWhiskServer(std::move(impl)));
}

int OpenWhiskServer::port() const {
  return impl_->port();
}
std::string OpenWhiskServer::url() const {
  return impl_->url();
}
void OpenWhiskServer::SetFaults(std::vector<FaultSpec> faults) {
  impl_->SetFaults(std::move(faults));
}
uint64_t OpenWhiskServer::faults_met() const {
  return impl_->faults_met();
}
void OpenWhiskServer::CatchUp() {
  impl_->CatchUp();
}
ExecutorFigures OpenWhiskServer::figures() const {
  return impl_->figures();
}

}  // namespace reeve::openwhisk_server
