#include "scenarios/invariants/names.h"

#include <doctest/doctest.h>

#include <set>

#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {
namespace {

TEST_CASE("each invariant has a check, and each check a name") {
  std::set<std::string_view> checked;
  std::set<std::string_view> all;
  for (const InvariantName& name : invariant_names()) {
    CHECK(all.insert(name.name).second);
    CHECK(name.sentence.ends_with('.'));
  }
  for (const Invariant& invariant : invariants()) checked.insert(invariant.name);
  CHECK(all == checked);
}

}  // namespace
}  // namespace windtunnel::scenarios
