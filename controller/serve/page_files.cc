#include "controller/serve/page_files.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "controller/serve/page/page_assets.h"
#include "runs/assets/assets.h"

namespace reeve {
namespace {

// Nothing from elsewhere, nothing inline, nothing that is made of text at run time.
constexpr const char* kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for "
    "'script'; trusted-types 'none'";

struct File {
  const char* path;
  const char* content_type;
  // In the order in which they run; those that reports share, then those of the page alone.
  std::vector<const char*> shared, own;
};

const std::array<File, 4>& Files() {
  static const std::array<File, 4> files = {{
      {"/", "text/html; charset=utf-8", {}, {"index.html"}},
      {"/page.css", "text/css; charset=utf-8", {"report.css"}, {"page.css"}},
      {"/chart.js", "text/javascript; charset=utf-8", {"chart.min.js"}, {}},
      {"/page.js",
       "text/javascript; charset=utf-8",
       {"format.js", "charts.js", "sorting.js", "run_view.js", "function_charts.js"},
       {"grid.js", "source.js", "history.js", "access.js", "overview.js", "function_view.js",
        "cluster_view.js", "timeline_view.js", "why_view.js", "events_view.js", "page.js"}},
  }};
  return files;
}

const File* Find(const std::string& path) {
  const auto found = std::ranges::find(Files(), std::string_view(path), &File::path);
  return found == Files().end() ? nullptr : &*found;
}

}  // namespace

bool IsPageFile(const std::string& path) {
  return Find(path) != nullptr;
}

std::optional<ServedAnswer> PageFile(const std::string& path) {
  const File* file = Find(path);
  if (file == nullptr) return std::nullopt;
  ServedAnswer answer;
  for (const char* name : file->shared) answer.body.append(EmbeddedAsset(name)).append("\n");
  for (const char* name : file->own) answer.body.append(EmbeddedPageAsset(name)).append("\n");
  answer.content_type = file->content_type;
  answer.content_security_policy = kPagePolicy;
  return answer;
}

}  // namespace reeve
