// Cuts a stream of JSON records into its records without parsing it whole.
//
// Three forms are understood: [ {…}, {…} ], { "activations": [ {…}, … ] } (anything else in that
// object is passed over), and records one after another, separated by white space. Memory stays
// bounded by one record, and a record that is broken costs only itself where its braces match.
#pragma once

#include <cstdint>
#include <string_view>

namespace reeve {

// Not thread-safe.
class JsonRecords {
 public:
  // The key whose array holds the records, in the second form.
  JsonRecords(std::string_view bytes, std::string_view array_key);

  enum class Result { kRecord, kBroken, kEnd };
  // Moves to the next record. kBroken says that what follows cannot be cut into records (braces or
  // quotes that do not match, or that nest deeper than 64, or something that is no record); the
  // scanner goes on at the next line that starts with one, or ends.
  Result Next();

  std::string_view record() const { return record_; }  // from its { to its }
  int64_t line() const { return line_; }               // on which it, or what is broken, starts

 private:
  void SkipSpaceAndCommas();
  const char* EndOfObject(const char* open) const;  // behind its }, or nullptr
  const char* ArrayIn(const char* open) const;      // behind the [ of array_key, or nullptr
  void MoveTo(const char* to);                      // counts lines
  Result Broken();

  const char* at_;
  const char* end_;
  std::string_view array_key_;
  std::string_view record_;
  int64_t at_line_ = 1, line_ = 1;
  bool in_array_ = false;
  const char* resume_ = nullptr;  // where to go on behind the array; nullptr: behind its ]
};

}  // namespace reeve
