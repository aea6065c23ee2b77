// The invariants by name: what each says in a sentence. The checks themselves lie in
// the files beside this one; docs/invariants.md explains them.
#pragma once

#include <span>
#include <string_view>

namespace windtunnel::scenarios {

struct InvariantName {
  std::string_view name;
  std::string_view sentence;
};

// Sorted by theme, as `list invariants` shows them.
[[nodiscard]] std::span<const InvariantName> invariant_names();
// nullptr if there is none of that name.
[[nodiscard]] const InvariantName* invariant_named(std::string_view name);

}  // namespace windtunnel::scenarios
