// What the command line takes from the world around it, read once in main and passed down.
#pragma once

#include <string>

#include "scenarios/verify.h"

namespace windtunnel::cli {

struct Environment {
  scenarios::Runner run;               // what runs a scenario
  std::string command = "windtunnel";  // how it was called, for replay commands: WINDTUNNEL_COMMAND, or its own name
  bool has_colours = false;            // standard output is a terminal and NO_COLOR is not set
  bool has_progress = false;           // standard error is a terminal
};

// Exit statuses (design, section 6).
inline constexpr int kExitHeld = 0;
inline constexpr int kExitDivergence = 1;
inline constexpr int kExitUsage = 2;  // bad usage or input, or our own I/O failed
inline constexpr int kExitNondeterministic = 3;
inline constexpr int kExitInternal = 4;

}  // namespace windtunnel::cli
