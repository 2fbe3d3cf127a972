// Turns a fuzzer's bytes into files with names: the whole is cut at lines that start with "==== ".
//
//   ==== requests_minute/day_000.csv
//   day,time,0
//   …
//
// Bytes before the first such line are a file of the target's default name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "traces/readers/reader.h"

namespace reeve::fuzzing {

std::vector<InputFile> FilesOfInput(std::string_view bytes, const std::string& default_name);

// Aborts when the trace breaks a promise of traces/trace.h.
void CheckTrace(const Trace& trace);

// Reads the input in one format, strictly and leniently, and checks what a reader promises of a
// trace it hands out. Aborts when a promise is broken.
void ReadBothWays(const uint8_t* data, size_t size, TraceFormat format,
                  const std::string& default_name);

}  // namespace reeve::fuzzing
