#include "core/base/random.h"

#include <doctest/doctest.h>

namespace windtunnel::core {
namespace {

TEST_CASE("the same seed and label give the same draws, and other labels others") {
  const Random root{Seed{7}};
  Random a = root.child("disk/leaf");
  Random again = root.child("disk/leaf");
  Random other = root.child("disk/hub");
  const std::uint64_t first = a.next();
  CHECK(first == again.next());
  CHECK(first != other.next());
  CHECK(Random{Seed{8}}.child("disk/leaf").next() != first);
}

TEST_CASE("a child does not depend on what its parent has drawn") {
  Random root{Seed{7}};
  const std::uint64_t before = root.child("x").next();
  root.next();
  CHECK(root.child("x").next() == before);
}

TEST_CASE("the first draws of seed 1 are fixed, so that no compiler or library changes them") {
  Random random{Seed{1}};
  CHECK(random.next() == 0xcfc5d07f6f03c29bu);
  CHECK(random.next() == 0xbf424132963fe08du);
}

TEST_CASE("bounded draws stay in their bounds and reach both ends") {
  Random random{Seed{3}};
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t draw = random.between(std::uint64_t{5}, std::uint64_t{8});
    REQUIRE(draw >= 5);
    REQUIRE(draw <= 8);
    low = low || draw == 5;
    high = high || draw == 8;
  }
  CHECK(low);
  CHECK(high);
}

}  // namespace
}  // namespace windtunnel::core
