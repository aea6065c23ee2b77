// A real node answers every sequence of operations as the model does; one that is broken does not.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/scenarios/model_driver.h"
#include "tests/support/sanitized.h"

namespace windtunnel::scenarios {
namespace {

using core::Defect;
using core::Defects;

constexpr std::size_t kOperations = 40;

// How many, and from which: WINDTUNNEL_MODEL_SEEDS=1000 or 5000+1000.
struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = tests::kIsSanitized ? 200 : 1200;
};
Seeds seeds() {
  Seeds out;
  const char* wanted = std::getenv("WINDTUNNEL_MODEL_SEEDS");
  if (wanted == nullptr) return out;
  const std::string text = wanted;
  const std::size_t plus = text.find('+');
  out.count = std::stoull(plus == std::string::npos ? text : text.substr(plus + 1));
  if (plus != std::string::npos) out.first = std::stoull(text);
  return out;
}

TEST_CASE("a node answers random operations as the model does") {
  const Seeds wanted = seeds();
  for (std::uint64_t seed = wanted.first; seed < wanted.first + wanted.count; ++seed) {
    const ModelSequence sequence = draw_sequence(seed, kOperations);
    const std::string difference = run_sequence(sequence, {});
    CAPTURE(seed);
    CHECK(difference == "");
    if (difference.empty()) continue;
    const ModelSequence small = shrink_sequence(sequence, {});
    MESSAGE("shrunk: " << run_sequence(small, {}) << "\n" << text_of(small));
  }
}

TEST_CASE("a core that is broken is found out within a few sequences, by a short one") {
  for (const Defect defect :
       {Defect::break_first_seq, Defect::break_cas, Defect::break_dedupe, Defect::break_stale_latest, Defect::break_ack_before_store}) {
    CAPTURE(name_of(defect));
    Defects defects;
    defects.set(defect);
    bool is_found = false;
    for (std::uint64_t seed = 1; seed <= 30 && !is_found; ++seed) {
      const ModelSequence sequence = draw_sequence(seed, kOperations);
      if (run_sequence(sequence, defects).empty()) continue;
      is_found = true;
      const ModelSequence small = shrink_sequence(sequence, defects);
      CHECK(small.operations.size() <= 4);
      CHECK_FALSE(run_sequence(small, defects).empty());
      CHECK(run_sequence(small, {}).empty());
    }
    CHECK(is_found);
  }
}

TEST_CASE("a sequence reads as what it does") {
  const ModelSequence sequence = draw_sequence(3, 5);
  const std::string text = text_of(sequence);
  CHECK(text.starts_with("stream {\"allow_direct\":true"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 6);
  CHECK(text_of(draw_sequence(3, 5)) == text);
  CHECK(text_of(draw_sequence(4, 5)) != text);
}

}  // namespace
}  // namespace windtunnel::scenarios
