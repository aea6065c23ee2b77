// The tables of NATS's own configuration objects. Reference: jetstream-api 4.1, 5.2 and 9.1.
#pragma once

#include "scenarios/language/tables.h"

namespace windtunnel::scenarios {

[[nodiscard]] const Table& stream_table();
// What an update may say: the same, without what tells which stream it is.
extern const Table kStreamUpdate;
[[nodiscard]] const Table& consumer_table();

}  // namespace windtunnel::scenarios
