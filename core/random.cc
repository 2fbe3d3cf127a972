#include "core/random.h"

#include "core/portable_math.h"

namespace reeve {
namespace {

// One block per index; counter words are (index, purpose, id).
inline std::array<uint32_t, 4> Block(uint64_t seed, uint32_t purpose, uint32_t id, uint64_t index) {
  return Philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), purpose, id},
                    {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
}

inline uint64_t Join(uint32_t low, uint32_t high) {
  return static_cast<uint64_t>(high) << 32 | low;
}

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> c, std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9;
  constexpr uint32_t kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = kMultiplier0 * c[0];
    const uint64_t p1 = kMultiplier1 * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return c;
}

uint64_t RandomStream::Bits(uint64_t index) const {
  const auto block = Block(seed_, purpose_, id_, index);
  return Join(block[0], block[1]);
}

std::array<double, 2> RandomStream::UniformPair(uint64_t index) const {
  const auto block = Block(seed_, purpose_, id_, index);
  return {ToUnit(Join(block[0], block[1])), ToUnit(Join(block[2], block[3]))};
}

uint64_t RandomStream::Below(uint64_t index, uint64_t n) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(Bits(index)) * n) >> 64);
}

double RandomStream::Exponential(uint64_t index) const {
  return -PortableLog(Uniform(index));
}

double RandomStream::Normal(uint64_t index) const {
  return NormalQuantile(Uniform(index));
}

}  // namespace reeve
