// Counter-based random numbers: every draw is a pure function of (seed, stream, index).
//
// Nothing is shared or advanced behind one's back, so draws do not depend on threads, on the order
// in which functions are simulated, or on how many functions there are. The generator is
// Philox4x32-10: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11; the
// known answers of its authors' test file are checked in tests/core/random_test.cc.
#pragma once

#include <array>
#include <cstdint>

namespace reeve {

// The 128-bit block number `counter` of the Philox4x32-10 generator with 64-bit `key`.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// What a stream is used for. Streams of different purposes never share a draw.
// The values are part of the meaning of a seed: never renumber.
enum class StreamPurpose : uint32_t {
  kArrivals = 1,      // when invocations arrive within their minute
  kServiceTime = 2,   // how much work each invocation is
  kColdStart = 3,     // how long each container takes to start
  kFailure = 4,       // when containers and nodes fail
  kPlacement = 5,     // tie-breaking and random placement
  kGenerator = 6,     // synthetic populations
  kPolicy = 7,        // policies that explore
  kPerturbation = 8,  // noise put on metrics and actuation
  kTraceEdit = 9,     // thinning and sampling of traces
  kBootstrap = 10,    // resampling for confidence intervals
  kSearch = 11,       // candidates of a random search
  kInitialise = 12,   // first weights of networks
  kExploration = 13,  // actions that learners sample
  kEpisodes = 14,     // seeds of the episodes a learner trains on
  kMiniBatches = 15,  // which environments make up a mini-batch
  kEpisode = 16,      // seed and beginning of each episode of an environment
  kAnchors = 17,      // which past situations are kept, and which a policy is held to
  kFisher = 18,       // steps by which the importance of parameters is estimated
  kBackoff = 19,      // jitter of waits before a request is tried again
};

// A stream of independent draws, addressed by index. Copyable, stateless, thread-safe.
class RandomStream {
 public:
  constexpr RandomStream() = default;
  constexpr RandomStream(uint64_t seed, StreamPurpose purpose, uint32_t id)
      : seed_(seed), purpose_(static_cast<uint32_t>(purpose)), id_(id) {}

  // 64 uniform bits.
  uint64_t Bits(uint64_t index) const;
  // Uniform in the open interval (0, 1), 52 bits: the centres of 2^52 equal cells.
  double Uniform(uint64_t index) const { return ToUnit(Bits(index)); }
  // Two independent uniforms of one block: cheaper than two calls. Uniform(i) is the first.
  std::array<double, 2> UniformPair(uint64_t index) const;
  // Uniform integer in [0, n), n >= 1; bias below n / 2^64.
  uint64_t Below(uint64_t index, uint64_t n) const;
  // Standard exponential (mean 1) and standard normal by inversion, so monotone in the uniform.
  double Exponential(uint64_t index) const;
  double Normal(uint64_t index) const;

  // One bit less than a double holds, so that adding the half is exact and 1 is never returned.
  static constexpr double ToUnit(uint64_t bits) {
    return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
  }

 private:
  uint64_t seed_ = 0;
  uint32_t purpose_ = 0;
  uint32_t id_ = 0;
};

// A cursor over a RandomStream for code that just wants the next number.
class RandomCursor {
 public:
  explicit RandomCursor(RandomStream stream) : stream_(stream) {}
  double Uniform() { return stream_.Uniform(next_++); }
  double Exponential() { return stream_.Exponential(next_++); }
  double Normal() { return stream_.Normal(next_++); }
  uint64_t Below(uint64_t n) { return stream_.Below(next_++, n); }

 private:
  RandomStream stream_;
  uint64_t next_ = 0;
};

}  // namespace reeve
