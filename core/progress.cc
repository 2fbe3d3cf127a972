#include "core/progress.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "core/human.h"
#include "core/terminal.h"

namespace reeve {
namespace {

constexpr int kBarCells = 30;

std::string Bar(double share) {
  // Eighths of a cell, from U+258F (one eighth) to U+2588 (full).
  constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  const int eighths = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarCells * 8);
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += kEighths[8];
  out += kEighths[eighths % 8];
  const int drawn = eighths / 8 + (eighths % 8 > 0 ? 1 : 0);
  for (int i = drawn; i < kBarCells; ++i) out += "·";
  return out;
}

// A value of a key=value line: quoted when a blank or a quote would break the line apart.
std::string LineValue(const std::string& value) {
  const std::string printable = PrintableText(value);
  if (!printable.empty() && printable.find_first_of(" \"=") == std::string::npos) return printable;
  std::string out = "\"";
  for (const char c : printable) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

}  // namespace

Progress::Progress(Work work, Options options)
    : work_(std::move(work)), options_(std::move(options)), mode_(options_.mode) {
  if (mode_ == Mode::kAuto) mode_ = IsTerminal(STDERR_FILENO) ? Mode::kBlock : Mode::kLines;
  start_us_ = Now();
  // The first line comes after a whole interval: short work stays silent.
  due_us_ = mode_ == Mode::kBlock
                ? start_us_
                : start_us_ + static_cast<int64_t>(options_.line_interval_s * 1e6);
}

Progress::~Progress() {
  std::lock_guard lock(mutex_);
  EraseBlock();
}

int64_t Progress::Now() const {
  if (options_.now_us) return options_.now_us();
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

void Progress::Write(std::string_view text) const {
  if (options_.write) {
    options_.write(text);
    return;
  }
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;  // progress that cannot be shown stops nothing
    text.remove_prefix(static_cast<size_t>(n));
  }
}

double Progress::SecondsLeft(double done, double elapsed_s) const {
  if (work_.total <= 0 || done <= 0 || elapsed_s <= 0) return -1;
  return std::max(0.0, (work_.total - done) * elapsed_s / done);
}

void Progress::EraseBlock() {
  if (lines_drawn_ == 0) return;
  // To the block's first line, then clear to the end of the screen.
  Write(fmt::format("\x1b[{}A\r\x1b[J", lines_drawn_));
  lines_drawn_ = 0;
}

std::string Progress::Block(double done, const std::vector<ProgressItem>& items, double elapsed_s) {
  std::vector<std::string> lines;
  const double share = work_.total > 0 ? done / work_.total : 0;
  if (work_.total > 0) {
    lines.push_back(fmt::format("{}  {} {:5.1f} %", work_.what, Bar(share),
                                std::floor(1000 * std::clamp(share, 0.0, 1.0)) / 10));
  } else {
    lines.push_back(work_.what);
  }
  std::string pace = fmt::format("{} {}", HumanNumber(done), work_.unit);
  if (elapsed_s > 0) pace += fmt::format(", {}/s", HumanNumber(done / elapsed_s));
  pace += fmt::format(", {} gone", HumanSeconds(elapsed_s));
  if (const double left = SecondsLeft(done, elapsed_s); left >= 0) {
    pace += fmt::format(", {} left", HumanSeconds(left));
  }
  lines.push_back(std::move(pace));
  std::string status;
  for (const ProgressItem& item : items) {
    std::string name = item.key;
    std::replace(name.begin(), name.end(), '_', ' ');
    status.append(status.empty() ? "" : "   ").append(name).append(" ");
    status += PrintableText(item.value);
  }
  if (!status.empty()) lines.push_back(std::move(status));

  const size_t columns = options_.columns > 0 ? options_.columns : TerminalColumns(STDERR_FILENO);
  std::string out;
  if (lines_drawn_ > 0) out = fmt::format("\x1b[{}A", lines_drawn_);
  // A line that wraps would be two, and the next redraw would start too low.
  for (const std::string& line : lines) {
    out.append("\r\x1b[K").append(FitToWidth(line, columns - 1)).append("\n");
  }
  out += "\x1b[J";  // a block that has become shorter
  lines_drawn_ = lines.size();
  return out;
}

std::string Progress::Line(double done, const std::vector<ProgressItem>& items, double elapsed_s,
                           std::string_view state) const {
  std::string out = fmt::format("{} what={} done={:.10g}", state, LineValue(work_.what), done);
  if (work_.total > 0) {
    out += fmt::format(" total={:.10g} percent={:.1f}", work_.total, 100 * done / work_.total);
  }
  if (!work_.unit.empty()) out += fmt::format(" unit={}", LineValue(work_.unit));
  out += fmt::format(" elapsed_s={:.1f}", elapsed_s);
  if (elapsed_s > 0) out += fmt::format(" per_s={:.6g}", done / elapsed_s);
  if (const double left = SecondsLeft(done, elapsed_s); left >= 0) {
    out += fmt::format(" left_s={:.1f}", left);
  }
  for (const ProgressItem& item : items) {
    out += fmt::format(" {}={}", item.key, LineValue(item.value));
  }
  return out += "\n";
}

void Progress::Report(double done, const std::vector<ProgressItem>& items) {
  if (mode_ == Mode::kQuiet) return;
  std::lock_guard lock(mutex_);
  if (finished_) return;
  const int64_t now = Now();
  const double elapsed_s = static_cast<double>(now - start_us_) / 1e6;
  const bool block = mode_ == Mode::kBlock;
  Write(block ? Block(done, items, elapsed_s) : Line(done, items, elapsed_s, "progress"));
  const double interval_s = block ? options_.block_interval_s : options_.line_interval_s;
  due_us_.store(now + static_cast<int64_t>(interval_s * 1e6), std::memory_order_relaxed);
}

void Progress::Finish(double done, const std::vector<ProgressItem>& items) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  finished_ = true;
  due_us_.store(INT64_MAX, std::memory_order_relaxed);
  EraseBlock();
  if (mode_ != Mode::kLines) return;
  Write(Line(done, items, static_cast<double>(Now() - start_us_) / 1e6, "finished"));
}

}  // namespace reeve
