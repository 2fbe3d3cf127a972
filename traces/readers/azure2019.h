// The Azure Functions 2019 release (Shahrad et al., USENIX ATC 2020) and its three-file form.
//
// Columns are found by name, in any order:
//   invocations  HashOwner, HashApp, HashFunction, Trigger, and one column per minute: 1..1440, or
//                minute_1..; the three-file form may start anywhere (480..959). Without gaps.
//   durations    HashOwner, HashApp, HashFunction, Average, Count, Minimum, Maximum,
//                percentile_Average_{1,25,50,75,99}: ms
//   memory       HashOwner, HashApp, [HashFunction,] SampleCount, AverageAllocatedMb
//
// Days follow one another by the NN of their names (".dNN."); a day between two others that has no
// file is a gap. A function is (owner, app, function); on a day without it, it has no invocations.
// The trace's first_minute is that of the release, counted from 0: column 1 is minute 0 of its day.
// Columns that do not start at 1 are taken as they are numbered, so 480 is 08:00.
//
// Durations: the percentiles are those of averages over 30 s, and 0 and 100 of them lie within
// Minimum and Maximum, which are of single executions; so those two are the ends. How a
// distribution is made of them, of several days, and of zeros: percentiles.h. A percentile may lie
// below the one before it by a clock tick (values are rounded one by one) and is raised then; more
// is an error.
//
// Memory: AverageAllocatedMb, averaged over days by SampleCount. A table without HashFunction is of
// apps; its value is split evenly over the app's functions, as the three-file form was made and as
// Fuerst and Sharma (ASPLOS 2021) do.
#pragma once

#include "absl/status/status.h"
#include "traces/readers/context.h"

namespace reeve {

absl::Status ReadAzure2019(ReadContext& context);

// What a file of the release is, from its name, or else its header line.
enum class AzureTable : uint8_t { kNone, kInvocations, kDurations, kMemory };
AzureTable AzureTableOf(const InputFile& file);
AzureTable AzureTableOfName(std::string_view path);
// NN of ".dNN." in a name, or 1.
int AzureDayOfName(std::string_view path);

namespace azure2019_internal {

// The columns of an invocations file.
struct InvocationColumns {
  int owner = CsvTable::kNone, app = CsvTable::kNone, function = CsvTable::kNone;
  int trigger = CsvTable::kNone;
  std::vector<int> minute;  // [columns] minute counted from the trace's start, or kNone
  // [run_begin, run_end) holds all minute columns, each one minute after the one before it; empty
  // when they are in another order.
  int run_begin = 0, run_end = 0;
};

struct InvocationRow {
  struct Cell {
    int minute;
    uint32_t count;  // > 0
  };
  std::string_view owner, app, function, trigger;
  std::vector<Cell> cells;
};

// Parses a row that has no quotes in one pass. False when anything about it is unusual: then the
// row is to be split and parsed cell by cell, which finds out what, and where.
bool ParseRowFast(std::string_view row, const InvocationColumns& columns, InvocationRow& out);

}  // namespace azure2019_internal
}  // namespace reeve
