#include "controller/serve/loop_log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "core/human.h"
#include "core/terminal.h"

namespace reeve {
namespace {

spdlog::level::level_enum LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
  }
  return spdlog::level::info;
}

// What is said through spdlog's default logger.
class PassOn final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit PassOn(LoopLog& to) : to_(to) {}

 private:
  void sink_it_(const spdlog::details::log_msg& said) override {
    const std::string message(said.payload.data(), said.payload.size());
    said.level >= spdlog::level::warn ? to_.Warning(message) : to_.Info(message);
  }
  void flush_() override {}

  LoopLog& to_;
};

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

LoopLog::LoopLog(const LogSpec& spec)
    : format_(spec.format),
      logger_(std::make_shared<spdlog::logger>("reeve",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())),
      default_before_(spdlog::default_logger()) {
  logger_->set_level(LevelOf(spec.level));
  logger_->flush_on(spdlog::level::debug);
  if (spec.format == LogFormat::kJson) {
    logger_->set_pattern("%v");
  } else {
    logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc);
  }
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("others", std::make_shared<PassOn>(*this)));
}

LoopLog::~LoopLog() {
  spdlog::set_default_logger(default_before_);
}

void LoopLog::OnTick(const TickRecord& tick) {
  if (!logger_->should_log(spdlog::level::debug)) return;
  size_t writes = 0;
  for (const FunctionRecord& record : tick.functions) writes += record.applied != Decision{};
  if (format_ == LogFormat::kJson) {
    const nlohmann::json json = {{"time", WallSeconds()},
                                 {"level", "debug"},
                                 {"kind", "tick"},
                                 {"tick", tick.tick},
                                 {"functions", tick.functions.size()},
                                 {"writes", writes},
                                 {"lateness_seconds", tick.lateness.seconds()},
                                 {"observe_seconds", tick.observe.seconds()},
                                 {"decide_seconds", tick.decide.seconds()},
                                 {"apply_seconds", tick.apply.seconds()}};
    logger_->debug("{}", json.dump());
    return;
  }
  logger_->debug("tick {}: {} functions, {} writes, {:.1f} ms late, {:.1f} ms", tick.tick,
                 tick.functions.size(), writes, tick.lateness.millis(),
                 (tick.observe + tick.decide + tick.apply).millis());
}

void LoopLog::OnEvent(const EventRecord& event) {
  Write(event.warning, NameOf(event.kind), event.function, event.tenant, event.message);
}

void LoopLog::Info(const std::string& message) {
  Write(false, "program", nullptr, "", message);
}

void LoopLog::Warning(const std::string& message) {
  Write(true, "program", nullptr, "", message);
}

void LoopLog::Write(bool warning, std::string_view kind, const LiveFunction* function,
                    std::string_view tenant, std::string_view message) {
  const auto level = warning ? spdlog::level::warn : spdlog::level::info;
  if (!logger_->should_log(level)) return;
  if (format_ == LogFormat::kJson) {
    nlohmann::json json = {{"time", WallSeconds()},
                           {"level", warning ? "warning" : "info"},
                           {"kind", kind},
                           {"message", message}};
    if (!tenant.empty()) json["tenant"] = tenant;
    if (function != nullptr) json["function"] = function->name;
    logger_->log(level, "{}", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  std::string line = fmt::format("{}: {}", kind, message);
  if (function != nullptr) line += fmt::format(" function={}", function->name);
  if (!tenant.empty()) line += fmt::format(" tenant={}", tenant);
  logger_->log(level, "{}", PrintableText(line));
}

}  // namespace reeve
