// What a server shows of itself to whoever watches from outside: messages and who got them, interest and who announced it.
#include <algorithm>

#include "tests/core/server/leaf_world.h"

namespace windtunnel::core {
namespace {

struct Notes final : RouteWatcher {
  bool on_message(const MessageView& message, std::uint64_t from_leaf) override {
    heard.push_back(std::string(message.subject) + (from_leaf == 0 ? "" : " from leaf"));
    return wants_more;
  }
  void on_routed(const MessageView&, const RoutedMessage& routed) override { last = routed; }
  std::vector<std::string> heard;
  RoutedMessage last;
  bool wants_more = true;
};

TEST_CASE("a watcher hears of every message, and of who matched and who got it") {
  LeafWorld w;
  Notes at_hub;
  Notes at_leaf;
  w.hub.watch_routes(&at_hub);
  w.leaf.watch_routes(&at_leaf);
  w.as_client([&] {
    tests::RawPeer leaf = w.connect("leaf", "\"echo\":false");
    tests::RawPeer hub = w.connect("hub");
    hub.ask("SUB a.* 1\r\nSUB a.b q 2\r\n");
    leaf.ask("SUB a.b 1\r\nPUB a.b 1\r\nx\r\n");
    hub.hear();
    CHECK(at_leaf.heard == std::vector<std::string>{"a.b"});
    CHECK(at_hub.heard == std::vector<std::string>{"a.b from leaf"});
    // At the leaf: the client itself, which wants no echo, and the hub's two.
    REQUIRE(at_leaf.last.candidates.size() == 3);
    const auto own =
        std::find_if(at_leaf.last.candidates.begin(), at_leaf.last.candidates.end(), [](const auto& each) { return each.leaf == 0; });
    REQUIRE(own != at_leaf.last.candidates.end());
    CHECK(own->is_sender);
    CHECK(own->taken == 0);
    REQUIRE(at_leaf.last.sent.size() == 1);
    CHECK(at_leaf.last.sent[0].queues == std::vector<std::string>{"q"});
    // At the hub: its own two took it, and the one of the leaf it came from did not.
    CHECK(at_hub.last.from_leaf != 0);
    CHECK(at_hub.last.queues == std::vector<std::string>{"q"});
    CHECK(at_hub.last.sent.empty());
    REQUIRE(at_hub.last.candidates.size() == 3);
    for (const RoutedMessage::Candidate& each : at_hub.last.candidates) {
      CHECK(each.taken == (each.leaf == 0 ? 1u : 0u));
      CHECK(each.is_sender == (each.leaf != 0));
    }
    at_hub.wants_more = false;
    at_hub.last = {};
    leaf.ask("PUB a.b 1\r\nx\r\n");
    CHECK(at_hub.heard.size() == 2);
    CHECK(at_hub.last.candidates.empty());
  });
  w.hub.watch_routes(nullptr);
  w.leaf.watch_routes(nullptr);
}

TEST_CASE("the two sides of a link show the same interest once all is heard, and another version with each change") {
  LeafWorld w;
  w.as_client([&] {
    tests::RawPeer hub = w.connect("hub");
    const std::uint64_t before = w.leaf.interest_version();
    hub.ask("SUB a 1\r\nSUB w q 2\r\nSUB w q 3\r\n");
    CHECK(w.leaf.interest_version() != before);
    const InterestReading at_hub = w.hub.read_interest();
    const InterestReading at_leaf = w.leaf.read_interest();
    REQUIRE(at_hub.links.size() == 1);
    REQUIRE(at_leaf.links.size() == 1);
    CHECK(at_leaf.links[0].is_solicitor);
    CHECK(at_leaf.links[0].is_spoke);
    CHECK(at_leaf.links[0].remote_id == at_hub.links[0].id);
    CHECK(at_hub.links[0].remote_id == 0);
    CHECK(at_hub.links[0].said == at_leaf.links[0].heard);
    CHECK(at_leaf.links[0].said == at_hub.links[0].heard);
    CHECK(at_leaf.links[0].announced == at_hub.links[0].known);
    const auto knows = [&](const InterestReading::Entry& entry) {
      const auto& known = at_leaf.links[0].known;
      return std::find(known.begin(), known.end(), entry) != known.end();
    };
    CHECK(knows({"a", "", 1}));
    CHECK(knows({"w", "q", 2}));
    CHECK(std::count_if(at_leaf.held.begin(), at_leaf.held.end(), [](const auto& held) { return held.leaf != 0; }) ==
          static_cast<std::ptrdiff_t>(at_leaf.links[0].known.size()));
  });
}

TEST_CASE("sabotage: interest that is never withdrawn, and messages that go back where they came from") {
  for (const Defect defect : {Defect::break_leaf_interest, Defect::break_leaf_echo}) {
    ServerWorld w;
    w.world.host("hub").turn_on(defect);
    w.start(node("hub"));
    Server& leaf = w.start(node("leaf", {"hub"}));
    w.world.run_for(10ms);
    w.as_client([&] {
      tests::RawPeer hub = w.connect("hub");
      tests::RawPeer at_leaf = w.connect("leaf");
      hub.ask("SUB a 1\r\n");
      at_leaf.ask("SUB a 1\r\n");
      int heard = 0;
      for (int i = 0; i < 20; ++i) heard += static_cast<int>(count_of(at_leaf.ask("PUB a 1\r\nx\r\n"), "MSG a"));
      CHECK(heard == (defect == Defect::break_leaf_echo ? 24 : 20));
      hub.ask("UNSUB 1\r\n");
      at_leaf.ask("UNSUB 1\r\n");
      CHECK(leaf.has_interest("a") == (defect == Defect::break_leaf_interest));
    });
  }
}

}  // namespace
}  // namespace windtunnel::core
