// A validator for the part of JSON Schema that scenarios/scenario.schema.json uses. A keyword that it does not know is an
// error, so that the schema cannot grow past what is tested.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "scenarios/language/yaml_tree.h"

namespace windtunnel::scenarios {

// Empty if `value` conforms to `schema`; else the first reason, with its place in the value.
[[nodiscard]] std::string violation(const nlohmann::json& schema, const nlohmann::json& value, const std::string& place = "");

// The JSON that YAML's core schema makes of a tree.
[[nodiscard]] nlohmann::json to_json(const YamlTree& tree);

}  // namespace windtunnel::scenarios
