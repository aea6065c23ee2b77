// The JSON Schema (draft 2020-12) of the scenario language, for editors, written from the loader's own tables.
#pragma once

#include <string>

namespace windtunnel::scenarios {

// The content of scenarios/scenario.schema.json, indented, with a newline at its end. A test compares the two.
[[nodiscard]] std::string json_schema();

}  // namespace windtunnel::scenarios
