#include "core/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/human.h"
#include "core/terminal.h"

namespace reeve {
namespace {

constexpr std::string_view kGap = "  ";

void AppendPadded(const std::string& text, size_t width, Table::Align align, bool strong,
                  std::string& line) {
  const std::string padding(width - std::min(width, DisplayWidth(text)), ' ');
  if (align == Table::Align::kRight) line += padding;
  if (strong) line += "\x1b[1m";
  line += text;
  if (strong) line += "\x1b[0m";
  if (align == Table::Align::kLeft) line += padding;
}

void AppendLine(std::string line, std::string& out) {
  while (line.ends_with(' ')) line.pop_back();
  out.append(line).append("\n");
}

std::string JsonString(std::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<TableFormat> TableFormatFromName(std::string_view name) {
  if (name == "table") return TableFormat::kText;
  if (name == "csv") return TableFormat::kCsv;
  if (name == "json") return TableFormat::kJson;
  return absl::InvalidArgumentError(
      fmt::format("unknown output format '{}', allowed are table, csv and json", name));
}

Cell Cell::Text(std::string_view text) {
  return {.kind = Kind::kText, .shown = PrintableText(text), .value = std::string(text)};
}

Cell Cell::Count(uint64_t value) {
  return {.kind = Kind::kNumber, .shown = HumanCount(value), .value = std::to_string(value)};
}

Cell Cell::Number(double value, std::string shown) {
  if (!std::isfinite(value)) return Missing();
  return {.kind = Kind::kNumber,
          .shown = shown.empty() ? HumanNumber(value) : std::move(shown),
          .value = fmt::format("{}", value)};
}

Cell Cell::Missing() {
  return {.kind = Kind::kMissing, .shown = "-", .value = ""};
}

void Table::AddRow(std::vector<Cell> cells) {
  REEVE_CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::AddSection(std::string title) {
  sections_.push_back({rows_.size(), std::move(title)});
}

std::string Table::ToText(bool color) const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    size_t width = DisplayWidth(columns_[c].title);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[c].shown));
    widths.push_back(width);
  }
  std::string out, line;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (c > 0) line += kGap;
    AppendPadded(columns_[c].title, widths[c], columns_[c].align, color, line);
  }
  AppendLine(line, out);
  size_t next_section = 0;
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (; next_section < sections_.size() && sections_[next_section].before_row == r;
         ++next_section) {
      if (r > 0) out += "\n";
      line.clear();
      AppendPadded(sections_[next_section].title, 0, Align::kLeft, color, line);
      AppendLine(line, out);
    }
    line.clear();
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) line += kGap;
      AppendPadded(rows_[r][c].shown, widths[c], columns_[c].align, color && rows_[r][c].strong,
                   line);
    }
    AppendLine(line, out);
  }
  return out;
}

std::string Table::ToCsv() const {
  std::string out;
  for (size_t c = 0; c < columns_.size(); ++c) {
    out.append(c > 0 ? "," : "").append(CsvField(columns_[c].key));
  }
  out += "\n";
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) {
      out.append(c > 0 ? "," : "").append(CsvField(row[c].value));
    }
    out += "\n";
  }
  return out;
}

std::string Table::ToJson() const {
  std::string out = "[";
  for (size_t r = 0; r < rows_.size(); ++r) {
    out += r > 0 ? ",\n {" : "\n {";
    for (size_t c = 0; c < columns_.size(); ++c) {
      const Cell& cell = rows_[r][c];
      out.append(c > 0 ? ", " : "").append(JsonString(columns_[c].key)).append(": ");
      switch (cell.kind) {
        case Cell::Kind::kText:
          out += JsonString(cell.value);
          break;
        case Cell::Kind::kNumber:
          out += cell.value;
          break;
        case Cell::Kind::kMissing:
          out += "null";
          break;
      }
    }
    out += "}";
  }
  return out += rows_.empty() ? "]\n" : "\n]\n";
}

std::string Table::Render(TableFormat format, bool color) const {
  switch (format) {
    case TableFormat::kCsv:
      return ToCsv();
    case TableFormat::kJson:
      return ToJson();
    case TableFormat::kText:
      break;
  }
  return ToText(color);
}

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

}  // namespace reeve
