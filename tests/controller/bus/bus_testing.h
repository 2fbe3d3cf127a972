// Requests as clients write them, for tests of the bus.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "controller/bus/bus.pb.h"
#include "controller/bus/messages.h"

namespace reeve {

inline bus::v1::Request MakeRequest(const std::string& session, uint64_t id) {
  bus::v1::Request request;
  request.set_version(kBusVersion);
  request.set_session(session);
  request.set_id(id);
  return request;
}

inline std::string HelloBytes(const std::string& session, uint64_t id, int functions) {
  bus::v1::Request request = MakeRequest(session, id);
  request.mutable_hello()->set_client("test");
  for (int f = 0; f < functions; ++f) {
    request.mutable_hello()->add_functions("function-" + std::to_string(f));
  }
  return request.SerializeAsString();
}

// The k-th control period of 2 s of a load that differs between functions.
inline Snapshot MakeWindow(int k, size_t functions) {
  Snapshot snapshot;
  snapshot.time = SimTime::Seconds(2 * k);
  snapshot.window = SimTime::Seconds(2);
  FunctionWindows& w = snapshot.functions;
  w.Resize(functions);
  for (size_t f = 0; f < functions; ++f) {
    const auto load = static_cast<uint32_t>((static_cast<size_t>(k) * (7 + f)) % 23);
    w.arrivals[f] = w.completions[f] = load;
    w.in_flight[f] = load / 3;
    w.mean_in_flight[f] = load / 3.0;
    w.containers_ready[f] = 1 + load / 4;
    w.replicas_asked[f] = w.containers_ready[f];
    w.latency_p50_ms[f] = 100;
    w.latency_p95_ms[f] = w.latency_p99_ms[f] = 250;
    w.execution_p50_ms[f] = w.execution_p95_ms[f] = w.execution_p99_ms[f] = 90;
    w.cpu_used_millicores[f] = 120 * load;
    w.memory_used_mebibytes[f] = 64 * load;
    w.cpu_limit[f] = Millicores(1000);
    w.memory_limit[f] = Mebibytes(256);
    w.concurrency_limit[f] = 1;
    w.slo_latency[f] = f % 2 == 0 ? SimTime::Millis(500) : SimTime::Max();
  }
  snapshot.cluster.cpu_capacity = Millicores::Cores(64);
  snapshot.cluster.memory_capacity = Mebibytes(262144);
  snapshot.cluster.nodes_ready = 4;
  return snapshot;
}

inline bus::v1::Request SnapshotRequest(const std::string& session, uint64_t id,
                                        const Snapshot& snapshot) {
  bus::v1::Request request = MakeRequest(session, id);
  WriteSnapshot(snapshot, *request.mutable_snapshot());
  return request;
}

inline bus::v1::Reply ParseReply(const std::string& bytes) {
  bus::v1::Reply reply;
  EXPECT_TRUE(reply.ParseFromString(bytes));
  EXPECT_EQ(reply.version(), kBusVersion);
  return reply;
}

}  // namespace reeve
