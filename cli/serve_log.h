// ServeLog: the core's log of a real server, on standard error.
#pragma once

#include <memory>

#include "core/env/log.h"

namespace windtunnel::cli {

// Events from `level` on, a line each: "[time] [info] store.recovered stream=S messages=3".
[[nodiscard]] std::unique_ptr<core::Log> make_serve_log(core::LogLevel level);

}  // namespace windtunnel::cli
