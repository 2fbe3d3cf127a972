#include "cli_testing.h"

namespace reeve {
namespace {

class ExplainCommandTest : public CliTest {
 protected:
  ExplainCommandTest() {
    const Outcome trained =
        Run({"train", REEVE_SOURCE "/configs/training/small.yaml", "--out", Path("t"), "--quiet",
             "--threads", "1", "--set", "learner.total_steps=200"});
    EXPECT_EQ(trained.code, 0) << trained.err;
  }
  std::vector<std::string> Command(std::vector<std::string> more) const {
    more.insert(more.begin(), {"explain", Path("t")});
    return more;
  }
};

TEST_F(ExplainCommandTest, ShowsWhatMovedAChoice) {
  const Outcome text = Run(Command({"--function", "api", "--at", "10m"}));
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.err, "");
  for (const char* part : {"api of tenant api at 600 s", "<- chosen", "nearest to kpa",
                           "arrival_rate", "rps", "check: moved "}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  const Outcome json = Run(Command({"--function", "api", "--at", "10m", "-o", "json"}));
  const auto parsed = nlohmann::json::parse(json.out);
  EXPECT_EQ(parsed.at("function"), "api");
  EXPECT_EQ(parsed.at("inputs").size(), 6u);
  // Another day, another rule.
  const Outcome other = Run(Command({"--function", "api", "--at", "10m", "--seed", "3", "--against",
                                     "static", "--set", "policy.static.replicas=7", "-o", "json"}));
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_EQ(nlohmann::json::parse(other.out).at("rule_decision"), "replicas 7");
  EXPECT_NE(nlohmann::json::parse(other.out).at("inputs"), parsed.at("inputs"));
  const Outcome csv = Run(Command({"--function", "api", "--at", "10m", "-o", "csv"}));
  EXPECT_THAT(csv.out, StartsWith("input,value,unit,"));
}

TEST_F(ExplainCommandTest, NamesWhatIsWrong) {
  ExpectUsageError(Command({"--function", "apo", "--at", "10m"}), "did you mean 'api'");
  ExpectUsageError(Command({"--function", "api", "--at", "25h"}), "the scenario ends at 86400 s");
  ExpectUsageError(Command({"--function", "api"}), "--at");
  ExpectUsageError(Command({"--at", "10m"}), "--function");
  ExpectUsageError(Command({"--function", "api", "--at", "10m", "--against", "kpo"}),
                   "did you mean 'kpa'");
  ExpectUsageError(Command({"--function", "api", "--at", "10m", "--against", "learned"}),
                   "choose a rule");
  ExpectUsageError(Command({"--function", "api", "--at", "10m", "--set", "policy.kpa.windo=1s"}),
                   "windo");
  const Outcome none = Run({"explain", Path("none"), "--function", "api", "--at", "10m"});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr("none/config.yaml"));
}

}  // namespace
}  // namespace reeve
