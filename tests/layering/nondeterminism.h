// What must not stand in the source of the simulated world, because its result differs by run, machine or compiler
// (docs/architecture.md, "Determinism"). Text is all that these checks see: they catch slips, not ill will; the traces
// themselves are compared by tests/determinism.sh.
#pragma once

#include <string_view>
#include <vector>

#include "tests/layering/source_tree.h"

namespace windtunnel::tests {

// A use that is right although the word is on the list, and why.
struct Exception {
  std::string_view path;
  std::string_view word;
  std::string_view why;
};

// Real clocks, threads, randomness, environment, library algorithms with unspecified results, and containers ordered by
// address, in core (but core/posix), sim, faults and scenarios. An exception that nothing needs is a violation too.
[[nodiscard]] std::vector<Violation> find_real_world_words(const SourceTree& tree, const std::vector<Exception>& exceptions);

// Iteration over a std::unordered_ container: a range-for or begin() on a name that the file or its header declares as one.
[[nodiscard]] std::vector<Violation> find_unordered_iteration(const SourceTree& tree);

// A catch (...) that neither throws on nor ends the process: it would swallow the end of a killed node's task.
[[nodiscard]] std::vector<Violation> find_swallowed_kills(const SourceTree& tree);

// Paths of the machine on which a file was written, and words about how it was written; in every text file.
[[nodiscard]] std::vector<Violation> find_stray_words(const SourceTree& tree);

}  // namespace windtunnel::tests
