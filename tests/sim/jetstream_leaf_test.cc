// JetStream over a leaf link that breaks at every stage of an exchange: whoever asked is told the truth, or nothing (reference: wire
// 15; defect corpus, publish-outcome-known).
#include <algorithm>
#include <string>

#include "tests/sim/hub_and_leaf.h"

namespace windtunnel::tests {
namespace {

// How the way breaks.
enum class Break { reset, black_hole, hub_dies };
constexpr Break kBreaks[] = {Break::reset, Break::black_hole, Break::hub_dies};

std::string text_of(Break how) {
  switch (how) {
    case Break::reset: return "the link is reset";
    case Break::black_hole: return "the link swallows everything";
    case Break::hub_dies: return "the hub dies";
  }
  return "";
}

// A hub with a stream and a leaf with the client, 20 ms apart: an exchange takes a little more than 40 ms.
struct FarStream {
  explicit FarStream(core::Seed seed) : world(seed) {
    world.add(node_config("hub", "hub"));
    world.add(node_config("leaf", "leaf", "hub"));
    world.link("hub", "leaf", {20ms, 20ms});
    world.start("hub");
    world.start("leaf");
    hub = std::make_unique<JetStreamClient>(world, "at_hub", "hub");
    client = &world.connect("client", "leaf");
    inbox = client->subscribe("_BOX.*");
    REQUIRE(error_of(hub->create_stream("O", R"("subjects":["o.>"],"allow_direct":true)")) == 0);
    world.run_for(3s);
  }

  void break_it(Break how) {
    switch (how) {
      case Break::reset: return world.cut("leaf", "hub", sim::Cut::reset);
      case Break::black_hole: return world.cut("leaf", "hub", sim::Cut::black_hole);
      case Break::hub_dies: return world.signal("hub", sim::Signal::abrt);
    }
  }
  // The first answer; nullopt: a timeout.
  std::optional<Heard> answer(core::Duration patience = 5s) {
    const std::vector<Heard> heard = client->await(inbox, 1, patience);
    if (heard.empty()) return std::nullopt;
    return heard.front();
  }
  void mend(Break how) {
    if (how == Break::hub_dies) {
      world.start("hub");
      hub = std::make_unique<JetStreamClient>(world, "at_hub_again", "hub");
    } else {
      world.heal("leaf", "hub");
    }
  }

