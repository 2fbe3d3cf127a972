// What a terminal can show: widths of text in cells, colours, and text that cannot take it over.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace reeve {

// Cells that UTF-8 text takes: 0 for combining marks, 2 for wide East Asian characters and emoji
// (Unicode 15, EastAsianWidth W and F), else 1. A byte that is not UTF-8 counts 1.
size_t DisplayWidth(std::string_view text);

// The text cut to at most `width` cells; what is cut ends in "…".
std::string FitToWidth(std::string_view text, size_t width);

// The text with control characters (terminal escapes, line breaks, bidirectional overrides) and
// bytes that are not UTF-8 replaced by U+FFFD. Names come from files that anyone may have written.
std::string PrintableText(std::string_view text);

bool IsTerminal(int fd);
size_t TerminalColumns(int fd);  // 80 when unknown

// A terminal whose user has not asked for plain text (NO_COLOR set and not empty, or TERM=dumb).
bool ColorAllowed(int fd);

}  // namespace reeve
