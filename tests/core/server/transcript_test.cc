// Replays what a client and a real server said to each other, and compares what our server says.
#include "tests/core/server/server_world.h"
#include "tests/support/connect_transcript.h"

namespace windtunnel::core {
namespace {

TEST_CASE("the server answers a client as nats-server 2.10.27 did") {
  const auto connections = tests::read_connect_transcript(WT_FIXTURES "/transcripts/2.10.27/connect.jsonl");
  CHECK(connections.size() == 15);
  ServerWorld w;
  w.start(config_of("srv"));
  std::size_t compared = 0;
  for (const auto& connection : connections) {
    CAPTURE(connection.first);
    w.as_client([&] {
      tests::RawPeer peer = w.dial("srv");
      compared += tests::replay_connection(peer, connection.second);
    });
  }
  CHECK(compared == 63);
}

}  // namespace
}  // namespace windtunnel::core
