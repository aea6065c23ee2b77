// The tables of NATS's own configuration objects. Reference: jetstream-api 4.1, 5.2 and 9.1.
#pragma once

#include "scenarios/language/tables.h"

namespace windtunnel::scenarios {

[[nodiscard]] const Table& stream_table();
[[nodiscard]] const Table& consumer_table();

}  // namespace windtunnel::scenarios
