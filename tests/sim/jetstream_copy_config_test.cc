// Configurations of mirrors and sources: what is taken and what is refused, as 2.10.27 does it, and what comes of them.
#include "tests/sim/hub_and_leaf.h"

namespace windtunnel::tests {
namespace {

std::string source(const std::string& destination, const std::string& from = "l.*") {
  return R"("sources":[{"name":"L","subject_transforms":[{"src":")" + from + R"(","dest":")" + destination + R"("}]}])";
}

struct Origin : OneNode {
  Origin() {
    REQUIRE(error_of(client().create_stream("L", R"("subjects":["l.>"],"allow_direct":true)")) == 0);
    client().publish("l.a", "1");
    client().publish("l.b", "2");
  }
  Json update(const std::string& name, const std::string& members) {
    return client().api("STREAM.UPDATE." + name, R"({"name":")" + name + "\"," + members + "}");
  }
  std::string subject_of(const std::string& stream, int seq) {
    return client().api("STREAM.MSG.GET." + stream, R"({"seq":)" + std::to_string(seq) + "}")["message"].value("subject", "");
  }
};

TEST_CASE("an update to a transform that cannot be made is refused, and the stream outlives a restart") {
  Origin w;
  REQUIRE(error_of(w.client().create_stream("B", R"("subjects":["b"])")) == 0);
  CHECK(w.client().publish("b", "1")["seq"] == 1);
  for (const char* destination : {"z.{{wildcard(4)}}", "z.>"}) {
    CAPTURE(destination);
    CHECK(error_of(w.update("B", R"("subjects":["b"],)" + source(destination))) == 10069);
  }
  w.restart(sim::Signal::term);
  CHECK(w.client().publish("b", "2")["seq"] == 2);
}

TEST_CASE("destinations of a source's transforms are looked at when the stream is created") {
  Origin w;
  struct Row {
    const char* destination;
    int code;
  };
  for (const Row& row : {Row{"z y", 10146}, Row{"z..y", 10146}, Row{"b.{{nonsense(1)}}", 10146}, Row{"z.{{wildcard(4)}}", 10049},
                         Row{"z.{{wildcard(1)}}", 0}, Row{"z.{{ wildcard( 1 ) }}", 0}}) {
    CAPTURE(row.destination);
    CHECK(error_of(w.client().create_stream("X", source(row.destination))) == row.code);
    w.client().api("STREAM.DELETE.X");
  }
}

TEST_CASE("a mirror answers direct gets under its own name only if it may itself") {
  Origin w;
  REQUIRE(error_of(w.client().create_stream("M", R"("mirror":{"name":"L"},"mirror_direct":true)")) == 0);
  w.world.run_for(3s);
  REQUIRE(w.client().stream("M")["state"]["messages"] == 2);
  const auto got = [&w](const std::string& of) {
    const std::optional<Heard> answer = w.client().wire().request("$JS.API.DIRECT.GET." + of, R"({"seq":1})", {}, 500ms);
    return answer && answer->payload == "1";
  };
  CHECK_FALSE(got("M"));
  CHECK(got("L"));
  REQUIRE(error_of(w.update("M", R"("mirror":{"name":"L"},"mirror_direct":true,"allow_direct":true)")) == 0);
  CHECK(got("M"));
  REQUIRE(error_of(w.update("M", R"("mirror":{"name":"L"},"mirror_direct":true)")) == 0);
  CHECK_FALSE(got("M"));
}

TEST_CASE("a mirror's own transform applies behind those of what it mirrors") {
  Origin w;
  REQUIRE(error_of(w.client().create_stream("M", R"("mirror":{"name":"L"},"subject_transform":{"src":"l.>","dest":"m.>"})")) == 0);
  REQUIRE(
      error_of(w.client().create_stream(
          "N",
          R"("mirror":{"name":"L","subject_transforms":[{"src":"l.a","dest":"x.a"}]},"subject_transform":{"src":"x.>","dest":"y.>"})")) ==
      0);
  w.world.run_for(3s);
  CHECK(w.subject_of("M", 1) == "m.a");
  CHECK(w.subject_of("M", 2) == "m.b");
  CHECK(w.subject_of("N", 1) == "y.a");
}

TEST_CASE("a source whose start lies ahead of its origin begins with what comes next") {
  for (const bool is_empty : {true, false}) {
    CAPTURE(is_empty);
    Origin w;
    if (is_empty) REQUIRE(w.client().api("STREAM.PURGE.L")["success"] == true);
    if (is_empty) REQUIRE(error_of(w.client().create_stream("E", R"("subjects":["e"])")) == 0);
    const std::string origin = is_empty ? "E" : "L";
    REQUIRE(error_of(w.client().create_stream("S", R"("sources":[{"name":")" + origin + R"(","opt_start_seq":20}])")) == 0);
    REQUIRE(error_of(
                w.client().create_stream("T", R"("sources":[{"name":")" + origin + R"(","opt_start_time":"2037-01-01T00:00:00Z"}])")) == 0);
    w.world.run_for(3s);
    for (int i = 0; i < 4; ++i) w.client().publish(is_empty ? "e" : "l.c", std::to_string(i));
    w.world.run_for(3s);
    CHECK(w.client().stream("S")["state"]["messages"] == 4);
    if (is_empty) CHECK(w.client().stream("T")["state"]["messages"] == 4);
  }
}

TEST_CASE("a mirror that keeps what somebody is interested in uses the other sequences up") {
  Origin w;
  const std::string mirror = R"("mirror":{"name":"L"},"retention":"interest")";
  REQUIRE(error_of(w.client().create_stream("M", mirror)) == 0);
  w.world.run_for(3s);
  Json state = w.client().stream("M")["state"];
  CHECK(state["messages"] == 0);
  CHECK(state["last_seq"] == 2);
  REQUIRE(error_of(w.client().create_consumer("M", "c", R"("filter_subject":"l.b","ack_policy":"explicit")")) == 0);
  w.client().publish("l.a", "3");
  w.client().publish("l.b", "4");
  w.client().publish("l.a", "5");
  w.world.run_for(1s);
  CHECK(w.subject_of("M", 4) == "l.b");
  w.restart(sim::Signal::kill);
  w.client().publish("l.a", "6");
  w.world.run_for(3s);
  state = w.client().stream("M")["state"];
  CHECK(state["messages"] == 1);
  CHECK(state["first_seq"] == 4);
  CHECK(state["last_seq"] == 6);
  CHECK(w.client().stream("M")["mirror"]["lag"] == 0);
  CHECK_FALSE(w.client().stream("M")["mirror"].contains("error"));
}

TEST_CASE("a sealed mirror takes nothing any more, and says why") {
  Origin w;
  REQUIRE(error_of(w.client().create_stream("M", R"("mirror":{"name":"L"})")) == 0);
  w.world.run_for(3s);
  REQUIRE(error_of(w.update("M", R"("mirror":{"name":"L"},"sealed":true)")) == 0);
  w.client().publish("l.a", "3");
  w.world.run_for(3s);
  CHECK(w.client().stream("M")["state"]["last_seq"] == 2);
  CHECK(w.client().stream("M")["mirror"]["error"]["err_code"] == 10109);
  w.restart(sim::Signal::term);
  w.client().publish("l.a", "4");
  w.world.run_for(3s);
  CHECK(w.client().stream("M")["state"]["last_seq"] == 2);
}

TEST_CASE("an audit of what came over a leaf link tells of the leaf, at either end") {
  HubAndLeaf w;
  const std::string at_hub = w.hub->wire().subscribe("$JS.EVENT.ADVISORY.API");
  const std::string at_leaf = w.leaf->wire().subscribe("$JS.EVENT.ADVISORY.API");
  w.world.run_for(1s);
  w.leaf->wire().request("$JS.hub.API.STREAM.DELETE.NONE", "", {}, 1s);
  const std::vector<Heard> up = w.hub->wire().await(at_hub, 1, 1s);
  REQUIRE(up.size() == 1);
  const Json from_leaf = Json::parse(up.front().payload)["client"];
  CHECK(from_leaf["name"] == "leaf");
  CHECK(from_leaf["ver"] == "2.10.27");
  CHECK(from_leaf["server"] == "leaf");
  CHECK_FALSE(from_leaf.contains("cluster"));
  w.hub->wire().request("$JS.leaf.API.STREAM.DELETE.NONE", "", {}, 1s);
  const std::vector<Heard> down = w.leaf->wire().await(at_leaf, 1, 1s);
  REQUIRE(down.size() == 2);  // the hub's own comes by the link
  const Json from_hub = Json::parse(down.back().payload)["client"];
  CHECK_FALSE(from_hub.contains("name"));
  CHECK(from_hub["server"] == "hub");
  CHECK(from_hub["cluster"] == "leaf");
}

TEST_CASE("a node that dials as a leaf shows the cluster as which it presents itself") {
  HubAndLeaf w;
  w.create_origin();
  w.create_mirror();
  CHECK(w.hub->stream("O")["cluster"] == Json{{"leader", "hub"}});
  CHECK(w.leaf->stream("M")["cluster"] == Json{{"name", "leaf"}, {"leader", "leaf"}});
}

TEST_CASE("a source's error stands where 2.10.27 has it") {
  Origin w;
  REQUIRE(error_of(w.client().create_stream("S", R"("sources":[{"name":"NONE","filter_subject":"a.b"}])")) == 0);
  w.world.run_for(3s);
  const std::optional<Heard> info = w.client().wire().request("$JS.API.STREAM.INFO.S", "", {}, 500ms);
  REQUIRE(info);
  const std::size_t error = info->payload.rfind("\"error\"");
  const std::size_t filter = info->payload.rfind("\"filter_subject\"");
  REQUIRE(error != std::string::npos);
  CHECK(error < filter);
}

}  // namespace
}  // namespace windtunnel::tests
