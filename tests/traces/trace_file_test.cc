#include "traces/trace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/files.h"
#include "core/status.h"
#include "tests/traces/trace_file_seal.h"
#include "tests/traces/trace_testing.h"

namespace reeve {
namespace {

using testing::HasSubstr;

class TraceFileTest : public testing::Test {
 protected:
  TraceFileTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~TraceFileTest() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_ = testing::TempDir() + "trace_file_test";
};

// Every kind of field is in use: all distributions, unknown durations, cold starts, names that are
// not ASCII.
Trace CountsTrace() {
  TraceBuilder builder;
  const double at[] = {0, 0.5, 1}, values[] = {1, 2.5, 80};
  const Distribution durations[] = {Distribution::Constant(3),
                                    Distribution::Uniform(1, 2),
                                    Distribution::Lognormal(-0.38, 2.36),
                                    Distribution::BoundedPareto(3, 500, 1.1),
                                    Distribution::Hyperexponential(.3, 1, 20),
                                    Distribution::Burr(11.652, 0.221, 107.083),
                                    *Distribution::Quantiles(at, values)};
  int i = 0;
  for (const Distribution& duration : durations) {
    const FunctionId id =
        AddTestFunction(builder, "fün-" + std::to_string(i), "app" + std::to_string(i / 2),
                        i < 4 ? "a" : "b", static_cast<Trigger>(i));
    builder.function(id).duration_ms = duration;
    builder.function(id).duration_known = i != 0;
    if (i % 2 == 0) builder.function(id).cold_start_ms = Distribution::Exponential(250);
    builder.AddCount(i, id, static_cast<uint32_t>(1 + i * i));
    builder.AddCount(3, id, 7);
    ++i;
  }
  builder.set_first_minute(480);
  builder.set_minimum_duration(SimTime::Minutes(12));
  return *builder.Build();
}

Trace TimedTrace() {
  TraceBuilder builder;
  AddTestFunction(builder, "f");
  AddTestFunction(builder, "g");
  builder.AddInvocation({1000, TimedInvocation::kDrawDuration, 1, 0});
  builder.AddInvocation({1000, 500, 0, 0});
  builder.AddInvocation({5'000'000, 0, 1, 0});
  return *builder.Build();
}

std::string Written(const Trace& trace, const std::string& path) {
  EXPECT_TRUE(TraceFile::Write(trace, path).ok());
  return *ReadFile(path);
}

// An in-place change of the header, with its checksum left as it was.
template <class T>
std::string Patched(std::string bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return bytes;
}

TEST_F(TraceFileTest, CountsComeBackAsTheyWere) {
  const Trace trace = CountsTrace();
  ASSERT_TRUE(TraceFile::Write(trace, Path("a.rtrace")).ok());
  const auto opened = TraceFile::Open(Path("a.rtrace"));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(SameTrace(trace, *opened));
  EXPECT_EQ(opened->minutes(), 12);
  EXPECT_EQ(opened->functions()[6].duration_ms.parameters()[5], 80);
  EXPECT_EQ(CountAt(*opened, 3, 3), 10u + 7u);  // 1 + 3 * 3, and 7
}

TEST_F(TraceFileTest, TimedInvocationsComeBackAsTheyWere) {
  const Trace trace = TimedTrace();
  ASSERT_TRUE(TraceFile::Write(trace, Path("a.rtrace")).ok());
  const auto opened = TraceFile::Open(Path("a.rtrace"));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(SameTrace(trace, *opened));
  EXPECT_EQ(opened->invocations()[0].duration_us, 500);
}

TEST_F(TraceFileTest, ATraceOutlivesItsFile) {
  ASSERT_TRUE(TraceFile::Write(CountsTrace(), Path("a.rtrace")).ok());
  const auto opened = TraceFile::Open(Path("a.rtrace"));
  ASSERT_TRUE(opened.ok());
  std::filesystem::remove(Path("a.rtrace"));
  EXPECT_TRUE(SameTrace(CountsTrace(), *opened));
}

TEST_F(TraceFileTest, TracesWithoutInvocationsOrFunctions) {
  TraceBuilder builder;
  AddTestFunction(builder, "idle");
  builder.set_minimum_duration(SimTime::Minutes(2));
  const Trace idle = *builder.Build();
  const auto again = TraceFile::Parse(Written(idle, Path("idle.rtrace")), "idle");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(SameTrace(idle, *again));
  const auto nothing = TraceFile::Parse(Written(Trace(), Path("none.rtrace")), "none");
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_EQ(nothing->functions().size(), 0u);
  EXPECT_EQ(nothing->minutes(), 0);
}

// The whole file is under checksums but for the padding between sections, which means nothing.
TEST_F(TraceFileTest, EveryFlippedBitIsFoundOrMeansNothing) {
  for (const Trace& trace : {CountsTrace(), TimedTrace()}) {
    const std::string bytes = Written(trace, Path("a.rtrace"));
    int harmless = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
        const auto parsed = TraceFile::Parse(damaged, "a.rtrace");
        if (!parsed.ok()) continue;
        ++harmless;
        ASSERT_TRUE(SameTrace(trace, *parsed)) << "byte " << i << " bit " << bit;
        ASSERT_EQ(bytes[i], 0) << "byte " << i << " is not padding";
      }
    }
    EXPECT_LE(harmless, 8 * 7 * 5);  // at most 7 bytes after each of five sections
  }
}

