// One table, three forms: aligned text for people, CSV and JSON for programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve {

enum class TableFormat { kText, kCsv, kJson };

// "table", "csv" or "json"; InvalidArgument says so.
absl::StatusOr<TableFormat> TableFormatFromName(std::string_view name);

// A value, as people and as programs see it.
struct Cell {
  enum class Kind { kText, kNumber, kMissing };

  static Cell Text(std::string_view text);
  static Cell Count(uint64_t value);
  // `shown` is what people see; HumanNumber(value) when left out. A value that is not finite is
  // Missing.
  static Cell Number(double value, std::string shown = "");
  static Cell Missing();  // "-", an empty CSV field, null

  Kind kind = Kind::kMissing;
  std::string shown;    // people
  std::string value;    // programs: the number in full, or the text
  bool strong = false;  // bold where the terminal can
};

// Not thread-safe.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string key;    // CSV header and JSON key, unique in the table
    std::string title;  // heading for people
    Align align = Align::kRight;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void AddRow(std::vector<Cell> cells);
  // A heading across the table before the next row; text form only.
  void AddSection(std::string title);

  // Lines "a   b   c\n", columns two spaces apart, no trailing blanks; `color` lets it use bold.
  // Control characters in cells are made visible (PrintableText).
  std::string ToText(bool color) const;
  std::string ToCsv() const;   // RFC 4180 with "\n", header first
  std::string ToJson() const;  // an array of objects; bytes that are not UTF-8 become U+FFFD
  std::string Render(TableFormat format, bool color) const;

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<std::vector<Cell>>& rows() const { return rows_; }

 private:
  struct Section {
    size_t before_row;
    std::string title;
  };
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<Section> sections_;
};

// A CSV field, quoted when RFC 4180 asks for it.
std::string CsvField(std::string_view text);

}  // namespace reeve
