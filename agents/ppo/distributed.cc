#include "agents/ppo/distributed.h"

#include <fmt/format.h>

#include <torch/csrc/distributed/c10d/exception.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <limits>
#include <span>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>
#include <vector>

#include "agents/nn/torch.h"
#include "core/check.h"
#include "core/config.h"
#include "core/status.h"

namespace reeve {
namespace {

std::chrono::milliseconds Milliseconds(SimTime time) {
  return std::chrono::milliseconds(time.micros() / 1000);
}

// What c10d and gloo throw, by what they say: of gloo's exceptions only the text survives c10d.
absl::Status FromException(const std::exception& error, const std::string& doing) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string what =
      torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  const std::string message = doing + ": " + what;
  const bool late = dynamic_cast<const c10d::TimeoutError*>(&error) != nullptr ||
                    what.find("imed out") != std::string::npos ||
                    what.find("imeout") != std::string::npos;
  return late ? absl::DeadlineExceededError(message) : absl::UnavailableError(message);
}

template <class T>
at::Tensor View(T* values, int64_t count) {
  return at::from_blob(values, {count}, c10::CppTypeToScalarType<T>::value);
}

class GlooCollective final : public Collective {
 public:
  GlooCollective(const RankSpec& spec, std::chrono::milliseconds timeout,
                 c10::intrusive_ptr<c10d::ProcessGroupGloo> group)
      : spec_(spec), timeout_(timeout), group_(std::move(group)) {}

  int32_t rank() const override { return spec_.rank; }
  int32_t world() const override { return spec_.world; }

  absl::Status SumInPlace(std::span<float> values) override {
    return Sum(values, floats_, timeout_);
  }
  absl::Status SumInPlace(std::span<double> values) override {
    return Sum(values, doubles_, timeout_);
  }

  // Returns when every rank has connected to every other. A group is there for one rank while
  // others still connect to it; left then, it would fail their meeting, not their first exchange.
  absl::Status Meet(std::chrono::milliseconds timeout) {
    double here = 1;
    return Sum(std::span(&here, 1), doubles_, timeout);
  }

 private:
  using Work = c10::intrusive_ptr<c10d::Work>;

  // Sends `values` to every rank, receives theirs into `received` [world, count], adds them up. One
  // message for each pair, not one collective call, so that an error has a peer.
  template <class T>
  absl::Status Sum(std::span<T> values, std::vector<T>& received,
                   std::chrono::milliseconds timeout) {
    if (values.empty()) return absl::OkStatus();
    const size_t count = values.size();
    received.resize(count * static_cast<size_t>(spec_.world));
    const int tag = NextTag();
    std::vector<Work> works(2 * static_cast<size_t>(spec_.world));
    for (int32_t peer = 0; peer < spec_.world; ++peer) {
      if (peer == spec_.rank) continue;
      const auto p = static_cast<size_t>(peer);
      RETURN_IF_ERROR(AtPeer(peer, [&] {
        std::vector<at::Tensor> in = {View(received.data() + p * count, values.size())};
        std::vector<at::Tensor> out = {View(values.data(), values.size())};
        works[2 * p] = group_->recv(in, peer, tag);
        works[2 * p + 1] = group_->send(out, peer, tag);
      }));
    }
    for (int32_t peer = 0; peer < spec_.world; ++peer) {
      if (peer == spec_.rank) continue;
      const auto p = static_cast<size_t>(peer);
      RETURN_IF_ERROR(AtPeer(peer, [&] {
        works[2 * p]->wait(timeout);
        works[2 * p + 1]->wait(timeout);
      }));
    }
    std::copy(values.begin(), values.end(),
              received.begin() + static_cast<std::ptrdiff_t>(spec_.rank * count));
    for (size_t i = 0; i < count; ++i) {
      double sum = 0;
      for (size_t p = 0; p < static_cast<size_t>(spec_.world); ++p) sum += received[p * count + i];
      values[i] = static_cast<T>(sum);
    }
    return absl::OkStatus();
  }

  template <class F>
  absl::Status AtPeer(int32_t peer, F&& action) {
    try {
      action();
      return absl::OkStatus();
    } catch (const std::exception& error) {
      return FromException(error, fmt::format("rank {} of {}: exchange with rank {} failed",
                                              spec_.rank, spec_.world, peer));
    }
  }

