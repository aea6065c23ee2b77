// Pull consumers: who gets what, and how requests end (reference: streams C.6, jetstream-api 6).
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

struct Pulling : OneNode {
  explicit Pulling(int messages, const std::string& members = R"("ack_policy":"explicit")") {
    client().create_stream("S", R"("subjects":["s.>"])");
    client().create_consumer("S", "c", members);
    client().publish_many("s.a", messages);
  }
  std::vector<Heard> heard(const std::string& sid) { return client().wire().take(sid); }
  std::string pull(const std::string& body) { return client().pull("S", "c", body); }
};

std::vector<std::string> statuses(const std::vector<Heard>& heard) {
  std::vector<std::string> out;
  for (const Heard& h : heard) {
    if (!h.status().empty()) out.push_back(h.status());
  }
  return out;
}

TEST_CASE("a consumer that begins at a time shows what its filters pass over as delivered") {
  OneNode node;
  node.client().create_stream("S", R"("subjects":["s.>"])");
  for (const char* subject : {"s.a", "s.a", "s.b", "s.a", "s.c"}) node.client().publish(subject, "x");
  struct Row {
    const char* filters;
    std::uint64_t delivered;
    std::uint64_t pending;
  };
  for (const Row& row :
       {Row{R"("filter_subject":"s.b")", 2, 1}, Row{R"("filter_subjects":["s.c","s.b"])", 2, 2}, Row{R"("filter_subject":"s.c")", 4, 1},
        Row{R"("filter_subject":"s.z")", 0, 0}, Row{R"("ack_wait":1000000000)", 0, 5}}) {
    CAPTURE(row.filters);
    const std::string members = R"("ack_policy":"explicit","deliver_policy":"by_start_time","opt_start_time":"1999-01-01T00:00:00Z",)";
    const Json made = node.client().create_consumer("S", "c", members + row.filters);
    CHECK(made["delivered"]["stream_seq"] == row.delivered);
    CHECK(made["num_pending"] == row.pending);
    CHECK(node.client().api("CONSUMER.DELETE.S.c")["success"] == true);
  }
}

TEST_CASE("a batch is filled from what is there and from what comes") {
  Pulling node{2};
  const std::string sid = node.pull(R"({"batch":3})");
  node.world.run_for(10ms);
  CHECK(stream_seqs(node.heard(sid)) == Seqs{1, 2});
  node.client().publish_many("s.a", 2);
  const std::vector<Heard> rest = node.heard(sid);
  CHECK(stream_seqs(rest) == Seqs{3});  // three, not four
  CHECK(pending_of(rest[0]) == 0);
}

TEST_CASE("two requests are served in turns") {
  Pulling node{0};
  const std::string one = node.pull(R"({"batch":2})");
  const std::string two = node.pull(R"({"batch":2})");
  node.world.run_for(1ms);
  node.client().publish_many("s.a", 4);
  CHECK(stream_seqs(node.heard(one)) == Seqs{1, 3});
  CHECK(stream_seqs(node.heard(two)) == Seqs{2, 4});
}

TEST_CASE("a request that does not wait ends when the stream does") {
  Pulling node{2};
  const std::string sid = node.pull(R"({"batch":5,"no_wait":true})");
  node.world.run_for(10ms);
  const std::vector<Heard> heard = node.heard(sid);
  CHECK(stream_seqs(heard) == Seqs{1, 2});
  CHECK(statuses(heard) == std::vector<std::string>{"408 Request Timeout"});
  const std::string empty = node.pull(R"({"batch":5,"no_wait":true})");
  node.world.run_for(10ms);
  CHECK(statuses(node.heard(empty)) == std::vector<std::string>{"404 No Messages"});
}

TEST_CASE("a request that does not wait for long waits for the first messages") {
  Pulling node{0};
  const std::string sid = node.pull(R"({"batch":5,"no_wait":true,"expires":1000000000})");
  node.world.run_for(500ms);
  CHECK(node.heard(sid).empty());
  node.client().publish("s.a", "x");
  node.world.run_for(10ms);
  const std::vector<Heard> heard = node.heard(sid);
  CHECK(stream_seqs(heard) == Seqs{1});
  CHECK(statuses(heard) == std::vector<std::string>{"408 Request Timeout"});
}

