#include "scenarios/invariants/names.h"

#include <doctest/doctest.h>

#include <set>

#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {
namespace {

TEST_CASE("a scenario may name an invariant if, and only if, there is a check for it") {
  std::set<std::string_view> accepted;
  std::set<std::string_view> checked;
  std::set<std::string_view> all;
  for (const InvariantName& name : invariant_names()) {
    CHECK(all.insert(name.name).second);
    CHECK(name.sentence.ends_with('.'));
    if (name.is_checked) accepted.insert(name.name);
  }
  for (const Invariant& invariant : invariants()) checked.insert(invariant.name);
  CHECK(accepted == checked);
}

}  // namespace
}  // namespace windtunnel::scenarios
