// Headless Chromium under test control, over the DevTools protocol on a pair of pipes
// (--remote-debugging-pipe): no driver program, no port, no extra package.
#pragma once

#include <sys/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace reeve {

// Where chromium is installed; empty when it is not.
std::string FindChromium();

// One browser with one page. Every failure to talk to it throws std::runtime_error, which fails
// the test that asked. Not thread-safe.
class Chromium {
 public:
  explicit Chromium(const std::string& program);
  ~Chromium();  // ends the browser and removes its profile
  Chromium(const Chromium&) = delete;
  Chromium& operator=(const Chromium&) = delete;

  void Resize(int width, int height, double scale = 1);
  void PreferDark(bool dark);
  // Opens a file and waits until the page says that it is ready (data-ready on its root).
  void Open(const std::string& path);

  // The value of a JavaScript expression (promises awaited); throws with its message if it throws.
  nlohmann::json Evaluate(const std::string& expression);
  // For what the page does in its own time, such as handling an event that it queued: evaluates
  // until the result is `wanted`, for ten seconds at most, and returns the last result.
  nlohmann::json EvaluateUntil(const std::string& expression, const nlohmann::json& wanted);
  // A real mouse click in the middle of the first element that matches; scrolls to it first.
  void Click(const std::string& selector);
  void Type(const std::string& text);  // into what has the focus
  void Press(const std::string& key);  // "Enter", "Tab", "Escape", "Space"
  // PNG of the whole page, or of what fits the window.
  void Screenshot(const std::string& path, bool whole_page);

  // What went wrong or outside since Open: console errors and warnings, uncaught exceptions.
  const std::vector<std::string>& complaints() const { return complaints_; }
  // URLs asked for since Open, but for the page itself and data: URLs.
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  nlohmann::json Call(const std::string& method,
                      nlohmann::json parameters = nlohmann::json::object());
  nlohmann::json ReadMessage();
  void OnEvent(const nlohmann::json& message);

  pid_t pid_ = -1;
  int to_browser_ = -1, from_browser_ = -1;
  std::string profile_, buffer_, session_, page_url_;
  int next_id_ = 1;
  std::vector<std::string> complaints_, requests_;
};

}  // namespace reeve