TEST_CASE("requests that do not wait are turned away while others want more than there is") {
  Pulling node{0, R"("ack_policy":"explicit","max_ack_pending":1)"};
  node.client().publish_many("s.a", 3);
  REQUIRE(node.client().fetch("S", "c", 1).size() == 1);  // now max_ack_pending holds the rest back
  const std::string waiting = node.pull(R"({"batch":5})");
  const std::string sid = node.pull(R"({"batch":1,"no_wait":true})");
  node.world.run_for(10ms);
  CHECK(statuses(node.heard(sid)) == std::vector<std::string>{"408 Requests Pending"});
  CHECK(node.heard(waiting).empty());
}

TEST_CASE("max_ack_pending holds messages back without ending requests that do not wait") {
  Pulling node{3, R"("ack_policy":"explicit","max_ack_pending":2)"};
  const std::string sid = node.pull(R"({"batch":3,"no_wait":true})");
  node.world.run_for(10ms);
  const std::vector<Heard> first = node.heard(sid);
  CHECK(stream_seqs(first) == Seqs{1, 2});
  CHECK(statuses(first).empty());
  CHECK(node.client().ack(first[0]));
  node.world.run_for(10ms);
  CHECK(stream_seqs(node.heard(sid)) == Seqs{3});
}

TEST_CASE("a request expires to the millisecond, and is told what was left of it") {
  Pulling node{1};
  const core::Instant asked = node.world.kernel.now();
  const std::string sid = node.pull(R"({"batch":3,"max_bytes":1000,"expires":250000000})");
  node.world.run_for(1s);
  const std::vector<Heard> heard = node.heard(sid);
  REQUIRE(heard.size() == 2);
  CHECK(heard[1].status() == "408 Request Timeout");
  CHECK(heard[1].headers.find("Nats-Pending-Messages: 2\r\n") != std::string::npos);
  CHECK(heard[1].at - asked >= 250ms);
  CHECK(heard[1].at - asked < 252ms);
  CHECK(node.client().consumer("S", "c")["num_waiting"] == 0);
}

TEST_CASE("an idle request hears heartbeats, which each delivery puts off") {
  Pulling node{0};
  const std::string sid = node.pull(R"({"batch":5,"expires":1000000000,"idle_heartbeat":200000000})");
  node.world.run_for(150ms);
  node.client().publish("s.a", "x");
  node.world.run_for(190ms);
  CHECK(statuses(node.heard(sid)).empty());  // 340 ms, but only 190 since the message
  node.world.run_for(20ms);
  const std::vector<Heard> beat = node.heard(sid);
  REQUIRE(beat.size() == 1);
  CHECK(beat[0].headers == "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\nNats-Last-Stream: 1\r\n\r\n");
}

TEST_CASE("a request that may have so many bytes ends at the first message that is too large") {
  Pulling node{3};
  // Subject, ack subject, headers and body count.
  const std::vector<Heard> sample = node.client().fetch("S", "c", 1);
  REQUIRE(sample.size() == 1);
  const std::size_t size = sample[0].subject.size() + sample[0].reply.size() + sample[0].payload.size();
  const std::string sid = node.pull(R"({"batch":5,"max_bytes":)" + std::to_string(size + 5) + "}");
  node.world.run_for(10ms);
  const std::vector<Heard> heard = node.heard(sid);
  CHECK(stream_seqs(heard) == Seqs{2});
  REQUIRE(heard.size() == 2);
  CHECK(heard[1].status() == "409 Message Size Exceeds MaxBytes");
  CHECK(heard[1].headers.find("Nats-Pending-Messages: 4\r\nNats-Pending-Bytes: 5\r\n") != std::string::npos);
  const std::string exact = node.pull(R"({"batch":5,"max_bytes":)" + std::to_string(size) + "}");
  node.world.run_for(10ms);
  const std::vector<Heard> full = node.heard(exact);
  CHECK(stream_seqs(full) == Seqs{3});
  CHECK(statuses(full).empty());
  CHECK(node.client().consumer("S", "c")["num_waiting"] == 0);
}

