// The external scaler as KEDA sees it: over gRPC, by a client made from the public protocol.
#include "controller/keda/scaler_service.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "controller/keda/external_scaler.grpc.pb.h"
#include "core/files.h"
#include "core/status.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

namespace rpc = ::externalscaler;
using ::testing::HasSubstr;

std::unique_ptr<grpc::ClientContext> Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  return context;
}

rpc::ScaledObjectRef Ref(const std::string& name) {
  rpc::ScaledObjectRef ref;
  ref.set_name(name);
  ref.set_namespace_("ns");
  (*ref.mutable_scalermetadata())["tenant"] = "shop";
  return ref;
}

class ScalerServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(::testing::TempDir()) /
        ("scaler_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
    const TestCertificates& made = TestCertificates::Get();
    for (const auto& [name, text] :
         {std::pair{"ca", made.ca_pem}, std::pair{"server", made.server_pem},
          std::pair{"key", made.server_key_pem}}) {
      ASSERT_TRUE(WriteFileAtomically(Path(name), text).ok());
    }
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ / name; }

  void Start(ScalerListenSpec spec = {"127.0.0.1:0"}) {
    auto service = ScalerService::Start(spec, objects_);
    ASSERT_TRUE(service.ok()) << service.status();
    service_ = *std::move(service);
  }
  std::unique_ptr<rpc::ExternalScaler::Stub> Client(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials =
          grpc::InsecureChannelCredentials()) {
    return rpc::ExternalScaler::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(service_->port()), credentials));
  }
  // The status of one question.
  static grpc::Status Ask(rpc::ExternalScaler::Stub& client, bool* active = nullptr,
                          const rpc::ScaledObjectRef& ref = Ref("a")) {
    rpc::IsActiveResponse response;
    const grpc::Status status = client.IsActive(Context().get(), ref, &response);
    if (active != nullptr) *active = response.result();
    return status;
  }

  std::filesystem::path folder_;
  ScaledObjects objects_{100, SimTime::Minutes(10), NetClock::Real()};
  std::unique_ptr<ScalerService> service_;
};

TEST_F(ScalerServiceTest, TheSpecIsOneMetricOfTargetOne) {
  Start();
  rpc::GetMetricSpecResponse spec;
  ASSERT_TRUE(Client()->GetMetricSpec(Context().get(), Ref("a"), &spec).ok());
  ASSERT_EQ(spec.metricspecs_size(), 1);
  EXPECT_EQ(spec.metricspecs(0).metricname(), kReplicasMetric);
  EXPECT_EQ(spec.metricspecs(0).targetsize(), 1);
  EXPECT_EQ(spec.metricspecs(0).targetsizefloat(), 1.0);
  // Who asks is known from then on.
  const auto known = objects_.List();
  ASSERT_EQ(known.size(), 1u);
  EXPECT_EQ(known[0].object.key(), "ns/a");
  EXPECT_EQ(known[0].object.tenant, "shop");
}

