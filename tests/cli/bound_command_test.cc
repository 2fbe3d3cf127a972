#include "tests/cli/cli_testing.h"

namespace reeve {
namespace {

class BoundCommandTest : public CliTest {
 protected:
  // A function in use [10, 11), [12, 13) and [32, 33), and one whose request comes in the trace's
  // last microsecond, on containers of 1 GiB that start in 2 s.
  void SetUp() override {
    ASSERT_TRUE(WriteFileAtomically(Path("calls.csv"),
                                    "function,start,duration\nf,10,1\nf,12,1\nf,32,1\ng,90,1\n")
                    .ok());
    ASSERT_TRUE(WriteFileAtomically(Path("cluster.yaml"),
                                    "name: two\nscaling: on_demand\n"
                                    "containers: {memory: 1Gi, memory_from_trace: false}\n"
                                    "cold_start: {time_ms: 2000}\n")
                    .ok());
    const Outcome imported = Run({"trace", "import", Path("calls.csv"), "--format", "timed",
                                  "--quiet", "--out", Path("calls.rtrace")});
    ASSERT_EQ(imported.code, 0) << imported.err;
  }
  std::vector<std::string> Bound(std::vector<std::string> more) {
    more.insert(more.begin(),
                {"bound", "--trace", Path("calls.rtrace"), "--cluster", Path("cluster.yaml")});
    return more;
  }
};

TEST_F(BoundCommandTest, PrintsTheCurveAndAnswers) {
  const Outcome o = Run(Bound({"--cold-starts", "2", "--gb-seconds", "30"}));
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.err, "");
  EXPECT_THAT(o.out, HasSubstr("without_prewarm"));
  EXPECT_THAT(o.out, HasSubstr("4 requests need 3.00 GB-seconds while they run"));
  // 3 s, a gap of 1 s, 2 starts; and the other function's start.
  EXPECT_THAT(o.out, HasSubstr("10.0 GB-seconds with 3 starts"));
  EXPECT_THAT(o.out, HasSubstr("Without pre-warming at least 2 cold starts"));
  // One container each; the second one's life is cut by the end of the trace.
  EXPECT_THAT(o.out, HasSubstr("without pre-warming, 2 cold starts: at least 23.0 GB-seconds"));
  EXPECT_THAT(o.out, HasSubstr("without pre-warming, 30.0 GB-seconds: at least 2 cold starts"));
  EXPECT_THAT(Run(Bound({"--cold-starts", "1"})).out,
              HasSubstr("without pre-warming, 1 cold starts: impossible"));
}

TEST_F(BoundCommandTest, IsOfTheWorkloadAsChanged) {
  // Nothing after half a minute: the calls at 10 and 12 s are left.
  const Outcome o = Run(Bound({"--set", "workload_changes.shifts=[{at: 30s, rate: 0}]"}));
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("2 requests need 2.00 GB-seconds while they run"));
}

TEST_F(BoundCommandTest, WritesFiles) {
  const Outcome o = Run(Bound({"--out", Path("b"), "-o", "json", "--start", "none"}));
  EXPECT_EQ(o.code, 0) << o.err;
  const auto printed = nlohmann::json::parse(o.out);
  const auto written = nlohmann::json::parse(ReadFile(Path("b/bound.json")).value());
  EXPECT_NEAR(written.at("total").at("needed_gb_seconds"), 3, 1e-5);
  EXPECT_NEAR(written.at("total").at("warm_gb_seconds"), 3, 1e-5);  // starts take no time
  EXPECT_EQ(written.at("without_prewarm").size() + written.at("with_prewarm").size(),
            printed.size());
  EXPECT_NEAR(written.at("without_prewarm").back().at("gb_seconds"), 23, 1e-5);
  EXPECT_EQ(written.at("without_prewarm").back().at("cold_starts"), 2);
  EXPECT_EQ(written.at("without_prewarm").front().at("cold_starts"), 4);
  EXPECT_THAT(ReadFile(Path("b/bound.csv")).value(), StartsWith("curve,price_gb_seconds,"));
  EXPECT_THAT(ReadFile(Path("b/bound_functions.csv")).value(), HasSubstr("\nf,3,3,3,"));
}

TEST_F(BoundCommandTest, UsageErrors) {
  ExpectUsageError({"bound"}, "say of what: --trace PATH");
  ExpectUsageError(Bound({"--start", "fast"}), "fast");
  const Outcome missing = Run({"bound", "--trace", Path("none.rtrace")});
  EXPECT_EQ(missing.code, 3);
  EXPECT_THAT(missing.err, HasSubstr("none.rtrace"));
}

TEST_F(BoundCommandTest, IsTheBoundOfSimulatedRuns) {
  for (const char* policy : {"keep_alive", "hybrid_histogram", "oracle_prewarm"}) {
    const Outcome o =
        Run({"simulate", "--trace", Path("calls.rtrace"), "--cluster", Path("cluster.yaml"),
             "--policy", policy, "--quiet", "--out", Path(policy)});
    ASSERT_EQ(o.code, 0) << o.err;
    const auto summary =
        nlohmann::json::parse(ReadFile(Path(std::string(policy) + "/summary.json")).value());
    const double gb_seconds = summary.at("gb_seconds"), cold = summary.at("cold_starts");
    EXPECT_GE(gb_seconds, cold > 0 ? 3 : 10) << policy;
    if (std::string(policy) == "oracle_prewarm") {
      EXPECT_EQ(cold, 0);
      EXPECT_LE(gb_seconds, 10 + 3 * 4) << "a period of 2 s before and after each use";
    }
  }
}

}  // namespace
}  // namespace reeve
