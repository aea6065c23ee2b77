// The times between which a stream's history is one.
//
// A crash that may cost what was acknowledged (scenarios/invariants/durability.h) ends a history, and the next begins: sequences
// may be used again. What is of an earlier one nothing is said of in the next.
#pragma once

#include <vector>

#include "core/base/types.h"

namespace windtunnel::scenarios {

struct Evidence;
struct FinalStream;

// Between two crashes that may cost something. `from` belongs to it.
struct Epoch {
  core::Instant from;
  core::Instant to = core::kForever;
  [[nodiscard]] bool has(core::Instant called, core::Instant returned) const { return called >= from && returned < to; }
};
// Of a stream up to where its files were damaged or its configuration changed; empty if nothing can be said of it: others write to
// it (it is a copy), or its subjects are not those that were published to.
[[nodiscard]] std::vector<Epoch> epochs_of(const Evidence& evidence, const FinalStream& stream);

}  // namespace windtunnel::scenarios