  NodeWorld world;
  std::unique_ptr<JetStreamClient> hub;
  NodeClient* client = nullptr;
  std::string inbox;
};

TEST_CASE("a publish whose way to a far stream breaks is acknowledged only if it is stored; else it is refused, or unanswered") {
  for (const Break how : kBreaks) {
    CAPTURE(text_of(how));
    int acked = 0;
    int refused = 0;
    int unanswered_stored = 0;
    int unanswered_lost = 0;
    for (int ms = 0; ms <= 60; ms += 3) {
      CAPTURE(ms);
      FarStream w{core::Seed{static_cast<std::uint64_t>(ms) + 1}};
      w.client->publish("o.a", "precious", {}, "_BOX.1");
      w.world.run_for(std::chrono::milliseconds{ms});
      w.break_it(how);
      const std::optional<Heard> answer = w.answer();
      // What is there, before anything that was held back can arrive.
      const core::Stream* stream = w.world.stream("hub", "O");
      std::uint64_t stored = stream == nullptr ? 0 : stream->store().state().messages;
      if (how == Break::hub_dies) {
        w.mend(how);
        stored = w.world.stream("hub", "O")->store().state().messages;
      }
      CHECK(stored <= 1);
      if (!answer) {
        (stored == 1 ? unanswered_stored : unanswered_lost) += 1;
      } else if (answer->status() == "503") {
        CHECK(stored == 0);
        ++refused;
      } else {
        const Json ack = Json::parse(answer->payload, nullptr, false);
        CHECK(ack.value("stream", "") == "O");
        CHECK(ack.value("domain", "") == "hub");
        CHECK(ack.value("seq", 0) == 1);
        CHECK(stored == 1);
        ++acked;
      }
    }
    // Each stage was met.
    CHECK(acked >= 3);
    CHECK(unanswered_stored >= 3);
    CHECK(unanswered_lost >= 3);
  }
}

TEST_CASE("what a dead link held back is stored once it heals, late and once, though its publisher was told nothing") {
  FarStream w{core::Seed{1}};
  w.break_it(Break::black_hole);
  w.client->publish("o.a", "late", {}, "_BOX.1");
  CHECK_FALSE(w.answer());
  CHECK(w.world.stream("hub", "O")->store().state().messages == 0);
  w.mend(Break::black_hole);
  w.world.run_for(20s);
  CHECK(w.world.stream("hub", "O")->store().state().messages == 1);
  const std::optional<Heard> answer = w.answer(1s);
  REQUIRE(answer);
  CHECK(answer->payload.find("\"seq\":1") != std::string::npos);
}

TEST_CASE("an ack of a far consumer's message is confirmed only if the consumer has it, wherever the link breaks") {
  for (const Break how : {Break::reset, Break::black_hole}) {
    CAPTURE(text_of(how));
    int confirmed = 0;
    int unanswered_taken = 0;
    int unanswered_lost = 0;
    for (int ms = 0; ms <= 60; ms += 4) {
      CAPTURE(ms);
      FarStream w{core::Seed{static_cast<std::uint64_t>(ms) + 1}};
      w.hub->publish("o.a", "job");
      REQUIRE(error_of(w.hub->create_consumer("O", "C", R"("ack_policy":"explicit","ack_wait":10000000000)")) == 0);
      w.client->publish("$JS.hub.API.CONSUMER.MSG.NEXT.O.C", R"({"batch":1,"expires":3000000000})", {}, "_BOX.pull");
      const std::optional<Heard> job = w.answer();
      REQUIRE(job);
      CHECK(job->subject == "o.a");
      w.client->publish(job->reply, "+ACK", {}, "_BOX.1");
      w.world.run_for(std::chrono::milliseconds{ms});
      w.break_it(how);
      const std::optional<Heard> answer = w.answer();
      const bool is_taken = w.hub->consumer("O", "C")["ack_floor"].value("stream_seq", 0) == 1;
      if (answer && answer->status() == "503") {  // the leaf knew already that there was no way
        CHECK_FALSE(is_taken);
      } else if (answer) {
        CHECK(is_taken);
        ++confirmed;
      } else {
        (is_taken ? unanswered_taken : unanswered_lost) += 1;
      }
      // Nobody loses the job: who was not heard has it again, who was heard has not.
      w.mend(how);
      w.world.run_for(30s);
      w.client->publish("$JS.hub.API.CONSUMER.MSG.NEXT.O.C", R"({"batch":1,"expires":3000000000})", {}, "_BOX.again");
      const std::vector<Heard> again = w.client->await(w.inbox, 1, 2s);
      const bool has_more = std::any_of(again.begin(), again.end(), [](const Heard& heard) { return heard.payload == "job"; });
      const bool is_taken_now = w.hub->consumer("O", "C")["ack_floor"].value("stream_seq", 0) == 1;
      CHECK(has_more == !is_taken_now);
    }
    CHECK(confirmed >= 2);
    CHECK(unanswered_taken >= 2);
    CHECK(unanswered_lost >= 2);
  }
}

// As 2.10.27: of a message that nobody took the delivery does not count.
TEST_CASE("what was sent to somebody who had gone goes to whoever asks next, at once, and as if for the first time") {
  FarStream w{core::Seed{1}};
  REQUIRE(error_of(w.hub->create_consumer("O", "C", R"("ack_policy":"explicit","max_deliver":1)")) == 0);
  const std::string gone = w.hub->pull("O", "C", R"({"batch":2,"expires":20000000000})");
  w.hub->wire().unsubscribe(gone);
  w.hub->publish("o.a", "job");
  w.world.run_for(100ms);
  const std::vector<Heard> heard = w.hub->fetch("O", "C", 1);
  REQUIRE(heard.size() == 1);
  CHECK(heard.front().payload == "job");
  CHECK(heard.front().reply.starts_with("$JS.ACK.hub._.O.C.1.1.") == false);  // the delivery that was lost had number 1
  CHECK(heard.front().reply.find(".O.C.1.1.") != std::string::npos);
  const Json info = w.hub->consumer("O", "C");
  CHECK(info["num_ack_pending"] == 1);
  CHECK(info["num_redelivered"] == 1);
  CHECK(w.hub->ack(heard.front()));
  CHECK(w.hub->consumer("O", "C")["num_ack_pending"] == 0);
}

// As nats-server 2.10.27: only what clients and leaf nodes publish prefers the members at home.
TEST_CASE("what a leaf's own stream sends goes to a queue group's members on both sides; what a hub's sends stays at home") {
  HubAndLeaf w;
  w.hub->wire().send("SUB up.* workers 900\r\nSUB down.* workers 901\r\n");
  w.leaf->wire().send("SUB up.* workers 900\r\nSUB down.* workers 901\r\n");
  w.leaf->create_stream("UP", R"("subjects":["u"],"republish":{"src":"u","dest":"up.u"})");
  w.hub->create_stream("DOWN", R"("subjects":["d"],"republish":{"src":"d","dest":"down.d"})");
  w.world.run_for(1s);
  for (int i = 0; i < 40; ++i) {
    w.leaf->publish("u", "x");
    w.hub->publish("d", "x");
  }
  w.world.run_for(1s);
  const std::size_t at_hub = w.hub->wire().take("900").size();
  const std::size_t at_leaf = w.leaf->wire().take("900").size();
  CHECK(at_hub + at_leaf == 40);
  CHECK(at_hub > 5);
  CHECK(at_leaf > 5);
  CHECK(w.hub->wire().take("901").size() == 40);
  CHECK(w.leaf->wire().take("901").empty());
}

}  // namespace
}  // namespace windtunnel::tests
