// The base types that every event and every stored record goes through.
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/base/hash.h"
#include "core/base/random.h"
#include "tests/bench/bench.h"

using namespace windtunnel;
using windtunnel::tests::Bench;
using windtunnel::tests::keep;

int main(int argc, char** argv) {
  Bench bench{argc, argv};
  std::uint64_t hash = 1;
  bench.measure("fold a word into the trace hash", [&](std::uint64_t count) {
    while (count-- > 0) hash = core::fold(hash, count);
    keep(hash);
  });
  core::Random random{core::Seed{1}};
  bench.measure("draw a random word",
                [&](std::uint64_t count) {
                  while (count-- > 0) keep(random.next());
                },
                {.baseline = "fold a word into the trace hash"});
  bench.measure("draw a bounded number",
                [&](std::uint64_t count) {
                  while (count-- > 0) keep(random.below(1000));
                },
                {.baseline = "draw a random word"});
  return bench.finish();
}
