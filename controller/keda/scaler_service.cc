#include "controller/keda/scaler_service.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "controller/keda/external_scaler.grpc.pb.h"
#include "controller/keda/push_stream.h"
#include "controller/net/listen_address.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

namespace rpc = ::externalscaler;

// Questions are some hundred bytes: a ScaledObject's metadata.
constexpr int kLargestMessage = 64 * 1024;
constexpr size_t kMostMemory = size_t{128} << 20;
constexpr int kMostStreams = 10000;  // on one connection: a push trigger has two

absl::StatusOr<ScaledObject> ObjectOf(const rpc::ScaledObjectRef& ref) {
  return ReadScaledObject(ref.namespace_(), ref.name(),
                          {ref.scalermetadata().begin(), ref.scalermetadata().end()});
}

void FillSpec(rpc::GetMetricSpecResponse& response) {
  rpc::MetricSpec& spec = *response.add_metricspecs();
  spec.set_metricname(kReplicasMetric);
  spec.set_targetsize(1);
  spec.set_targetsizefloat(1);
}

rpc::IsActiveResponse ActiveAnswer(bool active) {
  rpc::IsActiveResponse response;
  response.set_result(active);
  return response;
}

class ActiveStream : public PushStream<rpc::IsActiveResponse> {
 public:
  ActiveStream(ScaledObjects& objects, const ScaledObject& object)
      : objects_(objects), key_(object.key()) {
    // Calls may come while the stream ends: what they reach outlives it.
    const auto outlet = std::make_shared<Outlet>(this);
    outlet_ = outlet;
    const absl::StatusOr<uint64_t> number =
        objects_.Listen(object, std::make_shared<const ScaledObjects::Listener>(
                                    [outlet](bool active) { outlet->Push(ActiveAnswer(active)); }));
    if (number.ok()) {
      number_ = *number;
    } else {
      End(ToGrpc(number.status()));
    }
  }

 private:
  void Ended() override {
    outlet_->Close();
    if (number_ != 0) objects_.StopListening(key_, number_);
  }

  ScaledObjects& objects_;
  const std::string key_;
  std::shared_ptr<Outlet> outlet_;
  uint64_t number_ = 0;
};

class SpecStream : public PushStream<rpc::GetMetricSpecResponse> {
 public:
  SpecStream() {
    rpc::GetMetricSpecResponse response;
    FillSpec(response);
    Push(std::move(response));
  }

 private:
  void Ended() override {}
};

class Service final : public rpc::ExternalScaler::CallbackService {
 public:
  explicit Service(ScaledObjects& objects) : objects_(objects) {}

  grpc::ServerUnaryReactor* IsActive(grpc::CallbackServerContext* context,
                                     const rpc::ScaledObjectRef* request,
                                     rpc::IsActiveResponse* response) override {
    const absl::StatusOr<int32_t> target = TargetOf(*request);
    if (target.ok()) response->set_result(*target > 0);
    return Answer(context, target.status());
  }

