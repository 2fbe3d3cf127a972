// Durations and memory of the Azure 2019 release. Internal to azure2019.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "traces/readers/context.h"
#include "traces/readers/percentiles.h"

namespace reeve::azure2019_internal {

struct App {
  uint32_t functions = 0;
  double memory_sum = 0, memory_samples = 0;  // over days
  int memory_file = -1;                       // the last that had a row of it
};

struct Function {
  uint32_t app = 0;       // index
  std::string_view file;  // where it stands first
  int64_t line = 0;
  int invocations_file = -1, durations_file = -1, memory_file = -1;  // the last that had a row
  double memory_sum = 0, memory_samples = 0;
};

// The functions that are invoked, and what the tables say about them.
struct Population {
  explicit Population(ReadContext& the_context)
      : context(the_context), names(the_context.builder) {}

  FunctionTable::Interned Intern(std::string_view owner, std::string_view app,
                                 std::string_view function);

  ReadContext& context;
  FunctionTable names;
  std::vector<Function> functions;  // [functions]
  std::vector<App> apps;
  std::unordered_map<std::string, uint32_t> app_index;            // looked up, never iterated
  std::vector<std::pair<uint32_t, PercentileSummary>> summaries;  // function, one day's
};

// Each reads one day's table; `ordinal` is another for each file. Rows of functions and apps that
// are not invoked are passed over.
void ReadDurations(const InputFile& input, int ordinal, Population& population);
void ReadMemory(const InputFile& input, int ordinal, Population& population);

// Gives the functions what was read, and reports those about which nothing was.
void FinishDurations(Population& population);
void FinishMemory(Population& population);

}  // namespace reeve::azure2019_internal