TEST_CASE("no more requests wait than max_waiting, and those that nobody listens for make room") {
  Pulling node{0, R"("ack_policy":"explicit","max_waiting":2)"};
  const std::string first = node.pull(R"({"batch":1})");
  node.pull(R"({"batch":1})");
  const std::string third = node.pull(R"({"batch":1})");
  node.world.run_for(10ms);
  CHECK(statuses(node.heard(third)) == std::vector<std::string>{"409 Exceeded MaxWaiting"});
  node.client().wire().unsubscribe(first);
  const std::string fourth = node.pull(R"({"batch":1})");
  node.world.run_for(10ms);
  CHECK(statuses(node.heard(fourth)) == std::vector<std::string>{"409 Exceeded MaxWaiting"});  // looked for once a second
  node.world.run_for(1100ms);
  const std::string fifth = node.pull(R"({"batch":1})");
  node.world.run_for(10ms);
  CHECK(node.heard(fifth).empty());
  CHECK(node.client().consumer("S", "c")["num_waiting"] == 2);
}

TEST_CASE("what a consumer's configuration forbids is refused") {
  Pulling node{1, R"("ack_policy":"explicit","max_batch":2,"max_expires":1000000000,"max_bytes":100)"};
  struct Row {
    const char* body;
    const char* status;
  };
  const Row rows[] = {
      {R"({"batch":3})", "409 Exceeded MaxRequestBatch of 2"},
      {R"({"batch":1,"expires":1000000001})", "409 Exceeded MaxRequestExpires of 1s"},
      {R"({"batch":1,"max_bytes":101})", "409 Exceeded MaxRequestMaxBytes of 100"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    const std::string sid = node.pull(row.body);
    node.world.run_for(10ms);
    CHECK(statuses(node.heard(sid)) == std::vector<std::string>{row.status});
  }
  CHECK(node.client().fetch("S", "c", 2).size() == 1);  // no expires is no violation
}

TEST_CASE("a message that goes to nobody stays to be delivered") {
  Pulling node{0};
  const std::string gone = node.pull(R"({"batch":1})");
  node.world.run_for(1ms);
  node.client().wire().unsubscribe(gone);
  node.world.run_for(1ms);
  node.client().publish("s.a", "x");
  node.world.run_for(10ms);
  CHECK(node.client().consumer("S", "c")["num_pending"] == 1);
  CHECK(stream_seqs(node.client().fetch("S", "c", 1)) == Seqs{1});
  CHECK(node.client().consumer("S", "c")["delivered"]["consumer_seq"] == 1);
}

SCENARIO("waiting requests hear how their consumer ends") {
  Pulling node{0};
  const std::string sid = node.pull(R"({"batch":5,"expires":30000000000})");
  node.world.run_for(10ms);
  WHEN("the consumer is deleted") {
    CHECK(node.client().api("CONSUMER.DELETE.S.c")["success"] == true);
    CHECK(statuses(node.heard(sid)) == std::vector<std::string>{"409 Consumer Deleted"});
    CHECK(node.client().wire().request("$JS.API.CONSUMER.MSG.NEXT.S.c", "1")->status() == "503");
  }
  WHEN("its stream is deleted") {
    CHECK(node.client().api("STREAM.DELETE.S")["success"] == true);
    CHECK(statuses(node.heard(sid)) == std::vector<std::string>{"409 Consumer Deleted"});
    CHECK(error_of(node.client().api("CONSUMER.INFO.S.c")) == 10059);
  }
  WHEN("the server shuts down") {
    node.world.signal("hub", sim::Signal::term);
    node.world.run_for(1s);
    CHECK(statuses(node.heard(sid)) == std::vector<std::string>{"409 Server Shutdown"});
  }
}

TEST_CASE("the figures of a filtered consumer count what matches, and follow deletions and purges") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  js.create_consumer("S", "c", R"("ack_policy":"explicit","filter_subjects":["s.a","s.b.*"])");
  for (const char* subject : {"s.a", "s.x", "s.b.1", "s.b", "s.a", "s.b.2"}) js.publish(subject, "x");
  CHECK(js.consumer("S", "c")["num_pending"] == 4);
  const std::vector<Heard> first = js.fetch("S", "c", 1);
  REQUIRE(first.size() == 1);
  CHECK(pending_of(first[0]) == 3);
  js.api("STREAM.MSG.DELETE.S", R"({"seq":3})");
  js.api("STREAM.MSG.DELETE.S", R"({"seq":4})");
  CHECK(js.consumer("S", "c")["num_pending"] == 2);
  js.api("STREAM.PURGE.S", R"({"filter":"s.a"})");
  CHECK(js.consumer("S", "c")["num_pending"] == 1);
  CHECK(js.consumer("S", "c")["num_ack_pending"] == 0);
  CHECK(stream_seqs(js.fetch("S", "c", 5)) == Seqs{6});
  CHECK(js.consumer("S", "c")["num_pending"] == 0);
}

