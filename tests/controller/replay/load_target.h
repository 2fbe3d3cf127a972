// A target for replays, on 127.0.0.1: takes any number of connections on one thread and answers
// each request as it is told, at once or later.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace reeve {

class LoadTarget {
 public:
  using Clock = std::chrono::steady_clock;
  struct Request {
    std::string method, target, host, authorization, body;
    Clock::time_point at;
  };
  struct Reply {
    unsigned status = 200;
    std::string body = "{}";
    std::vector<std::pair<std::string, std::string>> headers = {};
    Clock::time_point not_before = {};  // the answer waits until then
    bool never = false;                 // no answer, and the connection stays open
    bool cut = false;                   // the connection ends in the middle of the answer
    bool close = false;                 // and after this one
    bool stop_listening = false;        // new connections are refused from now on
  };
  // Called on the target's thread.
  using Handler = std::function<Reply(const Request&)>;

  // `cpu`: the processor that its thread runs on; negative: any.
  explicit LoadTarget(Handler handler, int cpu = -1);
  ~LoadTarget();

  int port() const;
  std::string url() const;  // "http://127.0.0.1:PORT"

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A Handler's stall: what comes in [begin, begin + length) after the first request is answered at
// its end.
class Stall {
 public:
  Stall(std::chrono::microseconds begin, std::chrono::microseconds length)
      : begin_(begin), length_(length) {}
  LoadTarget::Clock::time_point AnswerTime(LoadTarget::Clock::time_point at) {
    if (first_ == LoadTarget::Clock::time_point()) first_ = at;
    const auto since = at - first_;
    return since >= begin_ && since < begin_ + length_ ? first_ + begin_ + length_ : at;
  }

 private:
  const std::chrono::microseconds begin_, length_;
  LoadTarget::Clock::time_point first_;
};

}  // namespace reeve
