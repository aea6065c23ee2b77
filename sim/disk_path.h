// Patterns over paths, by which faults name files that do not exist yet ("msgs/2.blk", "*.blk", "streams/**/meta.inf").
#pragma once

#include <string_view>

namespace windtunnel::sim {

// Whether the whole path, or what is left of it behind any "/", matches. "*": any characters but "/"; "**": any; "?": one
// character but "/".
[[nodiscard]] bool path_matches(std::string_view pattern, std::string_view path);

}  // namespace windtunnel::sim
