// The model by itself, where a sentence of the reference says what must come out.

#include <doctest/doctest.h>

#include <string>

#include "core/nats/headers.h"
#include "scenarios/model/stream_model.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

core::Instant at(core::Duration when) { return core::Instant{when}; }
std::string with(std::initializer_list<std::pair<const char*, const char*>> lines) {
  std::string block;
  for (const auto& [key, value] : lines) core::append_header(block, key, value);
  return block;
}
ModelPubAck stored(std::uint64_t seq) { return {false, 0, seq, false}; }
ModelPubAck repeated(std::uint64_t seq) { return {false, 0, seq, true}; }
ModelPubAck refused(int error) { return {false, error, 0, false}; }

TEST_CASE("a duplicate with a stale expectation is a duplicate, not a conflict, and what is refused is not remembered") {
  StreamModel model{{.name = "S"}};
  CHECK(model.publish("a", with({{"Nats-Msg-Id", "x"}}), "1", at(0s)) == stored(1));
  CHECK(model.publish("a", with({{"Nats-Msg-Id", "x"}, {"Nats-Expected-Last-Sequence", "9"}}), "1", at(1s)) == repeated(1));
  CHECK(model.publish("a", with({{"Nats-Msg-Id", "y"}, {"Nats-Expected-Last-Sequence", "9"}}), "2", at(1s)) == refused(10071));
  CHECK(model.publish("a", with({{"Nats-Msg-Id", "y"}}), "2", at(1s)) == stored(2));
  CHECK(model.remove(1));  // its id stays
  CHECK(model.publish("b", with({{"Nats-Msg-Id", "x"}}), "1", at(119s)) == repeated(1));
  CHECK(model.publish("b", with({{"Nats-Msg-Id", "x"}}), "1", at(120s)) == stored(3));
}

TEST_CASE("a subject that is full replaces its oldest, and excuses the message from max_msgs") {
  ModelStreamConfig config{.name = "S"};
  config.discard_new = true;
  config.max_msgs = 2;
  config.max_msgs_per_subject = 1;
  StreamModel model{config};
  CHECK(model.publish("a", "", "", at(0s)) == stored(1));
  CHECK(model.publish("b", "", "", at(0s)) == stored(2));
  CHECK(model.publish("c", "", "", at(0s)) == refused(10077));
  CHECK(model.publish("a", "", "", at(0s)) == stored(3));
  CHECK(model.first_seq() == 2);
  config.discard_new_per_subject = true;
  StreamModel strict{config};
  CHECK(strict.publish("a", "", "", at(0s)) == stored(1));
  CHECK(strict.publish("a", "", "", at(0s)) == refused(10077));
}

TEST_CASE("without interest a sequence is used up and nothing stored") {
  ModelStreamConfig config{.name = "S"};
  config.retention = ModelRetention::interest;
  StreamModel model{config};
  CHECK(model.publish("a", "", "", at(0s)) == stored(1));
  CHECK(model.messages().empty());
  CHECK(model.add_consumer({.name = "c", .filter = "b"}));
  CHECK(model.publish("a", "", "", at(0s)) == stored(2));
  CHECK(model.publish("b", "", "", at(0s)) == stored(3));
  CHECK(model.messages().size() == 1);
  const auto got = model.fetch("c", {.batch = 5}, at(1s));
  REQUIRE(got.size() == 1);
  CHECK(got[0] == ModelDelivery{3, 1, 1, 0});
  model.ack("c", got[0]);
  CHECK(model.messages().empty());
}

TEST_CASE("what is not acknowledged comes again in the order in which it fell due, up to max_deliver") {
  ModelStreamConfig config{.name = "S"};
  config.retention = ModelRetention::workqueue;
  StreamModel model{config};
  for (int i = 0; i < 3; ++i) model.publish("a", "", "", at(0s));
  CHECK(model.add_consumer({.name = "c", .ack_wait = 10s, .max_deliver = 2}));
  const auto first = model.fetch("c", {.batch = 3}, at(1s));
  REQUIRE(first.size() == 3);
  model.consumer("c")->nak(first[2], std::nullopt, at(2s));
  model.ack("c", first[1]);
  const auto again = model.fetch("c", {.batch = 3}, at(12s));
  REQUIRE(again.size() == 2);
  CHECK(again[0] == ModelDelivery{3, 2, 4, 0});
  CHECK(again[1] == ModelDelivery{1, 2, 5, 0});
  CHECK(model.fetch("c", {.batch = 3}, at(30s)).empty());
  CHECK(model.messages().size() == 2);  // out of deliveries, and kept
  model.ack("c", again[0]);             // a late ack removes it
  CHECK(model.messages().size() == 1);
}

TEST_CASE("ids are read again at the first need after a restart, from what is still there") {
  StreamModel model{{.name = "S"}};
  model.publish("a", with({{"Nats-Msg-Id", "x"}}), "", at(0s));
  model.publish("a", with({{"Nats-Msg-Id", "y"}}), "", at(0s));
  model.restart(at(1s));
  CHECK(model.remove(1));
  CHECK(model.publish("a", with({{"Nats-Msg-Id", "x"}}), "", at(2s)) == stored(3));
  CHECK(model.publish("a", with({{"Nats-Msg-Id", "y"}}), "", at(2s)) == repeated(2));
}

}  // namespace
}  // namespace windtunnel::scenarios
