// Our node answers recorded clients as nats-server 2.10.27 did; tests/support/transcript_topics.cc names every difference.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/transcript_topics.h"
#include "tests/support/transcript_world.h"

namespace windtunnel::tests {
namespace {

constexpr const char* kFolder = WT_FIXTURES "/transcripts/2.10.27/";

void replay(const std::string& name) {
  const std::vector<TranscriptTopic> topics = transcript_topics();
  const auto topic = std::find_if(topics.begin(), topics.end(), [&](const TranscriptTopic& each) { return each.name == name; });
  REQUIRE(topic != topics.end());
  const TranscriptReport report = replay_in_world(kFolder + name + ".jsonl", topic->options);
  for (const std::string& complaint : report.complaints) FAIL_CHECK(complaint);
  CHECK(report.compared == topic->compared);
}

TEST_CASE("streams.jsonl") { replay("streams"); }
TEST_CASE("config.jsonl") { replay("config"); }
TEST_CASE("order.jsonl") { replay("order"); }
TEST_CASE("update.jsonl") { replay("update"); }
TEST_CASE("reshape.jsonl") { replay("reshape"); }
TEST_CASE("requests.jsonl") { replay("requests"); }
TEST_CASE("advisories.jsonl") { replay("advisories"); }
TEST_CASE("publish.jsonl") { replay("publish"); }
TEST_CASE("consumer.jsonl") { replay("consumer"); }
TEST_CASE("direct.jsonl") { replay("direct"); }
TEST_CASE("kv.jsonl") { replay("kv"); }
TEST_CASE("mirrors.jsonl") { replay("mirrors"); }
TEST_CASE("workqueue.jsonl") { replay("workqueue"); }
TEST_CASE("consumer_config.jsonl") { replay("consumer_config"); }
TEST_CASE("consumer_pull.jsonl") { replay("consumer_pull"); }
TEST_CASE("consumer_ack.jsonl") { replay("consumer_ack"); }
TEST_CASE("consumer_push.jsonl") { replay("consumer_push"); }
TEST_CASE("retention.jsonl") { replay("retention"); }

TEST_CASE("every transcript is a topic, but for the one about connections") {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator{kFolder}) files.push_back(entry.path().stem());
  std::vector<std::string> topics{"connect"};
  for (const TranscriptTopic& topic : transcript_topics()) topics.push_back(topic.name);
  std::sort(files.begin(), files.end());
  std::sort(topics.begin(), topics.end());
  CHECK(files == topics);
}

}  // namespace
}  // namespace windtunnel::tests
