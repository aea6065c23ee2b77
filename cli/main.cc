#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "scenarios/run.h"

int main(int argc, char** argv) {
  using namespace windtunnel;
  const std::vector<std::string> arguments{argv + (argc > 0 ? 1 : 0), argv + argc};
  const char* command = std::getenv("WINDTUNNEL_COMMAND");
  const char* terminal = std::getenv("TERM");
  const bool is_plain = terminal == nullptr || std::string_view{terminal} == "dumb";
  cli::Environment environment;
  environment.run = &scenarios::run_scenario;
  if (command != nullptr && *command != '\0') environment.command = command;
  environment.has_colours = !is_plain && isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  environment.has_progress = !is_plain && isatty(STDERR_FILENO) == 1;
  return cli::run_cli(arguments, environment);
}
