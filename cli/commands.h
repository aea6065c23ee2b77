// The verbs. Each prints to standard output and error, and gives the exit status.
#pragma once

#include <span>
#include <string>

#include "cli/arguments.h"
#include "cli/environment.h"

namespace windtunnel::cli {

int run_command(const RunCommand& command, const Environment& environment);
int crash_points_command(const CrashPointsCommand& command, const Environment& environment);
int check_command(const CheckCommand& command);
int serve_command(const ServeCommand& command);
int list_command(const ListCommand& command);
int inspect_command(const InspectCommand& command, const Environment& environment);

// The whole program: parses, does what is asked, and makes sure that what was printed has arrived.
// `arguments`: without the program's own name.
int run_cli(std::span<const std::string> arguments, const Environment& environment);

}  // namespace windtunnel::cli
