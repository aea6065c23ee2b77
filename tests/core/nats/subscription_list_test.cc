#include "core/nats/subscription_list.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "core/base/random.h"
#include "core/nats/subject.h"

namespace windtunnel::core {
namespace {

std::vector<std::string> plain_of(SubscriptionList& list, std::string_view subject) {
  std::vector<std::string> subjects;
  const auto match = list.match(subject);
  for (const Subscription* s : match->plain) subjects.push_back(s->subject);
  return subjects;
}

TEST_CASE("plain subscriptions are found in the order of their insertion, whatever their shape") {
  SubscriptionList list;
  std::deque<Subscription> all;
  for (const char* subject : {"a.*", "a.b", ">", "a.>", "*.b", "a", "b.*", "a.b.c"})
    list.insert(all.emplace_back(Subscription{subject, "", 0}));
  CHECK(plain_of(list, "a.b") == std::vector<std::string>{"a.*", "a.b", ">", "a.>", "*.b"});
  CHECK(plain_of(list, "a") == std::vector<std::string>{">", "a"});
  CHECK(plain_of(list, "a.b.c") == std::vector<std::string>{">", "a.>", "a.b.c"});
  list.check_invariants();
}

TEST_CASE("queue groups keep their members apart from each other and from plain subscriptions") {
  SubscriptionList list;
  std::deque<Subscription> all;
  list.insert(all.emplace_back(Subscription{"a", "q2", 0}));
  list.insert(all.emplace_back(Subscription{"a", "", 0}));
  list.insert(all.emplace_back(Subscription{"*", "q1", 0}));
  list.insert(all.emplace_back(Subscription{">", "q2", 0}));
  const auto match = list.match("a");
  CHECK(match->plain == std::vector<Subscription*>{&all[1]});
  REQUIRE(match->groups.size() == 2);
  CHECK(match->groups[0].queue == "q2");
  CHECK(match->groups[0].members == std::vector<Subscription*>{&all[0], &all[3]});
  CHECK(match->groups[1].queue == "q1");
  CHECK(match->groups[1].members == std::vector<Subscription*>{&all[2]});
}

TEST_CASE("wildcards in a published subject are text") {
  SubscriptionList list;
  Subscription literal{"a.b", "", 0};
  Subscription star{"a.*", "", 0};
  list.insert(literal);
  CHECK(plain_of(list, "a.*").empty());
  CHECK(plain_of(list, "a.>").empty());
  list.insert(star);
  CHECK(plain_of(list, "a.*") == std::vector<std::string>{"a.*"});
  CHECK(plain_of(list, "a.>") == std::vector<std::string>{"a.*"});
}

TEST_CASE("a subject with an empty token reaches nobody") {
  SubscriptionList list;
  Subscription all{">", "", 0};
  Subscription star{"a.*.b", "", 0};
  list.insert(all);
  list.insert(star);
  for (const char* subject : {"", ".", "a..b", ".a", "a."}) {
    CAPTURE(subject);
    CHECK(list.match(subject)->is_empty());
  }
}

TEST_CASE("an answer outlives the change that makes it old") {
  SubscriptionList list;
  Subscription one{"a", "", 0};
  list.insert(one);
  const auto before = list.match("a");
  list.remove(one);
  CHECK(before->plain == std::vector<Subscription*>{&one});
  CHECK(list.match("a")->is_empty());
}

TEST_CASE("a subject of thousands of tokens neither overflows a stack nor leaves a trace") {
  std::string deep = "a";
  for (int i = 0; i < 100'000; ++i) deep += ".a";
  SubscriptionList list;
  Subscription one{deep, "", 0};
  Subscription other{deep + ".>", "", 0};
  list.insert(one);
  list.insert(other);
  CHECK(list.match(deep)->plain.size() == 1);
  CHECK(list.match(deep + ".b")->plain.size() == 1);
  list.remove(one);
  list.check_invariants();
  CHECK(list.match(deep)->is_empty());
  CHECK(list.size() == 1);
}

std::string random_subject(Random& random, bool may_have_wildcards) {
  static constexpr const char* kTokens[] = {"a", "b", "c", "*", ">"};
  std::string subject;
  const std::uint64_t depth = random.between(std::uint64_t{1}, std::uint64_t{4});
  for (std::uint64_t i = 0; i < depth; ++i) {
    const std::uint64_t kinds = !may_have_wildcards ? 3 : i + 1 == depth ? 5 : 4;
    const std::uint64_t pick = random.below(kinds);
    if (i > 0) subject += ".";
    subject += kTokens[pick];
  }
  return subject;
}

// What the list must answer, from the definition: every live subscription, one by one, in order.
struct Model {
  std::vector<Subscription*> live;

  [[nodiscard]] std::vector<Subscription*> found(std::string_view subject, std::string_view queue) const {
    std::vector<Subscription*> all;
    for (Subscription* s : live) {
      if (s->queue == queue && matches(subject, s->subject)) all.push_back(s);
    }
    return all;
  }
};

TEST_CASE("after any insertions and removals the list answers as a walk over all subscriptions does") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random{Seed{seed}};
    SubscriptionList list;
    std::deque<Subscription> all;
    Model model;
    for (int step = 0; step < 400; ++step) {
      const bool removes = !model.live.empty() && random.chance(Ratio{2, 5});
      if (removes) {
        const std::size_t at = random.below(model.live.size());
        list.remove(*model.live[at]);
        model.live.erase(model.live.begin() + static_cast<std::ptrdiff_t>(at));
      } else {
        std::string subject = random_subject(random, true);
        const std::uint64_t queue = random.below(3);
        all.push_back(Subscription{std::move(subject), queue == 0 ? "" : queue == 1 ? "q1" : "q2", 0});
        list.insert(all.back());
        model.live.push_back(&all.back());
      }
      REQUIRE(list.size() == model.live.size());
      for (int probe = 0; probe < 4; ++probe) {
        const std::string subject = random_subject(random, false);
        const auto match = list.match(subject);
        CAPTURE(subject);
        REQUIRE(match->plain == model.found(subject, ""));
        std::size_t groups = 0;
        for (const char* queue : {"q1", "q2"}) {
          const std::vector<Subscription*> members = model.found(subject, queue);
          if (members.empty()) continue;
          ++groups;
          const auto group = std::find_if(match->groups.begin(), match->groups.end(), [&](const auto& g) { return g.queue == queue; });
          REQUIRE(group != match->groups.end());
          REQUIRE(group->members == members);
        }
        REQUIRE(match->groups.size() == groups);
      }
    }
    list.check_invariants();
    while (!model.live.empty()) {
      list.remove(*model.live.back());
      model.live.pop_back();
    }
    list.check_invariants();
  }
}

TEST_CASE("of thousands of subjects that come and go each is found as long as it is there") {
  Random random{Seed{3}};
  SubscriptionList list;
  std::deque<Subscription> all;
  std::vector<Subscription*> live;
  for (int step = 0; step < 20'000; ++step) {
    if (!live.empty() && random.chance(step < 10'000 ? Ratio{1, 3} : Ratio{3, 5})) {
      const std::size_t at = random.below(live.size());
      std::swap(live[at], live.back());
      list.remove(*live.back());
      live.pop_back();
    } else {
      const std::uint64_t first = random.below(40);
      const std::uint64_t second = random.below(200);
      all.push_back(Subscription{"t" + std::to_string(first) + ".u" + std::to_string(second), "", 0});
      list.insert(all.back());
      live.push_back(&all.back());
    }
    const Subscription* const any = live.empty() ? nullptr : live[random.below(live.size())];
    if (any != nullptr) {
      bool is_found = false;
      for (const Subscription* each = list.first_of(any->subject); each != nullptr; each = each->behind) is_found |= each == any;
      REQUIRE(is_found);
    }
    if (step % 1000 == 0) list.check_invariants();
  }
  list.check_invariants();
  CHECK(live.size() > 100);
}

TEST_CASE("the cache starts anew when it is full and still answers right") {
  SubscriptionList list;
  Subscription star{"a.*", "", 0};
  list.insert(star);
  const auto all_reach = [&](std::size_t subscriptions) {
    for (int i = 0; i < 30'000;
         ++i) {  // each three times in a row: the second time it is put into the cache, the third it comes from there
      REQUIRE(list.match("a." + std::to_string(i / 3))->plain.size() == subscriptions);
    }
  };
  all_reach(1);
  list.remove(star);
  all_reach(0);
}

}  // namespace
}  // namespace windtunnel::core
