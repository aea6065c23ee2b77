// JSON with the place of every key, as the tree that the tables of the language are checked against.
//
// Any bytes may be given: strict JSON in UTF-8, of bounded size and depth; a file may hold several values one behind the other,
// as a loop over `nats stream info --json` prints them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/language/diagnostic.h"
#include "scenarios/language/yaml_tree.h"

namespace windtunnel::scenarios {

inline constexpr core::Bytes kJsonMax{16u << 20};
inline constexpr std::size_t kJsonDepthMax = 64;

// Empty, with a diagnostic, if the text is no JSON. Columns count characters.
[[nodiscard]] std::vector<YamlTree> parse_json(std::string_view text, const std::string& file, Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
