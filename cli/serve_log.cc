#include "cli/serve_log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <iterator>

namespace windtunnel::cli {
namespace {

spdlog::level::level_enum level_of(core::LogLevel level) {
  switch (level) {
    case core::LogLevel::trace: return spdlog::level::trace;
    case core::LogLevel::debug: return spdlog::level::debug;
    case core::LogLevel::info: return spdlog::level::info;
    case core::LogLevel::warn: return spdlog::level::warn;
    case core::LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::off;
}

class ServeLog final : public core::Log {
 public:
  explicit ServeLog(core::LogLevel level) : logger_(spdlog::stderr_color_st("windtunnel")) { logger_->set_level(level_of(level)); }
  ~ServeLog() override { spdlog::drop("windtunnel"); }
  ServeLog(const ServeLog&) = delete;
  ServeLog& operator=(const ServeLog&) = delete;

  void event(core::LogLevel level, core::EventName name, core::LogFields fields) noexcept override {
    if (!logger_->should_log(level_of(level))) return;
    std::string line{name.text};
    for (const core::LogField& field : fields) {
      if (field.is_text) {
        fmt::format_to(std::back_inserter(line), " {}={}", field.key, field.text);
      } else {
        fmt::format_to(std::back_inserter(line), " {}={}", field.key, field.number);
      }
    }
    logger_->log(level_of(level), "{}", line);
  }

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace

std::unique_ptr<core::Log> make_serve_log(core::LogLevel level) { return std::make_unique<ServeLog>(level); }

}  // namespace windtunnel::cli
