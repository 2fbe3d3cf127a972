#include "tests/runs/chromium.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace reeve {
namespace {

using Json = nlohmann::json;
constexpr int kTimeoutMs = 60'000;

std::string Base64Decode(const std::string& text) {
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    int v;
    if (c >= 'A' && c <= 'Z') {
      v = c - 'A';
    } else if (c >= 'a' && c <= 'z') {
      v = c - 'a' + 26;
    } else if (c >= '0' && c <= '9') {
      v = c - '0' + 52;
    } else if (c == '+') {
      v = 62;
    } else if (c == '/') {
      v = 63;
    } else {
      break;
    }
    bits = (bits << 6) | static_cast<unsigned>(v);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>((bits >> count) & 0xFF);
    }
  }
  return out;
}

// In the child: the protocol's pipes become descriptors 3 (browser reads) and 4 (browser writes).
[[noreturn]] void Exec(const std::string& program, const std::string& profile, int read_end,
                       int write_end) {
  setpgid(0, 0);
  const int quiet = open("/dev/null", O_RDWR);
  // Away from 3 and 4 first, so that neither dup2 overwrites the other's source.
  const int in = fcntl(read_end, F_DUPFD, 10), out = fcntl(write_end, F_DUPFD, 10);
  dup2(quiet, STDIN_FILENO);
  dup2(quiet, STDOUT_FILENO);
  dup2(quiet, STDERR_FILENO);
  dup2(in, 3);
  dup2(out, 4);
  const std::string profile_flag = "--user-data-dir=" + profile;
  execl(program.c_str(), program.c_str(), "--headless", "--no-sandbox", "--disable-gpu",
        "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
        "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe",
        profile_flag.c_str(), "about:blank", static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

std::string FindChromium() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return "";
}

Chromium::Chromium(const std::string& program) {
  std::string pattern = (std::filesystem::temp_directory_path() / "reeve-chromium-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  profile_ = pattern;
  int down[2], up[2];
  if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  signal(SIGPIPE, SIG_IGN);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ == 0) Exec(program, profile_, down[0], up[1]);
  close(down[0]);
  close(up[1]);
  to_browser_ = down[1];
  from_browser_ = up[0];
  const Json target = Call("Target.createTarget", {{"url", "about:blank"}});
  session_ = Call("Target.attachToTarget", {{"targetId", target["targetId"]}, {"flatten", true}})
                 .at("sessionId");
  for (const char* domain : {"Page", "Runtime", "Log", "Network"}) {
    Call(std::string(domain) + ".enable");
  }
}

Chromium::~Chromium() {
  session_.clear();
  try {
    Call("Browser.close");
  } catch (const std::exception&) {
    // It is ended below whatever it said.
  }
  close(to_browser_);
  close(from_browser_);
  for (int i = 0; i < 100 && waitpid(pid_, nullptr, WNOHANG) == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (i == 60) kill(-pid_, SIGKILL);
  }
  std::error_code ignored;
  std::filesystem::remove_all(profile_, ignored);
}

Json Chromium::ReadMessage() {
  while (true) {
    if (const size_t end = buffer_.find('\0'); end != std::string::npos) {
      Json message = Json::parse(buffer_.substr(0, end));
      buffer_.erase(0, end + 1);
      return message;
    }
    pollfd ready{from_browser_, POLLIN, 0};
    if (poll(&ready, 1, kTimeoutMs) <= 0) throw std::runtime_error("chromium does not answer");
    char bytes[1 << 16];
    const ssize_t n = read(from_browser_, bytes, sizeof(bytes));
    if (n <= 0) throw std::runtime_error("chromium went away");
    buffer_.append(bytes, static_cast<size_t>(n));
  }
}

void Chromium::OnEvent(const Json& message) {
  const std::string method = message.value("method", "");
  const Json& p = message.value("params", Json::object());
  if (method == "Runtime.exceptionThrown") {
    complaints_.push_back("exception: " + p.at("exceptionDetails").dump());
  } else if (method == "Runtime.consoleAPICalled" && p.at("type") != "log") {
    complaints_.push_back("console: " + p.dump());
  } else if (method == "Log.entryAdded") {
    complaints_.push_back("log: " + p.at("entry").dump());
  } else if (method == "Network.requestWillBeSent") {
    const std::string url = p.at("request").at("url");
    if (url != page_url_ && !url.starts_with("data:")) requests_.push_back(url);
  }
}

Json Chromium::Call(const std::string& method, Json parameters) {
  const int id = next_id_++;
  Json message = {{"id", id}, {"method", method}, {"params", std::move(parameters)}};
  if (!session_.empty()) message["sessionId"] = session_;
  std::string text = message.dump();
  text += '\0';
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t n = write(to_browser_, text.data() + sent, text.size() - sent);
    if (n <= 0) throw std::runtime_error("chromium went away");
    sent += static_cast<size_t>(n);
  }
  while (true) {
    const Json answer = ReadMessage();
    if (answer.value("id", 0) != id) {
      OnEvent(answer);
      continue;
    }
    if (answer.contains("error")) throw std::runtime_error(method + ": " + answer["error"].dump());
    return answer.at("result");
  }
}

