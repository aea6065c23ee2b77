// Progress: one line on a terminal that says how far a long command is. Nothing at all elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "core/base/types.h"

namespace windtunnel::cli {

// "137/200 runs, 41 runs/s, 2s left". `ended` of `total` after `elapsed`; `unit`: what is counted.
[[nodiscard]] std::string progress_text(std::uint64_t ended, std::uint64_t total, core::Duration elapsed, std::string_view unit = "runs");

class Progress {
 public:
  // is_shown: `out` is a terminal.
  Progress(std::FILE* out, bool is_shown, std::uint64_t total, std::string_view unit = "runs")
      : out_(out), is_shown_(is_shown && total > 1), total_(total), unit_(unit) {}

  // Draws the line anew, not more than ten times a second.
  void update(std::uint64_t ended, core::Duration elapsed);
  // Takes the line away, so that something else can be written.
  void clear();

 private:
  std::FILE* out_;
  bool is_shown_;
  std::uint64_t total_;
  std::string unit_;
  bool is_drawn_ = false;
  core::Duration drawn_at_{};
};

}  // namespace windtunnel::cli
