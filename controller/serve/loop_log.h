// What the loop tells, as lines on standard error: for people, or a JSON object each for machines.
// While it lives, what platforms and clients say through spdlog's default logger comes by it too.
#pragma once

#include <memory>
#include <string>

#include "controller/loop_records.h"
#include "controller/serve/serve_config.h"

namespace spdlog {
class logger;
}

namespace reeve {

// Thread-safe.
class LoopLog : public LoopSink {
 public:
  explicit LoopLog(const LogSpec& spec);
  ~LoopLog() override;

  // Ticks at level debug, events at info or warning.
  void OnTick(const TickRecord& tick) override;
  void OnEvent(const EventRecord& event) override;
  // What is said by others than the loop.
  void Info(const std::string& message);
  void Warning(const std::string& message);

 private:
  void Write(bool warning, std::string_view kind, const LiveFunction* function,
             std::string_view tenant, std::string_view message);

  const LogFormat format_;
  const std::shared_ptr<spdlog::logger> logger_;
  const std::shared_ptr<spdlog::logger> default_before_;
};

}  // namespace reeve
