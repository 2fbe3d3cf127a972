#include "agents/ppo/distributed.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "core/status.h"
#include "tests/agents/ppo/distributed_training.h"

namespace reeve {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Variables : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}) ::unsetenv(name);
  }
  void TearDown() override { SetUp(); }
  static std::string ErrorWith(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
    const auto spec = RankSpec::FromEnvironment();
    return spec.ok() ? "" : MessageOf(spec.status());
  }
};

TEST_F(Variables, NoneIsOneProcess) {
  const auto spec = RankSpec::FromEnvironment();
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->rank, 0);
  EXPECT_EQ(spec->world, 1);
}

TEST_F(Variables, AreTorchruns) {
  EXPECT_EQ(
      ErrorWith(
          {{"RANK", "2"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "h"}, {"MASTER_PORT", "1234"}}),
      "");
  const auto spec = RankSpec::FromEnvironment();
  EXPECT_EQ(spec->rank, 2);
  EXPECT_EQ(spec->world, 4);
  EXPECT_EQ(spec->address, "h");
  EXPECT_EQ(spec->port, 1234);
}

TEST_F(Variables, WrongOnesAreNamed) {
  EXPECT_THAT(ErrorWith({{"RANK", "0"}}), HasSubstr("WORLD_SIZE is not set"));
  EXPECT_THAT(ErrorWith({{"WORLD_SIZE", "2x"}}), HasSubstr("WORLD_SIZE='2x'"));
  EXPECT_THAT(ErrorWith({{"WORLD_SIZE", "2"}}), HasSubstr("MASTER_ADDR is not set"));
  EXPECT_THAT(ErrorWith({{"MASTER_ADDR", "h"}}), HasSubstr("MASTER_PORT is not set"));
  EXPECT_THAT(ErrorWith({{"MASTER_PORT", "70000"}}), HasSubstr("MASTER_PORT='70000'"));
  EXPECT_THAT(ErrorWith({{"RANK", "2"}}), HasSubstr("RANK='2' is not a whole number from 0 to 1"));
}

TEST(Distributed, OneRankNeedsNobody) {
  const auto alone = JoinRanks({});
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ((*alone)->world(), 1);
  std::vector<float> values = {1, 2};
  EXPECT_TRUE((*alone)->SumInPlace(std::span(values)).ok());
  EXPECT_THAT(values, testing::ElementsAre(1, 2));
}

// A port of the loopback that nobody listens on.
int FreePort() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(descriptor);
  return ntohs(address.sin_port);
}

struct Ended {
  std::string out;
  int code = -1;
};

// Runs ranks 0 … started-1 of a world of `world` at once.
std::vector<Ended> RunRanks(int started, int world, const std::string& mode) {
  const int port = FreePort();
  std::vector<FILE*> ranks;
  for (int rank = 0; rank < started; ++rank) {
    const std::string command =
        fmt::format("RANK={} WORLD_SIZE={} MASTER_ADDR=127.0.0.1 MASTER_PORT={} {} {} 2>/dev/null",
                    rank, world, port, REEVE_DISTRIBUTED_RANK, mode);
    ranks.push_back(::popen(command.c_str(), "r"));
  }
  std::vector<Ended> ended;
  for (FILE* rank : ranks) {
    Ended& end = ended.emplace_back();
    std::array<char, 4096> buffer;
    while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), rank)) {
      end.out.append(buffer.data(), n);
    }
    end.code = WEXITSTATUS(::pclose(rank));
  }
  return ended;
}

TEST(Distributed, SumsAreThoseOfTheRanksInOrder) {
  const std::vector<Ended> ranks = RunRanks(2, 2, "sum");
  std::string expected;
  for (int call = 0; call < 3; ++call) {
    const auto of = [&](float i) {
      const float a = static_cast<float>(call + 1) * 1e8f + i;
      const float b = static_cast<float>(call + 1) * 0.1f + i;
      return static_cast<float>(0.0 + a + b);
    };
    const auto of_double = [](double i) { return 0.0 + (i + 0.1 * 1) + (i + 0.1 * 2); };
    expected += fmt::format("{:08x} {:08x} {:016x} {:016x}\n", std::bit_cast<uint32_t>(of(0)),
                            std::bit_cast<uint32_t>(of(999)), std::bit_cast<uint64_t>(of_double(0)),
                            std::bit_cast<uint64_t>(of_double(6)));
  }
  for (const Ended& rank : ranks) {
    EXPECT_EQ(rank.out, expected);
    EXPECT_EQ(rank.code, 0);
  }
}

TEST(Distributed, ThreeRanksAgreeToTheBit) {
  const std::vector<Ended> ranks = RunRanks(3, 3, "sum");
  for (const Ended& rank : ranks) {
    EXPECT_EQ(rank.code, 0) << rank.out;
    EXPECT_EQ(rank.out, ranks[0].out);
  }
}

// Two ranks of half the environments each learn what one process learns with all of them, up to the
// order in which sums are rounded; a step of Adam moves a parameter by up to 3e-3, and there
// are 25.
TEST(Distributed, TwoRanksLearnWhatOneDoesWithTwiceTheEnvironments) {
  Collective alone;
  const auto expected = TrainedParameters(alone);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const std::vector<Ended> ranks = RunRanks(2, 2, "train");
  ASSERT_EQ(ranks[0].code, 0) << ranks[0].out;
  EXPECT_EQ(ranks[0].out, ranks[1].out);
  std::istringstream lines(ranks[0].out);
  double furthest = 0;
  for (const float parameter : *expected) {
    double theirs = 0;
    ASSERT_TRUE(lines >> theirs);
    furthest = std::max(furthest, std::abs(theirs - static_cast<double>(parameter)));
  }
  EXPECT_LT(furthest, 1e-4);
}

TEST(Distributed, SlowRanksAreWaitedFor) {
  for (const Ended& rank : RunRanks(2, 2, "slow")) EXPECT_EQ(rank.code, 0) << rank.out;
}

TEST(Distributed, ALateRankIsNamed) {
  const std::vector<Ended> ranks = RunRanks(2, 2, "late");
  EXPECT_EQ(ranks[0].code, 1);
  EXPECT_THAT(ranks[0].out, AllOf(HasSubstr("DEADLINE_EXCEEDED"),
                                  HasSubstr("rank 0 of 2: exchange with rank 1 failed")));
}

TEST(Distributed, ARankThatWentAwayIsNamed) {
  const std::vector<Ended> ranks = RunRanks(2, 2, "vanish");
  EXPECT_EQ(ranks[0].code, 1);
  EXPECT_THAT(ranks[0].out,
              AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("exchange with rank 1 failed")));
}

TEST(Distributed, RanksThatNeverCameAreAnError) {
  const std::vector<Ended> ranks = RunRanks(1, 2, "alone");
  EXPECT_EQ(ranks[0].code, 1);
  EXPECT_THAT(ranks[0].out, AllOf(HasSubstr("DEADLINE_EXCEEDED"),
                                  HasSubstr("rank 0 of 2: cannot meet the others at 127.0.0.1:")));
}

}  // namespace
}  // namespace reeve
