#include "runs/html_page.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/check.h"
#include "runs/assets/assets.h"

namespace reeve {
namespace {

// The template with every "{{name}}" replaced. Replacements are not looked at again, so nothing in
// a run's data can be taken for a name of the template.
std::string Fill(std::string_view text,
                 std::span<const std::pair<std::string_view, std::string>> values) {
  std::string out;
  while (true) {
    const size_t open = text.find("{{");
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    const size_t close = text.find("}}", open);
    REEVE_CHECK(close != std::string_view::npos);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    for (const auto& [key, value] : values) {
      if (key == name) out += value;
    }
    text.remove_prefix(close + 2);
  }
}

}  // namespace

std::string HtmlPage(const HtmlPageParts& parts) {
  REEVE_CHECK(parts.data != nullptr);
  std::string scripts;
  for (const char* name : parts.scripts) scripts.append(EmbeddedAsset(name)).append("\n");
  const std::pair<std::string_view, std::string> values[] = {
      {"title", HtmlText(parts.title)},
      {"kind", HtmlText(parts.kind)},
      {"style", std::string(EmbeddedAsset("report.css"))},
      {"content", std::string(EmbeddedAsset(parts.content))},
      {"chart_library", std::string(EmbeddedAsset("chart.min.js"))},
      {"data", JsonForScript(*parts.data)},
      {"scripts", std::move(scripts)},
  };
  return Fill(EmbeddedAsset("page.html"), values);
}

std::string JsonForScript(const nlohmann::ordered_json& json) {
  const std::string text =
      json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      out += "\\u003c";  // '<' stands only inside JSON strings, where this means the same
    } else {
      out += c;
    }
  }
  return out;
}

std::string HtmlText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace reeve
