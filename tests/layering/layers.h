// Who may include whom (docs/architecture.md), checked in the #include lines: a header-only use is invisible to the linker.
#pragma once

#include <vector>

#include "tests/layering/source_tree.h"

namespace windtunnel::tests {

// Every #include that looks from a folder to one that it must not know, names a file that does not exist or is not spelled
// from the root, and every heavy package where it does not belong.
[[nodiscard]] std::vector<Violation> find_layer_violations(const SourceTree& tree);

}  // namespace windtunnel::tests
