#include "scenarios/language/nearest.h"

#include <doctest/doctest.h>

#include <vector>

namespace windtunnel::scenarios {
namespace {

const std::vector<std::string_view> kWords = {"between", "latency", "bandwidth", "power_loss", "on", "SIGKILL"};

TEST_CASE("a typing mistake finds its word") {
  struct Row {
    std::string_view typed;
    std::string_view meant;
  };
  for (const Row& row : std::vector<Row>{{"latncy", "latency"},
                                         {"lantecy", "latency"},
                                         {"latencyy", "latency"},
                                         {"Latency", "latency"},
                                         {"power-loss", "power_loss"},
                                         {"powerloss", "power_loss"},
                                         {"sigkil", "SIGKILL"},
                                         {"bandwith", "bandwidth"}}) {
    CAPTURE(row.typed);
    CHECK(nearest(row.typed, kWords) == row.meant);
  }
}

TEST_CASE("what is near to nothing finds nothing") {
  for (const std::string_view typed : {"", "xyz", "stream", "at", "delay_ms", "ltny"}) {
    CAPTURE(typed);
    CHECK(nearest(typed, kWords).empty());
  }
  CHECK(nearest(std::string(1'000'000, 'x'), kWords).empty());
}

TEST_CASE("of two equally near words the first is named") {
  const std::vector<std::string_view> words = {"pause", "cause"};
  CHECK(nearest("ause", words) == "pause");
}

TEST_CASE("a hint names the nearest word, or all of a few, or none of many") {
  CHECK(hint("latncy", kWords) == "; did you mean `latency`?");
  const std::vector<std::string_view> few = {"hub", "leaf", "edge"};
  CHECK(hint("zzz", few) == "; there are hub, leaf and edge");
  const std::vector<std::string_view> one = {"hub"};
  CHECK(hint("zzz", one) == "; there is hub");
  CHECK(hint("zzz", std::vector<std::string_view>(17, "word")) == "");
  CHECK(hint("zzz", {}) == "");
}

TEST_CASE("quoted text is short and shows what cannot be seen") {
  CHECK(quoted("a\nb\x7f") == "`a\\x0ab\\x7f`");
  CHECK(quoted(std::string(100, 'x')) == "`" + std::string(60, 'x') + "...`");
  // 59 letters and a two-byte one at the cut: no half of it is shown.
  CHECK(quoted(std::string(59, 'x') + "\xc3\xa9zzz") == "`" + std::string(59, 'x') + "...`");
}

}  // namespace
}  // namespace windtunnel::scenarios
