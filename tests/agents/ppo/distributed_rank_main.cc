// One rank of tests/agents/ppo/distributed_test.cc: joins by torchrun's variables, sums, prints.
//   distributed_rank sum          prints the bits of sums over the ranks
//   distributed_rank slow         as `sum`, but rank 1 waits half a second first
//   distributed_rank late         rank 1 comes to the sums too late
//   distributed_rank vanish       rank 1 leaves without summing
//   distributed_rank train        trains a little, prints the parameters
//   distributed_rank alone        waits for other ranks for half a second only
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "agents/ppo/distributed.h"
#include "core/status.h"
#include "tests/agents/ppo/distributed_training.h"

namespace {

using reeve::Collective;
using namespace std::chrono_literals;

int Fail(const absl::Status& status) {
  std::printf("%s: %s\n", absl::StatusCodeToString(status.code()).c_str(),
              reeve::MessageOf(status).c_str());
  return 1;
}

// Numbers whose sum depends on the order of the addends.
absl::Status SumAndPrint(Collective& collective) {
  for (int call = 0; call < 3; ++call) {
    std::vector<float> floats(1000);
    std::vector<double> doubles(7);
    for (size_t i = 0; i < floats.size(); ++i) {
      floats[i] = static_cast<float>(call + 1) * (collective.rank() == 0 ? 1e8f : 0.1f) +
                  static_cast<float>(i);
    }
    for (size_t i = 0; i < doubles.size(); ++i) {
      doubles[i] = static_cast<double>(i) + 0.1 * (collective.rank() + 1);
    }
    RETURN_IF_ERROR(collective.SumInPlace(floats));
    RETURN_IF_ERROR(collective.SumInPlace(doubles));
    std::printf("%08x %08x %016lx %016lx\n", std::bit_cast<uint32_t>(floats[0]),
                std::bit_cast<uint32_t>(floats[999]), std::bit_cast<uint64_t>(doubles[0]),
                std::bit_cast<uint64_t>(doubles[6]));
  }
  return absl::OkStatus();
}

absl::Status TrainAndPrint(Collective& collective) {
  ASSIGN_OR_RETURN(const std::vector<float> parameters, reeve::TrainedParameters(collective));
  for (const float parameter : parameters) std::printf("%.9g\n", static_cast<double>(parameter));
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "sum";
  const auto spec = reeve::RankSpec::FromEnvironment();
  if (!spec.ok()) return Fail(spec.status());
  const auto collective = reeve::JoinRanks(
      *spec,
      {.join = mode == "alone" ? reeve::SimTime::FromSeconds(0.5) : reeve::SimTime::Minutes(1),
       .exchange = mode == "late" ? reeve::SimTime::FromSeconds(0.5) : reeve::SimTime::Minutes(1)});
  if (!collective.ok()) return Fail(collective.status());
  if (spec->rank == 1 && mode == "vanish") return 0;
  if (spec->rank == 1 && mode == "slow") std::this_thread::sleep_for(500ms);
  if (spec->rank == 1 && mode == "late") std::this_thread::sleep_for(2500ms);
  const absl::Status done =
      mode == "train" ? TrainAndPrint(**collective) : SumAndPrint(**collective);
  return done.ok() ? 0 : Fail(done);
}
