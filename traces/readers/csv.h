// A scanner of comma-separated rows over bytes in memory: no copies, no allocation per row.
//
// RFC 4180 (quoted cells, "" for a quote, CRLF), a UTF-8 byte order mark at the start, blank lines
// skipped, the last line with or without its end. One deviation: a row is a line. No trace format
// breaks lines inside quotes, and taking one quote too many for such a cell would swallow the rest
// of the file; it is reported as a quote that does not close, on its line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reeve {

// Not thread-safe. Views handed out are valid until the next call of Next or Split.
class CsvScanner {
 public:
  explicit CsvScanner(std::string_view bytes);

  // Moves to the next row; false at the end.
  bool Next();

  int64_t line() const { return line_; }               // of the row, from 1
  std::string_view row() const { return row_; }        // without its line end
  bool quoted() const { return quoted_; }              // there is a quote in it: cells need Split
  bool has_nul() const { return has_nul_; }            // there is a NUL byte in it
  bool unterminated() const { return unterminated_; }  // the file ends before the line does

  // The row's cells. False when quotes do not match or text follows a closing quote; the cells are
  // then those before the broken one.
  bool Split(std::vector<std::string_view>& cells);

 private:
  bool SplitQuoted(std::vector<std::string_view>& cells);

  const char* at_;
  const char* end_;
  int64_t line_ = 0;
  std::string_view row_;
  bool quoted_ = false, has_nul_ = false, unterminated_ = false;
  std::string unescaped_;  // cells with quotes inside; reserved to the row's size, never regrown
};

// `cell` without spaces and tabs around it.
std::string_view Trimmed(std::string_view cell);

}  // namespace reeve
