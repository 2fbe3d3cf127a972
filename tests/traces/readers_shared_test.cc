// The readers on real slices of production traces. Expected numbers come from the one-line awk
// programs beside them, run on the files themselves. Skipped where the files are not there.
#include <cstdlib>
#include <filesystem>

#include "readers_testing.h"

namespace reeve {
namespace {

class SharedTraces : public testing::Test {
 protected:
  void SetUp() override {
    const char* root = std::getenv("REEVE_SHARED");
    folder_ = std::string(root != nullptr ? root : REEVE_SHARED_DEFAULT) + "/traces/";
    if (!std::filesystem::is_directory(folder_)) {
      GTEST_SKIP() << folder_ << " is not there; set REEVE_SHARED to the folder with traces/";
    }
  }
  ReadResult Read(const std::string& name) {
    auto result = ReadTrace(folder_ + name);
    if (result.ok()) return *std::move(result);
    ADD_FAILURE() << MessageOf(result.status());
    return {};
  }
  std::string folder_;
};

TEST_F(SharedTraces, Azure2019Of250Functions) {
  const auto [trace, report] = Read("azure2019-250f-8h");
  // awk -F, 'NR>1{for(i=5;i<=NF;i++)t+=$i} END{print t, NF-4, NR-1}' invocations.csv
  EXPECT_EQ(trace.total_invocations(), 567403u);
  ASSERT_EQ(trace.minutes(), 480);
  EXPECT_EQ(trace.functions().size(), 250u);
  EXPECT_EQ(trace.first_minute(), 480);
  // awk -F, 'NR>1{o[$1]=1;a[$2]=1} END{print length(o), length(a)}' invocations.csv
  EXPECT_EQ(trace.tenants().size(), 227u);
  EXPECT_EQ(trace.apps().size(), 246u);
  // awk -F, 'NR>1{f+=$5;l+=$NF} END{print f, l}' invocations.csv
  const auto sum = [&trace = trace](int minute) {
    uint64_t total = 0;
    for (const MinuteCount& c : trace.minute(minute)) total += c.count;
    return total;
  };
  EXPECT_EQ(sum(0), 1027u);
  EXPECT_EQ(sum(479), 1273u);
  // awk -F, 'NR>1{for(i=5;i<=NF;i++){n+=$i>0; if($i>m)m=$i}} END{print n, m}' invocations.csv
  uint64_t cells = 0;
  uint32_t largest = 0;
  for (int m = 0; m < 480; ++m) {
    cells += trace.minute(m).size();
    for (const MinuteCount& c : trace.minute(m)) largest = std::max(largest, c.count);
  }
  EXPECT_EQ(cells, 28773u);
  EXPECT_EQ(largest, 734u);
  // awk -F, 'NR>1{c[$4]++} END{for(k in c)print k,c[k]}' invocations.csv
  std::array<int, kTriggers> triggers{};
  for (const FunctionProfile& f : trace.functions()) ++triggers[static_cast<size_t>(f.trigger)];
  EXPECT_THAT(triggers, testing::ElementsAre(70, 126, 2, 36, 3, 13, 0));
  // awk -F, 'NR>1{m=int($5+.5); s+=m<1?1:m} END{print s}' memory.csv
  int64_t memory = 0;
  for (const FunctionProfile& f : trace.functions()) memory += f.memory.value();
  EXPECT_EQ(memory, 19833);
  // awk -F, 'NR>1{s+=$4<1?1:$4} END{print s}' durations.csv: each function keeps its mean, but for
  // those whose percentiles cannot have it.
  double means = 0;
  for (const FunctionProfile& f : trace.functions()) means += f.duration_ms.Mean();
  EXPECT_LE(report.means_missed, 2u);
  EXPECT_NEAR(means / 1381828, 1, 1e-3);
  // awk -F, 'NR>1&&$6<1{n++} END{print n}' durations.csv
  EXPECT_EQ(report.durations_raised, 46u);
  EXPECT_EQ(report.skipped_total(), 0u);
}

TEST_F(SharedTraces, Azure2019Of100FunctionsFromItsInvocationsFile) {
  // The durations and memory beside the file come along.
  const auto [trace, report] = Read("azure2019-100f-8h/invocations.csv");
  // awk -F, 'NR>1{for(i=5;i<=NF;i++)t+=$i} END{print t}' invocations.csv
  EXPECT_EQ(trace.total_invocations(), 339657u);
  EXPECT_EQ(report.files, 3u);
}

TEST_F(SharedTraces, Azure2021Rows) {
  const auto [trace, report] = Read("azure2021-rows/Azure2021_200.csv");
  // awk -F, 'NR>1{s=$3-$4; if(NR==2||s<m)m=s; if(s>M)M=s; d+=$4; z+=$4==0; f[$1","$2]=1; a[$1]=1}
  //   END{printf "%d %.9f %.9f %.3f %d %d %d\n",NR-1,m,M,d,z,length(f),length(a)}'
  EXPECT_EQ(trace.total_invocations(), 199u);
  EXPECT_EQ(report.shift, SimTime::Micros(-1491));  // 0.0014909
  EXPECT_NEAR(static_cast<double>(trace.invocations().back().start_us) / 1e6,
              1200.014798 - 0.0014909, 2e-6);
  EXPECT_EQ(report.durations_raised, 8u);
  EXPECT_EQ(trace.functions().size(), 31u);
  EXPECT_EQ(trace.tenants().size(), 13u);
  double seconds = 0;
  for (const TimedInvocation& i : trace.invocations()) {
    seconds += static_cast<double>(i.duration_us) / 1e6;
  }
  EXPECT_NEAR(seconds, 10599.170 + 8 * 0.001, 1e-6);
}

TEST_F(SharedTraces, AFolderOfAzure2021Files) {
  const auto [trace, report] = Read("azure2021-rows");
  EXPECT_EQ(trace.total_invocations(), 199u + 29u);
}

TEST(ReadTrace, SaysWhichPathIsMissing) {
  const auto result = ReadTrace("/nowhere/invocations.csv");
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(result.status()), testing::StartsWith("/nowhere/invocations.csv: "));
}

}  // namespace
}  // namespace reeve
