// Our node answers recorded clients as nats-server 2.10.27 did. Every difference is named here, with its reason.
#include <doctest/doctest.h>

#include "tests/support/transcript.h"

namespace windtunnel::tests {
namespace {

using Kind = TranscriptException::Kind;

TranscriptReport replay(const char* topic, const TranscriptOptions& options) {
  TranscriptReport report = replay_transcript(std::string(WT_FIXTURES "/transcripts/2.10.27/") + topic + ".jsonl", options);
  for (const std::string& complaint : report.complaints) FAIL_CHECK(complaint);
  return report;
}

TEST_CASE("streams.jsonl") {
  TranscriptOptions options;
  CHECK(replay("streams", options).compared == 1);
}
TEST_CASE("publish.jsonl") {
  TranscriptOptions options;
  CHECK(replay("publish", options).compared == 1);
}
TEST_CASE("consumer.jsonl") {
  TranscriptOptions options;
  std::string burst;  // what the recorder left out: 30 messages in one write
  for (int i = 0; i < 30; ++i) {
    const std::string payload = "m" + std::to_string(i);
    burst += "PUB c1." + std::to_string(i % 3) + " _INBOX.52P0Jw1BRY." + std::to_string(i + 2) + " " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
  }
  options.insertions = {{9, burst}};
  CHECK(replay("consumer", options).compared == 1);
}
TEST_CASE("mirrors.jsonl") {
  TranscriptOptions options;
  CHECK(replay("mirrors", options).compared == 1);
}
TEST_CASE("workqueue.jsonl") {
  TranscriptOptions options;
  CHECK(replay("workqueue", options).compared == 1);
}

}  // namespace
}  // namespace windtunnel::tests