TEST_CASE("a purge moves the consumer past what is gone, never back") {
  Pulling node{5};
  JetStreamClient& js = node.client();
  REQUIRE(js.fetch("S", "c", 2).size() == 2);
  js.api("STREAM.PURGE.S", R"({"seq":4})");
  CHECK(js.consumer("S", "c")["delivered"]["stream_seq"] == 3);
  CHECK(js.consumer("S", "c")["ack_floor"]["stream_seq"] == 3);
  CHECK(js.consumer("S", "c")["num_pending"] == 2);
  js.api("STREAM.PURGE.S");
  const Json info = js.consumer("S", "c");
  CHECK(info["delivered"]["stream_seq"] == 5);
  CHECK(info["ack_floor"]["stream_seq"] == 5);
  CHECK(info["num_pending"] == 0);
  js.publish("s.a", "x");
  CHECK(stream_seqs(js.fetch("S", "c", 5)) == Seqs{6});
}

TEST_CASE("a purge moves the floor of a consumer that has had nothing yet, and leaves one alone that wants none of it") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  js.api("STREAM.PURGE.S");
  CHECK(js.stream("S")["state"]["first_seq"] == 1);
  for (const char* subject : {"s.a", "s.b", "s.a", "s.c", "s.b", "s.a"}) js.publish(subject, "x");
  js.create_consumer("S", "all", R"("ack_policy":"explicit")");
  js.create_consumer("S", "a", R"("ack_policy":"explicit","filter_subject":"s.a")");
  js.create_consumer("S", "b", R"("ack_policy":"explicit","filter_subject":"s.b")");
  js.create_consumer("S", "ab", R"("ack_policy":"explicit","filter_subjects":["s.a","s.b"])");
  const auto floor = [&](const char* consumer) { return js.consumer("S", consumer)["ack_floor"]["stream_seq"]; };
  CHECK(js.api("STREAM.PURGE.S", R"({"filter":"s.a","seq":4})")["purged"] == 2);
  CHECK(floor("all") == 1);
  CHECK(floor("a") == 5);
  CHECK(floor("b") == 0);
  CHECK(floor("ab") == 1);
  CHECK(stream_seqs(js.fetch("S", "ab", 5)) == Seqs{2, 5, 6});
  CHECK(js.api("STREAM.PURGE.S")["purged"] == 4);
  for (const char* consumer : {"all", "a", "b"}) CHECK(floor(consumer) == 6);
  CHECK(js.consumer("S", "ab")["ack_floor"]["consumer_seq"] == 3);
}

TEST_CASE("a purge that takes what a consumer has pending moves its floor, though neither filter covers the other") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.*","t.*"])");
  for (const char* subject : {"s.b", "t.b"}) js.publish(subject, "x");
  js.create_consumer("S", "b", R"("ack_policy":"explicit","filter_subject":"*.b")");
  REQUIRE(stream_seqs(js.fetch("S", "b", 1)) == Seqs{1});
  CHECK(js.api("STREAM.PURGE.S", R"({"filter":"s.*"})")["purged"] == 1);
  CHECK(js.consumer("S", "b")["num_ack_pending"] == 0);
  CHECK(js.consumer("S", "b")["ack_floor"]["consumer_seq"] == 1);
  CHECK(stream_seqs(js.fetch("S", "b", 1)) == Seqs{2});
}

