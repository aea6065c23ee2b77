// Reads one scalar, or one of the few small forms that stand for one (a bound, the ends of a link), as its type.
#pragma once

#include "scenarios/language/typed_value.h"

namespace windtunnel::scenarios {

// Requires: the shape is none of list, map, text_map, object. A wrong value goes into `diagnostics` as a wrong value of
// `key`; the result then holds nothing.
[[nodiscard]] TypedValue::Plain read_plain(const YamlTree& tree, const Shape& shape, std::string_view key, Diagnostics& diagnostics);

}  // namespace windtunnel::scenarios
