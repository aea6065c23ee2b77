// What a real nats-server 2.10.27 said to recorded clients, `windtunnel serve` says over TCP. The differences that are meant are those
// of the simulated world (tests/support/transcript_topics.cc), and no others.
#include <doctest/doctest.h>

#include <signal.h>

#include "tests/support/connect_transcript.h"
#include "tests/support/serve_process.h"
#include "tests/support/tcp_peer.h"
#include "tests/support/transcript_tcp.h"

namespace windtunnel::tests {
namespace {

constexpr const char* kFolder = WT_FIXTURES "/transcripts/2.10.27";

TEST_CASE("JetStream conversations over TCP") {
  const std::vector<TranscriptTopic> topics = transcript_topics();
  const auto reports = replay_over_tcp(WT_BINARY, kFolder, topics);
  for (const TranscriptTopic& topic : topics) {
    CAPTURE(topic.name);
    const TranscriptReport& report = reports.at(topic.name);
    for (const std::string& complaint : report.complaints) FAIL_CHECK(complaint);
    CHECK(report.compared == topic.compared);
  }
}

TEST_CASE("connections over TCP") {
  const auto connections = read_connect_transcript(std::string{kFolder} + "/connect.jsonl");
  CHECK(connections.size() == 15);
  ServeProcess server{WT_BINARY, {"--name", "srv"}};
  std::size_t compared = 0;
  for (const auto& connection : connections) {
    CAPTURE(connection.first);
    TcpPeer peer{server.port()};
    compared += replay_connection(peer, connection.second);
  }
  CHECK(compared == 63);
  CHECK(server.end(SIGTERM) == 0);
}

}  // namespace
}  // namespace windtunnel::tests
