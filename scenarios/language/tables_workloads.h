// The tables of workloads: the clients of a scenario and what they do.
#pragma once

#include "scenarios/language/tables.h"

namespace windtunnel::scenarios {

[[nodiscard]] const Table& workload_table();

}  // namespace windtunnel::scenarios