  grpc::ServerUnaryReactor* GetMetricSpec(grpc::CallbackServerContext* context,
                                          const rpc::ScaledObjectRef* request,
                                          rpc::GetMetricSpecResponse* response) override {
    const absl::Status asked = Asked(*request);
    if (asked.ok()) FillSpec(*response);
    return Answer(context, asked);
  }

  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context,
                                       const rpc::GetMetricsRequest* request,
                                       rpc::GetMetricsResponse* response) override {
    // KEDA puts "s0-" and the like before the name in its HorizontalPodAutoscaler, not here.
    if (!request->metricname().empty() && request->metricname() != kReplicasMetric) {
      return Answer(context,
                    absl::NotFoundError(std::string("the only metric is ") + kReplicasMetric));
    }
    const absl::StatusOr<int32_t> target = TargetOf(request->scaledobjectref());
    if (target.ok()) {
      rpc::MetricValue& value = *response->add_metricvalues();
      value.set_metricname(kReplicasMetric);
      value.set_metricvalue(*target);
      value.set_metricvaluefloat(*target);
    }
    return Answer(context, target.status());
  }

  grpc::ServerWriteReactor<rpc::IsActiveResponse>* StreamIsActive(
      grpc::CallbackServerContext*, const rpc::ScaledObjectRef* request) override {
    const absl::StatusOr<ScaledObject> object = ObjectOf(*request);
    if (!object.ok()) return new RefusedStream<rpc::IsActiveResponse>(object.status());
    return new ActiveStream(objects_, *object);
  }

  grpc::ServerWriteReactor<rpc::GetMetricSpecResponse>* StreamMetricSpec(
      grpc::CallbackServerContext*, const rpc::ScaledObjectRef* request) override {
    const absl::Status asked = Asked(*request);
    if (!asked.ok()) return new RefusedStream<rpc::GetMetricSpecResponse>(asked);
    return new SpecStream();
  }

 private:
  absl::Status Asked(const rpc::ScaledObjectRef& ref) {
    ASSIGN_OR_RETURN(const ScaledObject object, ObjectOf(ref));
    return objects_.Asked(object);
  }
  absl::StatusOr<int32_t> TargetOf(const rpc::ScaledObjectRef& ref) {
    ASSIGN_OR_RETURN(const ScaledObject object, ObjectOf(ref));
    RETURN_IF_ERROR(objects_.Asked(object));
    return objects_.Target(object.key());
  }
  static grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                          const absl::Status& status) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(ToGrpc(status));
    return reactor;
  }

  ScaledObjects& objects_;
};

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(const TlsSpec& tls) {
  if (tls.certificate.empty()) return grpc::InsecureServerCredentials();
  // gRPC itself would only say that a handshake failed.
  for (const std::string* path : {&tls.certificate, &tls.key, &tls.client_ca}) {
    if (!path->empty()) RETURN_IF_ERROR(ReadFile(*path).status());
  }
  namespace ex = grpc::experimental;
  constexpr unsigned kSecondsToRead = 5;
  const auto files = std::make_shared<ex::FileWatcherCertificateProvider>(
      tls.key, tls.certificate, tls.client_ca, kSecondsToRead);
  ex::TlsServerCredentialsOptions options(files);
  options.watch_identity_key_cert_pairs();
  if (!tls.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return ex::TlsServerCredentials(options);
}

}  // namespace

class ScalerService::Impl {
 public:
  explicit Impl(ScaledObjects& objects) : service_(objects) {}
  ~Impl() {
    if (!server_) return;
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    server_->Wait();
  }

  absl::Status Listen(const ScalerListenSpec& spec, const ListenAddress& address) {
    ASSIGN_OR_RETURN(const auto credentials, Credentials(spec.tls));
    const bool six = address.host.find(':') != std::string::npos;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(
        fmt::format("{}{}{}:{}", six ? "[" : "", address.host, six ? "]" : "", address.port),
        credentials, &port_);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(kLargestMessage);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMostStreams);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // A peer that is gone without a word frees its streams.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    grpc::ResourceQuota quota("external scaler");
    quota.Resize(kMostMemory);
    builder.SetResourceQuota(quota);
    server_ = builder.BuildAndStart();
    if (!server_ || port_ == 0) {
      return absl::UnavailableError("keda.listen: cannot listen on " + spec.listen +
                                    ": the port is taken or the address is not this machine's");
    }
    return absl::OkStatus();
  }
  int port() const { return port_; }

 private:
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

absl::StatusOr<std::unique_ptr<ScalerService>> ScalerService::Start(const ScalerListenSpec& spec,
                                                                    ScaledObjects& objects) {
  ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress("keda.listen", spec.listen));
  if (!address.loopback && spec.tls.client_ca.empty() && !spec.trust_network) {
    return absl::FailedPreconditionError(
        "keda.listen: " + spec.listen +
        " can be reached from other machines: set keda.tls with client_ca, so that only KEDA gets "
        "in, or keda.trust_network where a NetworkPolicy sees to that");
  }
  // gRPC writes a line for every handshake that fails, in a form of its own: whoever reaches the
  // port could fill the log. What fails here is in statuses.
  gpr_set_log_function([](gpr_log_func_args*) {});
  auto impl = std::make_unique<Impl>(objects);
  RETURN_IF_ERROR(impl->Listen(spec, address));
  return std::unique_ptr<ScalerService>(new ScalerService(std::move(impl)));
}

ScalerService::ScalerService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ScalerService::~ScalerService() = default;

int ScalerService::port() const {
  return impl_->port();
}

}  // namespace reeve
