#include "core/server/leaf_interest.h"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <optional>

#include "core/base/random.h"

namespace windtunnel::core {
namespace {

TEST_CASE("a name is known as long as somebody holds it, and its number is used again") {
  InterestNames names;
  const InterestNames::Id plain = names.take("a.b", "");
  const InterestNames::Id group = names.take("a.b", "q");
  CHECK(plain != group);
  CHECK(names.subject(plain) == "a.b");
  CHECK(names.queue(plain).empty());
  CHECK(names.subject(group) == "a.b");
  CHECK(names.queue(group) == "q");
  CHECK(names.take("a.b", "") == plain);
  names.release(plain);
  CHECK(names.text(plain) == "a.b");
  names.release(plain);
  CHECK(names.take("c", "") == plain);
  CHECK(names.subject(plain) == "c");
  CHECK(names.text(group) == "a.b q");
}

TEST_CASE("a plain subject is said when its count leaves or reaches 0, a queue at every change") {
  InterestNames names;
  LeafInterest interest{names};
  const InterestNames::Id plain = names.take("a", "");
  const InterestNames::Id group = names.take("a", "q");
  std::string said;
  interest.change(plain, -1, said);  // never counted
  CHECK(said.empty());
  interest.change(plain, 1, said);
  interest.change(plain, 1, said);
  CHECK(said == "LS+ a\r\n");
  interest.change(group, 2, said);
  interest.change(group, -1, said);
  CHECK(said == "LS+ a\r\nLS+ a q 2\r\nLS+ a q 1\r\n");
  said.clear();
  interest.change(plain, -1, said);
  interest.change(group, -1, said);
  interest.change(plain, -1, said);
  CHECK(said == "LS- a q\r\nLS- a\r\n");
  CHECK(interest.all().empty());
  CHECK(interest.said() == 5);
}

TEST_CASE("what several connections announce is counted apart, and held until each has withdrawn it or is gone") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random{Seed{seed}};
    InterestNames names;
    std::array<std::optional<LeafInterest>, 3> links;
    for (auto& link : links) link.emplace(names);
    std::array<std::map<std::string, std::int64_t>, 3> model;
    for (int step = 0; step < 400; ++step) {
      const std::size_t at = random.below(links.size());
      if (random.chance(Ratio{1, 50})) {
        links[at].emplace(names);
        model[at].clear();
        continue;
      }
      const std::string subject = "s" + std::to_string(random.below(8));
      const std::string queue = random.chance(Ratio{1, 3}) ? "q" : "";
      const std::string text = queue.empty() ? subject : subject + " " + queue;
      const std::int64_t delta = random.chance(Ratio{1, 2}) ? 1 : -1;
      const InterestNames::Id name = names.take(subject, queue);
      std::string said;
      links[at]->change(name, delta, said);
      names.release(name);
      std::int64_t& count = model[at][text];
      count = std::max<std::int64_t>(count + delta, 0);
      if (count == 0) model[at].erase(text);
      std::map<std::string, std::int64_t> found;
      for (const InterestNames::Id each : links[at]->all()) found[std::string{names.text(each)}] = links[at]->count(each);
      REQUIRE(found == model[at]);
    }
    for (auto& link : links) link.reset();
    REQUIRE(names.size() == 0);
  }
}

}  // namespace
}  // namespace windtunnel::core
