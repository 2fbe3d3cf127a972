// Data-parallel training over processes: torch's c10d with Gloo, started by whatever sets
// torchrun's variables (torchrun, Slurm, a Kubernetes PyTorchJob). Without torch's headers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/ppo/collective.h"
#include "core/units.h"

namespace reeve {

// Which of how many processes this is, and where they meet: rank 0 listens there.
struct RankSpec {
  int32_t rank = 0;
  int32_t world = 1;
  std::string address = "127.0.0.1";
  uint16_t port = 29500;

  // From RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT. Without the first two: one process.
  // Errors name the variable, its value and what is allowed; all four are needed for more than one
  // process.
  static absl::StatusOr<RankSpec> FromEnvironment();
};

struct RankTimeouts {
  SimTime join = SimTime::Minutes(10);  // until all ranks are there: schedulers start them apart
  SimTime exchange =
      SimTime::Minutes(30);  // of every call: as far as the slowest rank may be behind
};

// Meets the other ranks; returns when all are connected to all. world == 1: a Collective that does
// nothing, without a socket. Ranks that are not there in time are DeadlineExceeded, one that went
// away is Unavailable; the message names the rank, or the meeting point. From here on the process
// ignores SIGPIPE, as writing to a rank that went away would end it.
//
// Sums are made in the order of the ranks, in double, by every rank alike (an all-gather, then a
// local sum): their bits depend neither on timing nor on how the network cuts messages. That moves
// world times the data of a ring; parameters of this project's networks are well below 1 MB.
absl::StatusOr<std::unique_ptr<Collective>> JoinRanks(const RankSpec& spec,
                                                      const RankTimeouts& timeouts = {});

}  // namespace reeve