  // Tells the messages of one call from those of the next.
  int NextTag() {
    tag_ = tag_ == std::numeric_limits<int>::max() ? 1 : tag_ + 1;
    return tag_;
  }

  const RankSpec spec_;
  const std::chrono::milliseconds timeout_;
  const c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  int tag_ = 0;
  std::vector<float> floats_;    // [world, count] of the last call
  std::vector<double> doubles_;  // [world, count] of the last call
};

// Where this rank's sockets listen: on one machine the loopback, else as torch's own launchers have
// it: the interface of GLOO_SOCKET_IFNAME, or what the host's name resolves to.
std::shared_ptr<gloo::transport::Device> MakeDevice(const RankSpec& spec) {
  if (spec.address == "localhost" || spec.address.rfind("127.", 0) == 0) {
    return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  }
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME")) {
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  }
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

// The variable as a number of [lowest, highest].
absl::StatusOr<int32_t> NumberFromEnvironment(const char* name, int32_t lowest, int32_t highest) {
  const char* text = std::getenv(name);
  if (text == nullptr) {
    return absl::InvalidArgumentError(fmt::format(
        "{} is not set: training over processes needs RANK, WORLD_SIZE, MASTER_ADDR and "
        "MASTER_PORT, as torchrun sets them",
        name));
  }
  int32_t value = 0;
  std::string what;
  if (!config_internal::ReadScalar(text, value, what) || value < lowest || value > highest) {
    return absl::InvalidArgumentError(
        fmt::format("{}='{}' is not a whole number from {} to {}", name, text, lowest, highest));
  }
  return value;
}

}  // namespace

absl::StatusOr<RankSpec> RankSpec::FromEnvironment() {
  RankSpec spec;
  const bool any = std::getenv("RANK") != nullptr || std::getenv("WORLD_SIZE") != nullptr;
  if (!any) return spec;
  constexpr int32_t kMost = 4096;
  ASSIGN_OR_RETURN(spec.world, NumberFromEnvironment("WORLD_SIZE", 1, kMost));
  ASSIGN_OR_RETURN(spec.rank, NumberFromEnvironment("RANK", 0, spec.world - 1));
  if (spec.world == 1) return spec;
  const char* address = std::getenv("MASTER_ADDR");
  if (address == nullptr || *address == '\0') {
    return absl::InvalidArgumentError(
        "MASTER_ADDR is not set: the host of rank 0, where all ranks meet");
  }
  spec.address = address;
  ASSIGN_OR_RETURN(const int32_t port, NumberFromEnvironment("MASTER_PORT", 1, 65535));
  spec.port = static_cast<uint16_t>(port);
  return spec;
}

absl::StatusOr<std::unique_ptr<Collective>> JoinRanks(const RankSpec& spec,
                                                      const RankTimeouts& timeouts) {
  REEVE_CHECK(spec.world >= 1 && spec.rank >= 0 && spec.rank < spec.world);
  if (spec.world == 1) return std::make_unique<Collective>();
  std::signal(SIGPIPE, SIG_IGN);
  try {
    c10d::TCPStoreOptions store_options;
    store_options.port = spec.port;
    store_options.isServer = spec.rank == 0;
    store_options.numWorkers = static_cast<size_t>(spec.world);
    store_options.timeout = Milliseconds(timeouts.join);
    auto store = c10::make_intrusive<c10d::TCPStore>(spec.address, store_options);
    auto options = c10d::ProcessGroupGloo::Options::create(Milliseconds(timeouts.join));
    options->devices.push_back(MakeDevice(spec));
    options->threads = 1;
    auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(store, spec.rank, spec.world, options);
    auto ranks =
        std::make_unique<GlooCollective>(spec, Milliseconds(timeouts.exchange), std::move(group));
    RETURN_IF_ERROR(ranks->Meet(Milliseconds(timeouts.join)));
    return ranks;
  } catch (const std::exception& error) {
    return FromException(error, fmt::format("rank {} of {}: cannot meet the others at {}:{}",
                                            spec.rank, spec.world, spec.address, spec.port));
  }
}

}  // namespace reeve