TEST_F(TraceFileTest, EveryCutIsFound) {
  for (const Trace& trace : {CountsTrace(), TimedTrace()}) {
    const std::string bytes = Written(trace, Path("a.rtrace"));
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(TraceFile::Parse(bytes.substr(0, size), "a.rtrace").ok()) << size;
    }
    EXPECT_FALSE(TraceFile::Parse(bytes + '\0', "a.rtrace").ok());
  }
}

// Whatever bytes come with the right checksums: an error, or a trace that keeps what Trace
// promises.
void ExpectSound(const Trace& trace) {
  uint64_t total = 0;
  for (const FunctionProfile& f : trace.functions()) {
    ASSERT_LT(f.app.index(), trace.apps().size());
    ASSERT_LT(f.tenant.index(), trace.tenants().size());
    ASSERT_LT(static_cast<int>(f.trigger), kTriggers);
  }
  for (int m = 0; m < trace.minutes(); ++m) {
    int64_t previous = -1;
    for (const MinuteCount& c : trace.minute(m)) {
      ASSERT_LT(previous, c.function);
      ASSERT_LT(c.function, trace.functions().size());
      ASSERT_GE(c.count, 1u);
      previous = c.function;
      total += c.count;
    }
  }
  SimTime previous;
  for (const TimedInvocation& i : trace.invocations()) {
    const SimTime start = SimTime::Micros(i.start_us);
    ASSERT_LE(previous, start);
    ASSERT_LT(start, trace.duration());
    ASSERT_LT(i.function, trace.functions().size());
    ASSERT_GE(i.duration_us, TimedInvocation::kDrawDuration);
    previous = start;
    ++total;
  }
  ASSERT_EQ(total, trace.total_invocations());
}

TEST_F(TraceFileTest, ForgedFilesAreRefusedOrSound) {
  for (const Trace& trace : {CountsTrace(), TimedTrace()}) {
    const std::string bytes = Written(trace, Path("a.rtrace"));
    int sound = 0, refused = 0;
    for (size_t i = 8; i < bytes.size(); ++i) {
      for (int change : {0x01, 0x80, 0xff}) {
        std::string forged = bytes;
        forged[i] = static_cast<char>(forged[i] ^ change);
        const auto parsed = TraceFile::Parse(Resealed(forged), "forged");
        parsed.ok() ? ++sound : ++refused;
        if (parsed.ok()) ExpectSound(*parsed);
      }
    }
    // Names and parameters may be anything; indices, orders and sums may not.
    EXPECT_GT(sound, 100);
    EXPECT_GT(refused, 500);
  }
}

TEST_F(TraceFileTest, ErrorsSayWhatAndWhere) {
  const std::string bytes = Written(CountsTrace(), Path("a.rtrace"));
  const auto error = [](const std::string& text) {
    return MessageOf(TraceFile::Parse(text, "x.rtrace").status());
  };
  EXPECT_THAT(error("HashOwner,HashApp,HashFunction\n"), HasSubstr("x.rtrace: not a trace file"));
  EXPECT_THAT(error(""), HasSubstr("not a trace file"));
  EXPECT_THAT(error(bytes.substr(0, 20)), HasSubstr("cut off in its header"));
  EXPECT_THAT(error(bytes.substr(0, bytes.size() - 8)),
              HasSubstr("bytes where its header says " + std::to_string(bytes.size())));
  const auto newer = TraceFile::Parse(Patched<uint32_t>(bytes, 8, 2), "x.rtrace").status();
  EXPECT_EQ(newer.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(MessageOf(newer), HasSubstr("version 2, this program reads version 1"));
  EXPECT_THAT(error(Patched<char>(bytes, bytes.size() - 8, 'x')), HasSubstr("checksum of its"));
  EXPECT_EQ(TraceFile::Open(Path("absent")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(TraceFile::Open(folder_).ok());
}

TEST_F(TraceFileTest, WritingReplacesInOneStepAndLeavesNothingBehind) {
  Written(CountsTrace(), Path("a.rtrace"));
  Written(TimedTrace(), Path("a.rtrace"));
  EXPECT_TRUE(TraceFile::Open(Path("a.rtrace"))->timed());
  EXPECT_FALSE(TraceFile::Write(TimedTrace(), Path("absent/a.rtrace")).ok());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) files += entry.exists();
  EXPECT_EQ(files, 1u);
}

// Loading must be bound by memory, not by parsing: 40 MB of counts in well under a second even on a
// busy machine (some 15 ms on an idle one).
TEST_F(TraceFileTest, LargeFilesLoadFast) {
  TraceBuilder builder;
  for (int f = 0; f < 1000; ++f) AddTestFunction(builder, std::to_string(f));
  for (int m = 0; m < 5000; ++m) {
    for (uint32_t f = 0; f < 1000; ++f) builder.AddCount(m, FunctionId(f), 1 + f % 3);
  }
  ASSERT_TRUE(TraceFile::Write(*builder.Build(), Path("large.rtrace")).ok());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(TraceFile::Open(Path("large.rtrace")).ok());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 2.0);
}

}  // namespace
}  // namespace reeve
