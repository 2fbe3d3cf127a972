#include "runs/csv_table.h"

#include <algorithm>
#include <numeric>

namespace reeve {

void FunctionNames::Sort() {
  sorted_by_name.resize(names.size());
  std::iota(sorted_by_name.begin(), sorted_by_name.end(), 0u);
  std::sort(sorted_by_name.begin(), sorted_by_name.end(),
            [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
}

std::optional<FunctionId> FunctionNames::Find(std::string_view name) const {
  const auto it = std::lower_bound(sorted_by_name.begin(), sorted_by_name.end(), name,
                                   [&](uint32_t i, std::string_view n) { return names[i] < n; });
  if (it == sorted_by_name.end() || names[*it] != name) return std::nullopt;
  return FunctionId(*it);
}

absl::Status CsvRows::QuotedField(std::string& out) {
  const int64_t opened_at = line_;
  rest_.remove_prefix(1);
  while (true) {
    const size_t quote = rest_.find('"');
    if (quote == std::string_view::npos) {
      return InvalidAt(file_, opened_at, 0, "a quote is never closed; the file may be cut off");
    }
    out += rest_.substr(0, quote);
    line_ += std::count(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(quote), '\n');
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) break;
    out += '"';
    rest_.remove_prefix(1);
  }
  if (rest_.empty() || rest_[0] == ',' || rest_[0] == '\n') return absl::OkStatus();
  return InvalidAt(file_, line_, 0, "text after a closing quote");
}

absl::StatusOr<bool> CsvRows::Next(std::vector<std::string>& fields) {
  fields.clear();
  if (rest_.empty()) return false;
  row_line_ = line_;
  while (true) {
    std::string& field = fields.emplace_back();
    if (rest_.starts_with('"')) {
      RETURN_IF_ERROR(QuotedField(field));
    } else {
      field = rest_.substr(0, rest_.find_first_of(",\n"));
      rest_.remove_prefix(field.size());
    }
    if (rest_.empty()) return true;
    const char separator = rest_[0];
    rest_.remove_prefix(1);
    if (separator == '\n') {
      ++line_;
      return true;
    }
  }
}

}  // namespace reeve
