// Direct gets, of a stream and of a mirror in its origin's place (reference: jetstream-api 3).
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

TEST_CASE("direct gets follow the configuration of the stream") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s.>"])");
  js.publish("s.a", "x", "Own: header\r\n");
  const auto get = [&] { return js.wire().request("$JS.API.DIRECT.GET.S.s.a", ""); };
  CHECK(get()->status() == "503");
  js.api("STREAM.UPDATE.S", R"({"name":"S","subjects":["s.>"],"allow_direct":true})");
  CHECK(get()->headers.starts_with("NATS/1.0\r\nOwn: header\r\nNats-Stream: S\r\nNats-Subject: s.a\r\nNats-Sequence: 1\r\n"));
  node.restart(sim::Signal::kill);
  CHECK(node.client().wire().request("$JS.API.DIRECT.GET.S.s.a", "")->payload == "x");
  node.client().api("STREAM.UPDATE.S", R"({"name":"S","subjects":["s.>"]})");
  CHECK(node.client().wire().request("$JS.API.DIRECT.GET.S.s.a", "")->status() == "503");
  node.client().api("STREAM.UPDATE.S", R"({"name":"S","subjects":["s.>"],"allow_direct":true})");
  node.client().api("STREAM.DELETE.S");
  CHECK(node.client().wire().request("$JS.API.DIRECT.GET.S.s.a", "")->status() == "503");
}

TEST_CASE("a mirror answers for its origin in turns with it, when it has caught up") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"],"allow_direct":true)");
  js.create_stream("M", R"("mirror":{"name":"S"})");
  const auto answers = [&] {
    int by_mirror = 0;
    for (int i = 0; i < 40; ++i) {
      const auto answer = js.wire().request("$JS.API.DIRECT.GET.S", R"({"seq":1})");
      REQUIRE(answer);
      by_mirror += answer->headers.find("Nats-Stream: M\r\n") != std::string::npos ? 1 : 0;
    }
    return by_mirror;
  };
  js.publish("s", "x");
  CHECK(answers() == 0);  // the mirror has not begun
  node.world.run_for(2s);
  const int by_mirror = answers();
  CHECK(by_mirror > 0);
  CHECK(by_mirror < 40);
}

}  // namespace
}  // namespace windtunnel::tests