TEST_CASE("a purge of what was delivered after a message that is still pending leaves the floor below that one") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.*"])");
  for (const char* subject : {"s.a", "s.b"}) js.publish(subject, "x");
  js.create_consumer("S", "c", R"("ack_policy":"explicit")");
  const auto got = js.fetch("S", "c", 2);
  REQUIRE(stream_seqs(got) == Seqs{1, 2});
  CHECK(js.api("STREAM.PURGE.S", R"({"filter":"s.b"})")["purged"] == 1);
  CHECK(js.consumer("S", "c")["ack_floor"]["consumer_seq"] == 0);
  CHECK(js.consumer("S", "c")["num_ack_pending"] == 1);
  CHECK(js.ack(got[0], "-NAK"));
  CHECK(stream_seqs(js.fetch("S", "c", 1)) == Seqs{1});
}

SCENARIO("a consumer begins where its deliver policy says") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  for (const char* subject : {"s.a", "s.b", "s.a", "s.c", "s.b"}) js.publish(subject, "x");
  const auto begins = [&](const std::string& name, const std::string& members) {
    js.create_consumer("S", name, R"("ack_policy":"none",)" + members);
    return stream_seqs(js.fetch("S", name, 10));
  };
  CHECK(begins("all", R"("deliver_policy":"all")") == Seqs{1, 2, 3, 4, 5});
  CHECK(begins("last", R"("deliver_policy":"last")") == Seqs{5});
  CHECK(begins("last_a", R"("deliver_policy":"last","filter_subject":"s.a")") == Seqs{3});
  CHECK(begins("last_none", R"("deliver_policy":"last","filter_subject":"s.z")") == Seqs{});
  CHECK(begins("new", R"("deliver_policy":"new")") == Seqs{});
  CHECK(begins("seq", R"("deliver_policy":"by_start_sequence","opt_start_seq":4)") == Seqs{4, 5});
  CHECK(begins("beyond", R"("deliver_policy":"by_start_sequence","opt_start_seq":99)") == Seqs{});
  CHECK(begins("each", R"("deliver_policy":"last_per_subject","filter_subject":"s.*")") == Seqs{3, 4, 5});
  THEN("those that begin after the end see what comes next") {
    js.publish("s.d", "x");
    for (const char* name : {"new", "beyond", "last_none", "each"}) {
      CAPTURE(name);
      CHECK(stream_seqs(js.fetch("S", name, 10)) == (std::string(name) == "last_none" ? Seqs{} : Seqs{6}));
    }
  }
}

TEST_CASE("the last message of a stream is where a consumer begins, also when it is gone") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"])");
  for (int i = 0; i < 3; ++i) js.publish("s", "x");
  js.api("STREAM.PURGE.S");
  js.create_consumer("S", "last", R"("ack_policy":"none","deliver_policy":"last")");
  js.create_consumer("S", "all", R"("ack_policy":"none")");
  CHECK(js.consumer("S", "last")["delivered"]["stream_seq"] == 2);
  CHECK(js.consumer("S", "all")["delivered"]["stream_seq"] == 3);
  js.publish("s", "x");
  for (const char* name : {"last", "all"}) CHECK(stream_seqs(js.fetch("S", name, 10)) == Seqs{4});
}

TEST_CASE("the last of each subject is delivered once, also if it is removed before its turn") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  for (const char* subject : {"s.a", "s.b", "s.c", "s.b", "s.a"}) js.publish(subject, "x");
  js.create_consumer("S", "c", R"("ack_policy":"explicit","deliver_policy":"last_per_subject","filter_subject":">")");
  CHECK(js.consumer("S", "c")["num_pending"] == 3);
  const std::vector<Heard> first = js.fetch("S", "c", 1);
  CHECK(stream_seqs(first) == Seqs{3});
  CHECK(js.ack(first[0]));
  js.api("STREAM.MSG.DELETE.S", R"({"seq":4})");
  CHECK(js.consumer("S", "c")["num_pending"] == 1);
  js.publish("s.c", "x");
  CHECK(js.consumer("S", "c")["num_pending"] == 2);
  CHECK(stream_seqs(js.fetch("S", "c", 10)) == Seqs{5, 6});
}

}  // namespace
}  // namespace windtunnel::tests
