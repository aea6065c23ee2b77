// One name, one type: two classes of one name in one namespace are told from each other by no linker. It takes either one's functions
// for both, where they are not inlined.
#pragma once

#include <vector>

#include "tests/layering/source_tree.h"

namespace windtunnel::tests {

// Every class that is defined a second time in a namespace with a name; each test is a program of its own, so tests/ is left out.
[[nodiscard]] std::vector<Violation> find_double_definitions(const SourceTree& tree);

}  // namespace windtunnel::tests
