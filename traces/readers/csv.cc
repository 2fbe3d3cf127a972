#include "traces/readers/csv.h"

#include <cstring>

namespace reeve {
namespace {

const char* Find(const char* from, const char* to, char c) {
  if (from == to) return nullptr;
  return static_cast<const char*>(std::memchr(from, c, static_cast<size_t>(to - from)));
}

std::string_view View(const char* from, const char* to) {
  return {from, static_cast<size_t>(to - from)};
}

}  // namespace

CsvScanner::CsvScanner(std::string_view bytes) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  at_ = bytes.data();
  end_ = bytes.data() + bytes.size();
}

bool CsvScanner::Next() {
  while (at_ != end_) {
    const char* start = at_;
    const char* stop = Find(start, end_, '\n');
    ++line_;
    unterminated_ = stop == nullptr;
    if (unterminated_) stop = end_;
    at_ = unterminated_ ? end_ : stop + 1;
    if (stop != start && stop[-1] == '\r') --stop;
    if (stop == start) continue;
    row_ = View(start, stop);
    quoted_ = Find(start, stop, '"') != nullptr;
    has_nul_ = Find(start, stop, '\0') != nullptr;
    return true;
  }
  return false;
}

bool CsvScanner::Split(std::vector<std::string_view>& cells) {
  cells.clear();
  if (quoted_) return SplitQuoted(cells);
  const char* from = row_.data();
  const char* const stop = from + row_.size();
  while (const char* comma = Find(from, stop, ',')) {
    cells.push_back(View(from, comma));
    from = comma + 1;
  }
  cells.push_back(View(from, stop));
  return true;
}

bool CsvScanner::SplitQuoted(std::vector<std::string_view>& cells) {
  unescaped_.clear();
  unescaped_.reserve(row_.size());
  const char* p = row_.data();
  const char* const stop = p + row_.size();
  while (true) {
    if (p == stop || *p != '"') {
      const char* comma = Find(p, stop, ',');
      const char* cell_end = comma == nullptr ? stop : comma;
      if (Find(p, cell_end, '"') != nullptr) return false;
      cells.push_back(View(p, cell_end));
      if (comma == nullptr) return true;
      p = comma + 1;
      continue;
    }
    const size_t begin = unescaped_.size();
    for (++p;; ++p) {
      if (p == stop) return false;
      if (*p == '"') {
        ++p;
        if (p == stop || *p != '"') break;
      }
      unescaped_ += *p;
    }
    cells.push_back(std::string_view(unescaped_).substr(begin));
    if (p == stop) return true;
    if (*p != ',') return false;
    ++p;
  }
}

std::string_view Trimmed(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t')) cell.remove_suffix(1);
  return cell;
}

}  // namespace reeve
