// How fast traces are read, in bytes of CSV per second on one core.
//
// The input has the shape of a day of the Azure 2019 release: rows of 1440 minutes, of which about
// one in eight has invocations, many of them in runs. BM_NewlinePass only looks for line ends in
// the same bytes: nothing that reads all of them can be faster.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "traces/readers/reader.h"

namespace reeve {
namespace {

constexpr size_t kTargetBytes = 50 << 20;
constexpr int kMinutes = 1440;

class Draws {
 public:
  explicit Draws(uint64_t seed) : state_(seed) {}
  // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014); good enough to vary an input.
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

std::string Hash(Draws& draws) {
  std::string hash;
  for (int i = 0; i < 4; ++i) hash += fmt::format("{:016x}", draws.Next());
  return hash;
}

std::string Invocations() {
  Draws draws(1);
  std::string text = "HashOwner,HashApp,HashFunction,Trigger";
  for (int m = 1; m <= kMinutes; ++m) text += fmt::format(",{}", m);
  text += '\n';
  while (text.size() < kTargetBytes) {
    text += fmt::format("{},{},{},http", Hash(draws), Hash(draws), Hash(draws));
    // Three kinds of function: rare, periodic, busy.
    const uint64_t kind = draws.Next() % 10;
    const uint64_t period = 5 + draws.Next() % 55;
    for (uint64_t m = 0; m < kMinutes; ++m) {
      uint64_t count = 0;
      if (kind < 6)
        count = draws.Next() % 200 == 0 ? 1 : 0;
      else if (kind < 9)
        count = m % period == 0 ? 1 : 0;
      else
        count = draws.Next() % 400;
      text += ',';
      text += std::to_string(count);
    }
    text += '\n';
  }
  return text;
}

const std::string& Input() {
  static const std::string input = Invocations();
  return input;
}

void BM_NewlinePass(benchmark::State& state) {
  const std::string& input = Input();
  for (auto _ : state) {
    size_t lines = 0;
    const char* const end = input.data() + input.size();
    for (const char* p = input.data(); p != end; ++p, ++lines) {
      p = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end - p)));
    }
    benchmark::DoNotOptimize(lines);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * input.size()));
}
BENCHMARK(BM_NewlinePass)->Unit(benchmark::kMillisecond);

// From bytes in memory to a finished trace.
void BM_ReadAzure2019(benchmark::State& state) {
  const std::string& input = Input();
  const InputFile file{"invocations_per_function_md.anon.d01.csv", input};
  for (auto _ : state) {
    auto result = ReadTraceFiles({&file, 1}, {.lenient = true});
    if (!result.ok()) {
      state.SkipWithError("the input was refused");
      return;
    }
    state.counters["invocations"] = static_cast<double>(result->trace.total_invocations());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * input.size()));
}
BENCHMARK(BM_ReadAzure2019)->Unit(benchmark::kMillisecond);

// The same from a file, mapped.
void BM_ReadAzure2019File(benchmark::State& state) {
  const auto folder = std::filesystem::temp_directory_path() / "reeve_parse_bench";
  const std::string path = (folder / "invocations_per_function_md.anon.d01.csv").string();
  if (!MakeDirectories(folder.string()).ok() || !WriteFileAtomically(path, Input()).ok()) {
    state.SkipWithError("cannot write the input");
    return;
  }
  for (auto _ : state) {
    auto result = ReadTrace(path, {.lenient = true});
    if (!result.ok()) state.SkipWithError("the input was refused");
    benchmark::DoNotOptimize(result);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * Input().size()));
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_ReadAzure2019File)->Unit(benchmark::kMillisecond);

void BM_ReadAzure2021(benchmark::State& state) {
  Draws draws(2);
  std::vector<std::string> functions;
  for (int i = 0; i < 1000; ++i) functions.push_back(Hash(draws) + "," + Hash(draws));
  std::string text = "app,func,end_timestamp,duration\n";
  while (text.size() < kTargetBytes / 2) {
    text += fmt::format("{},{:.12f},{:.3f}\n", functions[draws.Next() % functions.size()],
                        static_cast<double>(draws.Next() % 1'209'600'000'000) / 1e6,
                        static_cast<double>(draws.Next() % 100'000) / 1e3);
  }
  const InputFile file{"AzureFunctionsInvocationTraceForTwoWeeksJan2021.csv", text};
  for (auto _ : state) {
    auto result = ReadTraceFiles({&file, 1});
    if (!result.ok()) state.SkipWithError("the input was refused");
    benchmark::DoNotOptimize(result);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_ReadAzure2021)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace reeve

BENCHMARK_MAIN();
