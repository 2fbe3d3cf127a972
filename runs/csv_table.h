// CSV files of a run, read back: RFC 4180, so that a function may be called anything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/status.h"
#include "runs/fields.h"

namespace reeve {

// Splits CSV text row by row. Quoted fields may hold commas, quotes and line breaks.
class CsvRows {
 public:
  // `file` names the text in errors. The text must outlive this.
  CsvRows(std::string_view text, std::string file) : rest_(text), file_(std::move(file)) {}

  // The next row, or false at the end. InvalidArgument, located, for a stray or open quote.
  absl::StatusOr<bool> Next(std::vector<std::string>& fields);

  int64_t line() const { return row_line_; }  // where the row of the last Next starts, 1-based
  const std::string& file() const { return file_; }

 private:
  absl::Status QuotedField(std::string& out);

  std::string_view rest_;
  std::string file_;
  int64_t line_ = 1;
  int64_t row_line_ = 0;
};

// Reads the rows of a T. The header must be the one that T's field list gives, with or without
// optional columns.
template <class T>
absl::StatusOr<std::vector<T>> ReadCsvTable(std::string_view text, const std::string& file,
                                            const FunctionNames& names) {
  CsvRows rows(text, file);
  std::vector<std::string> fields;
  ASSIGN_OR_RETURN(const bool has_header, rows.Next(fields));
  std::string header;
  for (const std::string& field : fields) header += (header.empty() ? "" : ",") + field;
  const std::string wanted = CsvHeader<T>();
  const std::string least = CsvHeader<T>(CsvColumns<T>({}));
  if (!has_header || (header + "\n" != wanted && header + "\n" != least)) {
    return InvalidAt(file, 1, 0, "the columns are not " + wanted.substr(0, wanted.size() - 1));
  }
  const size_t columns = fields.size();
  std::vector<T> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, rows.Next(fields));
    if (!more) return out;
    if (fields.size() != columns) {
      return InvalidAt(file, rows.line(), 0,
                       fmt::format("{} fields instead of {}", fields.size(), columns));
    }
    fields_internal::CsvReader<T> reader{out.emplace_back(), names, fields};
    T::Fields(reader);
    if (reader.wrong != nullptr) {
      return InvalidAt(file, rows.line(), 0,
                       fmt::format("'{}' is not a value of column '{}'", fields[reader.wrong_index],
                                   reader.wrong));
    }
  }
}

}  // namespace reeve
