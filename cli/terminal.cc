#include "cli/terminal.h"

#include <chrono>
#include <cstdio>

namespace windtunnel::cli {

void print(std::string_view text) { static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout)); }

void complain(std::string_view text) {
  std::fflush(stdout);
  std::fprintf(stderr, "windtunnel: %.*s\n", static_cast<int>(text.size()), text.data());
}

core::Duration real_time() { return std::chrono::duration_cast<core::Duration>(std::chrono::steady_clock::now().time_since_epoch()); }

}  // namespace windtunnel::cli
