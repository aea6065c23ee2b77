// What every command of the command line does with its terminal: it prints, it complains, it measures how long it takes.
#pragma once

#include <string_view>

#include "core/base/types.h"

namespace windtunnel::cli {

// To standard output, as it stands.
void print(std::string_view text);
// A line on standard error, behind what has been printed so far: "windtunnel: TEXT".
void complain(std::string_view text);
// Since some moment; for progress bars and the wall time of a report. No run sees it.
[[nodiscard]] core::Duration real_time();

}  // namespace windtunnel::cli