void Chromium::Resize(int width, int height, double scale) {
  Call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", scale}, {"mobile", false}});
}

void Chromium::PreferDark(bool dark) {
  Call("Emulation.setEmulatedMedia",
       {{"features", {{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}}}}});
}

void Chromium::Open(const std::string& path) {
  complaints_.clear();
  requests_.clear();
  page_url_ = "file://" + path;
  Call("Page.navigate", {{"url", page_url_}});
  for (int i = 0; i < 600; ++i) {
    if (Evaluate("document.documentElement?.dataset.ready || ''") == "true") return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw std::runtime_error("the page never became ready: " +
                           (complaints_.empty() ? path : complaints_[0]));
}

Json Chromium::Evaluate(const std::string& expression) {
  const Json result =
      Call("Runtime.evaluate",
           {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
  if (result.contains("exceptionDetails")) {
    throw std::runtime_error(expression + ": " + result["exceptionDetails"].dump());
  }
  return result.at("result").value("value", Json());
}

Json Chromium::EvaluateUntil(const std::string& expression, const Json& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (true) {
    Json result = Evaluate(expression);
    if (result == wanted || std::chrono::steady_clock::now() > deadline) return result;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void Chromium::Click(const std::string& selector) {
  const Json at = Evaluate("(() => { const e = document.querySelector(" + Json(selector).dump() +
                           "); if (!e) throw new Error('no such element');"
                           "e.scrollIntoView({block: 'center', behavior: 'instant'});"
                           "const b = e.getBoundingClientRect();"
                           "return {x: b.x + b.width / 2, y: b.y + b.height / 2}; })()");
  for (const char* type : {"mousePressed", "mouseReleased"}) {
    Call("Input.dispatchMouseEvent",
         {{"type", type}, {"x", at["x"]}, {"y", at["y"]}, {"button", "left"}, {"clickCount", 1}});
  }
}

void Chromium::Type(const std::string& text) {
  Call("Input.insertText", {{"text", text}});
}

void Chromium::Press(const std::string& key) {
  struct Key {
    const char* name;
    const char* key;
    int code;
    const char* text;
  };
  constexpr Key kKeys[] = {{"Enter", "Enter", 13, "\r"},
                           {"Tab", "Tab", 9, ""},
                           {"Escape", "Escape", 27, ""},
                           {"Space", " ", 32, " "}};
  for (const Key& k : kKeys) {
    if (key != k.name) continue;
    Json down = {{"type", *k.text ? "keyDown" : "rawKeyDown"},
                 {"key", k.key},
                 {"code", k.name},
                 {"windowsVirtualKeyCode", k.code}};
    if (*k.text) down["text"] = k.text;
    Call("Input.dispatchKeyEvent", down);
    Call("Input.dispatchKeyEvent",
         {{"type", "keyUp"}, {"key", k.key}, {"code", k.name}, {"windowsVirtualKeyCode", k.code}});
    return;
  }
  throw std::runtime_error("unknown key " + key);
}

void Chromium::Screenshot(const std::string& path, bool whole_page) {
  const Json shot =
      Call("Page.captureScreenshot", {{"format", "png"}, {"captureBeyondViewport", whole_page}});
  std::ofstream(path, std::ios::binary) << Base64Decode(shot.at("data"));
}

}  // namespace reeve