TEST_F(ScalerServiceTest, AnswersTheCountThatWasDecidedAndNothingBefore) {
  Start();
  const auto client = Client();
  rpc::GetMetricsRequest request;
  *request.mutable_scaledobjectref() = Ref("a");
  request.set_metricname(kReplicasMetric);
  rpc::GetMetricsResponse response;
  grpc::Status status = client->GetMetrics(Context().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("ns/a"));
  EXPECT_EQ(Ask(*client).error_code(), grpc::StatusCode::UNAVAILABLE);

  bool active = false;
  objects_.SetTarget("ns/a", 7);
  ASSERT_TRUE(client->GetMetrics(Context().get(), request, &response).ok());
  ASSERT_EQ(response.metricvalues_size(), 1);
  EXPECT_EQ(response.metricvalues(0).metricname(), kReplicasMetric);
  EXPECT_EQ(response.metricvalues(0).metricvalue(), 7);
  EXPECT_EQ(response.metricvalues(0).metricvaluefloat(), 7.0);
  EXPECT_TRUE(Ask(*client, &active).ok());
  EXPECT_TRUE(active);

  objects_.SetTarget("ns/a", 0);
  EXPECT_TRUE(Ask(*client, &active).ok());
  EXPECT_FALSE(active);
  objects_.Withdraw("ns/a");
  EXPECT_EQ(Ask(*client).error_code(), grpc::StatusCode::UNAVAILABLE);
  request.set_metricname("another");
  EXPECT_EQ(client->GetMetrics(Context().get(), request, &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(ScalerServiceTest, StreamsTellChangesAndAreOpenedAgain) {
  Start();
  objects_.Asked(*ReadScaledObject("ns", "a", {})).IgnoreError();
  objects_.SetTarget("ns/a", 1);
  const auto client = Client();
  for (int round = 0; round < 2; ++round) {  // as KEDA does when a stream breaks
    const auto context = Context();
    const auto stream = client->StreamIsActive(context.get(), Ref("a"));
    rpc::IsActiveResponse answer;
    ASSERT_TRUE(stream->Read(&answer));
    EXPECT_TRUE(answer.result());
    objects_.SetTarget("ns/a", 0);
    ASSERT_TRUE(stream->Read(&answer));
    EXPECT_FALSE(answer.result());
    objects_.SetTarget("ns/a", 4);
    ASSERT_TRUE(stream->Read(&answer));
    EXPECT_TRUE(answer.result());
    context->TryCancel();
    EXPECT_FALSE(stream->Read(&answer));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
}

TEST_F(ScalerServiceTest, TargetsAreStreamedAndAgreeWithTheSpec) {
  Start();
  const auto client = Client();
  const auto context = Context();
  const auto stream = client->StreamMetricSpec(context.get(), Ref("a"));
  rpc::GetMetricSpecResponse first, asked;
  ASSERT_TRUE(stream->Read(&first));
  ASSERT_TRUE(client->GetMetricSpec(Context().get(), Ref("a"), &asked).ok());
  EXPECT_EQ(first.SerializeAsString(), asked.SerializeAsString());
  context->TryCancel();
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(ScalerServiceTest, AnEndedServiceEndsStreamsAndANewOneIsReachedAgain) {
  Start();
  objects_.Asked(*ReadScaledObject("ns", "a", {})).IgnoreError();
  objects_.SetTarget("ns/a", 1);
  const int port = service_->port();
  const auto client = Client();
  const auto context = Context();
  const auto stream = client->StreamIsActive(context.get(), Ref("a"));
  rpc::IsActiveResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  service_.reset();
  EXPECT_FALSE(stream->Read(&answer));
  EXPECT_FALSE(stream->Finish().ok());
  Start({"127.0.0.1:" + std::to_string(port)});
  const auto again = Context();
  again->set_wait_for_ready(true);
  const auto second = client->StreamIsActive(again.get(), Ref("a"));
  ASSERT_TRUE(second->Read(&answer));
  EXPECT_TRUE(answer.result());
  again->TryCancel();
  EXPECT_FALSE(second->Finish().ok());
}

TEST_F(ScalerServiceTest, WhatCannotBeIsRefusedAndCostsNothing) {
  Start();
  const auto client = Client();
  rpc::ScaledObjectRef ref = Ref("a");
  (*ref.mutable_scalermetadata())["maxReplicas"] = "many";
  grpc::Status status = Ask(*client, nullptr, ref);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("metadata.maxReplicas"));
  const auto context = Context();
  EXPECT_EQ(client->StreamIsActive(context.get(), ref)->Finish().error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  (*ref.mutable_scalermetadata())["maxReplicas"] = std::string(70'000, '9');
  EXPECT_EQ(Ask(*client, nullptr, ref).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(objects_.List().empty());
  for (int i = 0; i < 100; ++i) Ask(*client, nullptr, Ref("f" + std::to_string(i)));
  EXPECT_EQ(objects_.List().size(), 100u);
  EXPECT_EQ(Ask(*client, nullptr, Ref("one-more")).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ScalerServiceTest, OverTlsOnlyWhoShowsACertificateOfOursGetsIn) {
  Start({"127.0.0.1:0", {Path("server"), Path("key"), Path("ca")}});
  objects_.Asked(*ReadScaledObject("ns", "a", {})).IgnoreError();
  objects_.SetTarget("ns/a", 1);
  const TestCertificates& made = TestCertificates::Get();
  const auto with = [&](const std::string& ca, const std::string& key, const std::string& pem) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ca;
    options.pem_private_key = key;
    options.pem_cert_chain = pem;
    return Ask(*Client(grpc::SslCredentials(options)));
  };
  const grpc::Status known = with(made.ca_pem, made.client_key_pem, made.client_pem);
  EXPECT_TRUE(known.ok()) << known.error_message();
  EXPECT_FALSE(with(made.ca_pem, "", "").ok());
  EXPECT_FALSE(with(made.other_ca_pem, made.client_key_pem, made.client_pem).ok());
  EXPECT_FALSE(Ask(*Client()).ok());  // without TLS
}

TEST_F(ScalerServiceTest, WithoutAnAuthorityForClientsTlsIsEnough) {
  Start({"127.0.0.1:0", {Path("server"), Path("key"), ""}});
  objects_.Asked(*ReadScaledObject("ns", "a", {})).IgnoreError();
  objects_.SetTarget("ns/a", 1);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = TestCertificates::Get().ca_pem;
  EXPECT_TRUE(Ask(*Client(grpc::SslCredentials(options))).ok());
}

TEST_F(ScalerServiceTest, OthersAreLetInByCertificateOrByDecisionOnly) {
  const auto open = ScalerService::Start({"0.0.0.0:0"}, objects_);
  ASSERT_FALSE(open.ok());
  EXPECT_EQ(open.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(MessageOf(open.status()), HasSubstr("keda.tls"));
  EXPECT_FALSE(
      ScalerService::Start({"0.0.0.0:0", {Path("server"), Path("key"), ""}}, objects_).ok());
  EXPECT_TRUE(ScalerService::Start({"0.0.0.0:0", {}, true}, objects_).ok());
  Start();
  const auto taken =
      ScalerService::Start({"127.0.0.1:" + std::to_string(service_->port())}, objects_);
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ScalerService::Start({"127.0.0.1:0", {Path("none"), Path("key"), ""}}, objects_)
                .status()
                .code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace reeve
