#include "traces/readers/json_records.h"

#include <algorithm>
#include <cstring>

namespace reeve {
namespace {

constexpr int kMaxDepth = 64;

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char* SkipSpace(const char* p, const char* end) {
  while (p != end && IsSpace(*p)) ++p;
  return p;
}

// Behind the closing quote of the string that opens at `quote`, or nullptr.
const char* EndOfString(const char* quote, const char* end) {
  for (const char* p = quote + 1; p != end; ++p) {
    if (*p == '"') return p + 1;
    if (*p == '\\' && ++p == end) return nullptr;
  }
  return nullptr;
}

}  // namespace

JsonRecords::JsonRecords(std::string_view bytes, std::string_view array_key)
    : array_key_(array_key) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  at_ = bytes.data();
  end_ = bytes.data() + bytes.size();
}

void JsonRecords::MoveTo(const char* to) {
  at_line_ += std::count(at_, to, '\n');
  at_ = to;
}

void JsonRecords::SkipSpaceAndCommas() {
  const char* p = at_;
  while (p != end_ && (IsSpace(*p) || (in_array_ && *p == ','))) ++p;
  MoveTo(p);
}

const char* JsonRecords::EndOfObject(const char* open) const {
  int depth = 0;
  for (const char* p = open; p != end_;) {
    if (*p == '"') {
      p = EndOfString(p, end_);
      if (p == nullptr) return nullptr;
      continue;
    }
    if (*p == '{' || *p == '[') {
      if (++depth > kMaxDepth) return nullptr;
    } else if (*p == '}' || *p == ']') {
      if (--depth == 0) return p + 1;
    }
    ++p;
  }
  return nullptr;
}

const char* JsonRecords::ArrayIn(const char* open) const {
  int depth = 0;
  for (const char* p = open; p != end_;) {
    if (*p == '"') {
      const char* const after = EndOfString(p, end_);
      if (after == nullptr) return nullptr;
      const std::string_view text(p + 1, static_cast<size_t>(after - p - 2));
      p = after;
      if (depth != 1 || text != array_key_) continue;
      const char* colon = SkipSpace(p, end_);
      if (colon == end_ || *colon != ':') continue;
      const char* bracket = SkipSpace(colon + 1, end_);
      if (bracket != end_ && *bracket == '[') return bracket + 1;
      continue;
    }
    if (*p == '{' || *p == '[') {
      if (++depth > kMaxDepth) return nullptr;
    } else if (*p == '}' || *p == ']') {
      if (--depth == 0) return nullptr;
    }
    ++p;
  }
  return nullptr;
}

JsonRecords::Result JsonRecords::Broken() {
  line_ = at_line_;
  if (at_ == end_) return Result::kBroken;
  // A line that starts with an object may start a record.
  const char* p = at_ + 1;
  while (true) {
    const char* newline =
        p >= end_ ? nullptr
                  : static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end_ - p)));
    if (newline == nullptr) {
      MoveTo(end_);
      break;
    }
    p = SkipSpace(newline, end_);
    if (p == end_ || *p == '{') {
      MoveTo(p);
      break;
    }
  }
  return Result::kBroken;
}

JsonRecords::Result JsonRecords::Next() {
  while (true) {
    SkipSpaceAndCommas();
    if (at_ == end_) {
      if (!in_array_) return Result::kEnd;
      in_array_ = false;  // the file ends inside of the array
      return Broken();
    }
    if (in_array_ && *at_ == ']') {
      in_array_ = false;
      // Where braces do not match, what was taken for the end around the array may lie before this.
      MoveTo(resume_ == nullptr ? at_ + 1 : std::max(at_ + 1, resume_));
      continue;
    }
    if (*at_ == '[' && !in_array_) {
      in_array_ = true;
      resume_ = nullptr;
      MoveTo(at_ + 1);
      continue;
    }
    if (*at_ != '{') return Broken();
    if (!in_array_) {
      if (const char* inside = ArrayIn(at_)) {
        in_array_ = true;
        resume_ = EndOfObject(at_);
        if (resume_ == nullptr) resume_ = end_;
        MoveTo(inside);
        continue;
      }
    }
    const char* const stop = EndOfObject(at_);
    if (stop == nullptr) return Broken();
    line_ = at_line_;
    record_ = std::string_view(at_, static_cast<size_t>(stop - at_));
    MoveTo(stop);
    return Result::kRecord;
  }
}

}  // namespace reeve
