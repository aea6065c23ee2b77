// A source that was killed before it noted how far it had come, and whose origin lost messages meanwhile and gave their sequences to
// others: what it has tells where they part (core/jetstream/source_doubt.cc).
#include "sim/survivors.h"
#include "tests/sim/hub_and_edges.h"

namespace windtunnel::tests {
namespace {

constexpr const char* kNotes = "jetstream/$G/streams/ALL/copies.json";

// The edge comes back with what it had synced.
void lose_power(HubAndEdges& w, int left) {
  w.world.process("e1").lose_power(sim::Survivors{sim::Survivors::How::none, 0}, nullptr);
  w.world.run_for(5s);
  w.world.start("e1");
  w.edge[1] = std::make_unique<JetStreamClient>(w.world, "at_e1_" + std::to_string(++w.clients), "e1");
  REQUIRE(w.edge[1]->stream("EDGE_1")["state"]["last_seq"] == left);
}

void start_hub(HubAndEdges& w) {
  w.world.start("hub");
  w.hub = std::make_unique<JetStreamClient>(w.world, "at_hub_" + std::to_string(++w.clients), "hub");
  w.world.run_for(15s);
}

// An edge with `synced` messages that no power loss takes, and a hub that has noted `noted` of them, and has those up to 10.
struct Regrown {
  explicit Regrown(int synced, int noted) {
    w.create_origin(1);
    w.create_all(HubAndEdges::source(1));
    w.publish(1, std::min(synced, noted));
    if (synced <= noted) w.world.run_for(3min);
    w.publish(1, noted - std::min(synced, noted));
    CHECK(w.until_count(static_cast<std::uint64_t>(noted)) < 5s);
    w.restart_hub(sim::Signal::term, 1s);
    w.world.run_for(2s);  // it is connected, and what it knows now is noted
    if (synced > noted) {
      w.publish(1, synced - noted);
      CHECK(w.until_count(static_cast<std::uint64_t>(synced)) < 5s);
      sync_edge();
    }
    w.publish(1, 10 - std::max(synced, noted));
    CHECK(w.until_count(10) < 5s);
    w.world.signal("hub", sim::Signal::kill);
  }
  // An orderly stop: what the edge has is synced, and the hub, which is not there, hears nothing of it.
  void sync_edge() {
    w.world.cut("hub", "e1", sim::Cut::reset);
    w.restart_edge(1, sim::Signal::term, 1s);
    w.world.heal("hub", "e1");
    w.world.run_for(5s);
  }
  HubAndEdges w{1};
};

TEST_CASE("an origin that lost messages and grew past a position that was not noted is found out: nothing is lost, nothing comes twice") {
  struct Row {
    const char* what;
    int synced;
    int noted;
    bool has_notes;
    int again;  // published after the power loss, before the hub is back
  };
  const Row rows[] = {
      {"it has more than it had, and kept what was noted", 7, 5, true, 8},
      {"it has as many as it had", 7, 5, true, 3},
      {"it has less than it had", 7, 5, true, 2},
      {"it has nothing but what was kept", 7, 5, true, 0},
      {"it lost some of what was noted", 3, 5, true, 12},
      {"it lost some of what was noted, and has less than that", 3, 5, true, 1},
      {"it lost what was not noted", 5, 5, true, 9},
      {"it lost everything", 0, 5, true, 14},
      {"there are no notes", 7, 5, false, 8},
      {"there are no notes, and it has less", 7, 5, false, 1},
      {"there are no notes, and it lost everything", 0, 5, false, 14},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Regrown world{row.synced, row.noted};
    HubAndEdges& w = world.w;
    if (!row.has_notes) w.world.process("hub").disk().drop(kNotes);
    lose_power(w, row.synced);
    w.publish(1, row.again);
    start_hub(w);
    CHECK(brought(w, "e1.a") == numbers(1, 10 + row.again));
    w.publish(1, 15);
    w.world.run_for(5s);
    CHECK(brought(w, "e1.a") == numbers(1, 25 + row.again));
    CHECK(w.status()["error"].is_null());
    w.restart_hub(sim::Signal::kill);
    w.world.run_for(10s);
    CHECK(w.count() == 25 + static_cast<std::uint64_t>(row.again));
  }
}

TEST_CASE("an origin that lost messages twice is compared with what was copied last") {
  Regrown world{7, 5};
  HubAndEdges& w = world.w;
  lose_power(w, 7);
  w.publish(1, 5);
  start_hub(w);
  CHECK(brought(w, "e1.a") == numbers(1, 15));
  world.sync_edge();
  w.publish(1, 3);
  CHECK(w.until_count(18) < 5s);
  w.world.signal("hub", sim::Signal::kill);
  w.world.process("hub").disk().drop(kNotes);
  lose_power(w, 12);
  w.publish(1, 6);
  start_hub(w);
  CHECK(brought(w, "e1.a") == numbers(1, 24));
}

TEST_CASE("a message that its publisher repeats where it was does not vouch for those before it") {
  Regrown world{7, 5};
  HubAndEdges& w = world.w;
  lose_power(w, 7);
  for (const char* payload : {"11", "12", "10"}) w.edge[1]->publish("e1.a", payload);
  start_hub(w);
  // The last one comes twice, as its publisher sent it; an id would tell.
  CHECK(brought(w, "e1.a") == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 10});
}

TEST_CASE("what a copy changes is no difference: an origin that lost nothing is read on, and costs one request") {
  const char* kTransforms[] = {"", R"(,"subject_transforms":[{"src":"e1.>","dest":"x.>"}])", R"(,"filter_subject":"e1.a")"};
  for (const char* members : kTransforms) {
    for (const bool has_notes : {true, false}) {
      CAPTURE(members);
      CAPTURE(has_notes);
      HubAndEdges w{1};
      w.create_origin(1);
      const std::string input = R"(,"subject_transform":{"src":">","dest":"all.>"})";
      w.create_all(HubAndEdges::source(1, members), input);
      const std::string headers = "Nats-Expected-Stream: EDGE_1\r\nNats-Stream-Source: OTHER 7 > >\r\nOwn: kept\r\n";
      w.publish(1, 5, headers);
      w.edge[1]->publish("e1.a", "6", "Nats-Expected-Stream: EDGE_1\r\n");
      CHECK(w.until_count(6) < 5s);
      w.world.signal("hub", sim::Signal::kill);
      if (!has_notes) w.world.process("hub").disk().drop(kNotes);
      const std::string gets = w.edge[1]->wire().subscribe("$JS.API.STREAM.MSG.GET.EDGE_1");
      w.world.run_for(2s);
      start_hub(w);
      CHECK(w.edge[1]->wire().await(gets, 2, 100ms).size() == 1);
      CHECK(w.count() == 6);
      w.edge[1]->publish("e1.a", "7");
      CHECK(w.until_count(7) < 5s);
    }
  }
}

// A hub with ten copies, of which it has noted five, starts again.
void kill_hub_of_ten(HubAndEdges& w) {
  w.create_origin(1);
  w.create_all(HubAndEdges::source(1));
  w.publish(1, 5);
  w.world.run_for(3min);
  w.restart_hub(sim::Signal::term);
  w.world.run_for(8s);  // it is connected, and what it knows now is noted
  w.publish(1, 5);
  CHECK(w.until_count(10) < 5s);
  w.restart_hub(sim::Signal::kill);
}

TEST_CASE("an origin that lets nobody read its messages stops no source, and is found out where it is known") {
  HubAndEdges w{1, {}, core::Seed{1}, {"$JS.*.API.STREAM.MSG.GET.>"}};
  kill_hub_of_ten(w);
  w.publish(1, 1);
  CHECK(w.until_count(11) < 10s);
  w.world.run_for(70s);
  CHECK(w.count() == 11);
  CHECK(w.status()["error"].is_null());
  w.publish(1, 5);
  CHECK(w.until_count(16) < 5s);
  w.world.signal("hub", sim::Signal::kill);
  lose_power(w, 11);
  w.publish(1, 15);
  start_hub(w);
  CHECK(brought(w, "e1.a") == numbers(1, 31));
}

void take_away(HubAndEdges& w, int seq) {
  CHECK(w.hub->api("STREAM.MSG.DELETE.ALL", R"({"seq":)" + std::to_string(seq) + "}")["success"] == true);
}

TEST_CASE("what an operator takes away while an origin is read again does not come back, whatever ends the hub meanwhile") {
  HubAndEdges w{1, {}, core::Seed{1}, {"$JS.*.API.STREAM.MSG.GET.>"}};
  kill_hub_of_ten(w);
  for (int ms = 0; ms < 20'000 && w.running().position().seq.value != 0; ++ms) w.world.run_for(1ms);
  REQUIRE(w.running().copied_through() == core::Seq{10});
  w.world.cut("hub", "e1", sim::Cut::reset);
  take_away(w, 10);
  w.world.signal("hub", sim::Signal::kill);
  w.world.heal("hub", "e1");
  start_hub(w);
  w.publish(1, 2);
  w.world.run_for(10s);
  CHECK(brought(w, "e1.a") == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12});
}

TEST_CASE("a hub that is killed again before it hears of its origin still knows from where on to read it again") {
  Regrown world{7, 5};
  HubAndEdges& w = world.w;
  lose_power(w, 7);
  w.publish(1, 8);
  w.world.cut("hub", "e1", sim::Cut::black_hole);
  start_hub(w);
  take_away(w, 10);
  w.world.signal("hub", sim::Signal::kill);
  w.world.heal("hub", "e1");
  start_hub(w);
  std::vector<int> expected = numbers(1, 9);
  for (const int n : numbers(11, 18)) expected.push_back(n);
  CHECK(brought(w, "e1.a") == expected);
}

TEST_CASE("what an operator takes away before a hub that starts has read its notes does not come back") {
  for (const bool is_purged : {false, true}) {
    CAPTURE(is_purged);
    Regrown world{7, 5};
    HubAndEdges& w = world.w;
    start_reading_slowly(w.world, "hub", "/copies.json");
    w.hub = std::make_unique<JetStreamClient>(w.world, "at_hub_early", "hub");
    if (is_purged) {
      CHECK(w.hub->api("STREAM.PURGE.ALL")["purged"] == 10);
    } else {
      take_away(w, 10);
    }
    w.world.run_for(10s);
    w.publish(1, 1);
    w.world.run_for(5s);
    std::vector<int> expected = is_purged ? std::vector<int>{} : numbers(1, 9);
    expected.push_back(11);
    CHECK(brought(w, "e1.a") == expected);
  }
}

TEST_CASE("a hub that is killed after it took what an origin has instead, and before it noted that, takes what follows too") {
  Regrown world{7, 5};
  HubAndEdges& w = world.w;
  lose_power(w, 7);
  w.publish(1, 2);
  w.world.cut("hub", "e1", sim::Cut::black_hole);
  start_hub(w);
  REQUIRE(w.running().copied_through() == core::Seq{10});  // and that is noted
  w.world.heal("hub", "e1");
  for (int ms = 0; ms < 60'000 && w.count() < 12; ++ms) w.world.run_for(1ms);
  REQUIRE(w.count() == 12);
  w.world.signal("hub", sim::Signal::kill);
  start_hub(w);
  w.publish(1, 3);
  w.world.run_for(10s);
  CHECK(brought(w, "e1.a") == numbers(1, 15));
}

TEST_CASE("an origin whose answers are held up on the way is not taken for one that was never asked") {
  for (const char* question : {"STREAM.INFO", "STREAM.MSG.GET"}) {
    CAPTURE(question);
    HubAndEdges w{1};
    w.create_origin(1);
    w.create_all(HubAndEdges::source(1));
    w.publish(1, 5);
    w.world.run_for(3min);  // synced
    w.publish(1, 5);
    CHECK(w.until_count(10) < 5s);
    w.world.cut("hub", "e1", sim::Cut::reset);
    lose_power(w, 5);
    w.publish(1, 8);
    const std::string asked = w.edge[1]->wire().subscribe("$JS.API." + std::string(question) + ".EDGE_1");
    w.world.heal("hub", "e1");
    REQUIRE(w.edge[1]->wire().await(asked, 1, 20s).size() == 1);
    w.world.cut("hub", "e1", sim::Cut::black_hole);
    w.world.run_for(8s);
    w.world.heal("hub", "e1");
    w.world.run_for(60s);
    CHECK(brought(w, "e1.a") == numbers(1, 18));
  }
}

TEST_CASE("what is gone, here or there, is not in the way of finding out") {
  SUBCASE("the origin has let go of the message") {
    Regrown world{7, 5};
    HubAndEdges& w = world.w;
    lose_power(w, 7);
    w.publish(1, 2);
    w.edge[1]->publish("e1.b", "x");
    w.edge[1]->api("STREAM.MSG.DELETE.EDGE_1", R"({"seq":10})");
    w.publish(1, 1);
    start_hub(w);
    CHECK(brought(w, "e1.a") == numbers(1, 13));
  }
  SUBCASE("the copies were taken away, all but the last") {
    HubAndEdges w{1};
    w.create_origin(1);
    w.create_all(HubAndEdges::source(1));
    w.publish(1, 5);
    w.world.run_for(3min);
    w.restart_hub(sim::Signal::term);
    w.world.run_for(3s);
    w.publish(1, 5);
    CHECK(w.until_count(10) < 5s);
    for (int seq = 6; seq <= 9; ++seq)
      CHECK(w.hub->api("STREAM.MSG.DELETE.ALL", R"({"seq":)" + std::to_string(seq) + "}")["success"] == true);
    w.world.signal("hub", sim::Signal::kill);
    lose_power(w, 5);
    w.publish(1, 9);
    start_hub(w);
    std::vector<int> expected = numbers(1, 5);
    for (const int n : numbers(10, 19)) expected.push_back(n);
    CHECK(brought(w, "e1.a") == expected);
  }
}

TEST_CASE("an origin whose clock was ahead is read on from the noted sequence, whatever its clock says since") {
  HubAndEdges w{1};
  w.create_origin(1);
  w.create_all(HubAndEdges::source(1));
  w.world.process("e1").step_clock(8min);
  w.publish(1, 5);
  w.world.run_for(3min);  // noted, with a time that lies ahead
  w.world.process("e1").step_clock(-5min);
  w.publish(1, 5);
  CHECK(w.until_count(10) < 5s);
  w.world.signal("hub", sim::Signal::kill);
  w.publish(1, 5);
  w.world.run_for(1s);
  start_hub(w);
  CHECK(w.until_count(15) < 5s);
  CHECK(w.state()["last_seq"] == 15);
}

TEST_CASE("what grew too old while the server was down tells how far its source had come") {
  HubAndEdges w{1};
  w.create_origin(1);
  w.create_all(HubAndEdges::source(1), R"(,"max_age":20000000000,"duplicate_window":100000000)");
  w.publish(1, 5);
  CHECK(w.until_count(5) < 5s);
  w.world.run_for(5s);
  w.publish(1, 3);
  CHECK(w.until_count(8) < 5s);
  w.world.signal("hub", sim::Signal::kill);  // before it notes them
  w.world.run_for(30s);
  start_hub(w);
  w.publish(1, 1);
  w.world.run_for(5s);
  CHECK(w.count() == 1);
  CHECK(w.state()["last_seq"] == 9);
}

TEST_CASE("what an update of the limits takes from an aggregate is not copied again after a kill") {
  HubAndEdges w{1};
  w.create_origin(1);
  w.create_all(HubAndEdges::source(1), R"(,"duplicate_window":100000000)");
  w.publish(1, 8);
  CHECK(w.until_count(8) < 5s);
  const std::string update = R"({"name":"ALL","sources":[)" + HubAndEdges::source(1) + R"(],"duplicate_window":100000000,"max_bytes":1})";
  REQUIRE(error_of(w.hub->api("STREAM.UPDATE.ALL", update)) == 0);
  CHECK(w.count() == 0);
  w.restart_hub(sim::Signal::kill);
  w.world.run_for(5s);
  CHECK(w.state()["last_seq"] == 8);
}

// As one of 2.10.27's would be: there are no notes, and what was consumed there is not in the stream any more.
TEST_CASE("a stream that another server has filled goes on from the time of its last message; one of ours from its notes") {
  for (const bool is_foreign : {true, false}) {
    CAPTURE(is_foreign);
    HubAndEdges w{1};
    w.create_origin(1);
    w.create_all(HubAndEdges::source(1), R"(,"retention":"workqueue")");
    REQUIRE(error_of(w.hub->create_consumer("ALL", "c", R"("ack_policy":"explicit")")) == 0);
    w.publish(1, 5);
    CHECK(w.until_count(5) < 5s);
    for (const Heard& each : w.hub->fetch("ALL", "c", 5)) CHECK(w.hub->ack(each));
    CHECK(w.count() == 0);
    w.world.signal("hub", sim::Signal::term);
    w.world.run_for(2s);
    if (is_foreign) w.world.process("hub").disk().drop(kNotes);
    w.publish(1, 2);
    start_hub(w);
    CHECK(w.state()["last_seq"] == 7);
    CHECK(w.count() == 2);
  }
}

TEST_CASE("a source that is taken out and put back goes on where it was, whatever was purged meanwhile") {
  HubAndEdges w{2};
  for (const int i : {1, 2}) w.create_origin(i);
  const std::string both = HubAndEdges::source(1) + "," + HubAndEdges::source(2);
  w.create_all(both);
  for (const int i : {1, 2}) w.publish(i, 5);
  CHECK(w.until_count(10) < 5s);
  const auto update = [&w](const std::string& sources) {
    REQUIRE(error_of(w.hub->api("STREAM.UPDATE.ALL", R"({"name":"ALL","sources":[)" + sources + "]}")) == 0);
  };
  update(HubAndEdges::source(2));
  REQUIRE(w.hub->api("STREAM.PURGE.ALL")["success"] == true);
  w.publish(1, 2);
  w.world.run_for(5s);
  w.restart_hub(sim::Signal::kill);
  w.world.run_for(5s);
  update(both);
  w.world.run_for(10s);
  CHECK(w.state()["last_seq"] == 12);
  CHECK(w.count() == 2);
}

}  // namespace
}  // namespace windtunnel::tests
