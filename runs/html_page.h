// The frame that Reeve's pages have in common: one HTML file that needs nothing else, with style,
// scripts, chart library and data inside, under a content security policy that forbids every
// request.
//
// Names in the data are a stranger's: they reach the page as JSON in which '<' is escaped, and its
// scripts put them there as text, never as markup.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace reeve {

struct HtmlPageParts {
  std::string title;                             // as plain text
  std::string_view kind;                         // what stands above the heading, as plain text
  std::string_view content;                      // asset with the markup of <main>
  std::span<const char* const> scripts;          // assets, in the order in which they run
  const nlohmann::ordered_json* data = nullptr;  // what the scripts work on; not null
};
std::string HtmlPage(const HtmlPageParts& parts);

// JSON text that can stand inside a <script> element: no '<', so no "</script" or "<!--".
std::string JsonForScript(const nlohmann::ordered_json& json);

// Text that can stand in HTML, also inside a quoted attribute.
std::string HtmlText(std::string_view text);

}  // namespace reeve
