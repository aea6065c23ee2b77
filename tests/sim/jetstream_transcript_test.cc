// Our node answers recorded clients as nats-server 2.10.27 did. Every difference is named here, with its reason.
#include <doctest/doctest.h>

#include "tests/support/transcript.h"

namespace windtunnel::tests {
namespace {

TranscriptReport replay(const char* topic, const TranscriptOptions& options) {
  TranscriptReport report = replay_transcript(std::string(WT_FIXTURES "/transcripts/2.10.27/") + topic + ".jsonl", options);
  for (const std::string& complaint : report.complaints) FAIL_CHECK(complaint);
  return report;
}

TEST_CASE("streams.jsonl") {
  TranscriptOptions options;
  CHECK(replay("streams", options).compared == 106);
}
// Every member of a stream's configuration, and every rule.
TEST_CASE("config.jsonl") {
  TranscriptOptions options;
  constexpr const char* kFirstSeq = "a first sequence that leaves no room for the next ones is refused";
  options.exceptions = {{192, kFirstSeq}, {194, kFirstSeq}};
  CHECK(replay("config", options).compared == 450);
}
// Of two broken rules, the one that is told.
TEST_CASE("order.jsonl") {
  TranscriptOptions options;
  constexpr const char* kPromotion = "a mirror may become an ordinary stream, as from 2.12 on";
  options.exceptions = {{220, kPromotion}, {222, kPromotion}, {224, kPromotion}};
  CHECK(replay("order", options).compared == 109);
}
TEST_CASE("update.jsonl") {
  TranscriptOptions options;
  options.defects.set(core::Defect::nats_6244);
  constexpr const char* kOrphans = "a stream that becomes one of interest lets go at once of what no consumer is interested in";
  options.exceptions = {{355, kOrphans}, {357, kOrphans}};
  CHECK(replay("update", options).compared == 216);
}
// Subject transforms and republishing.
TEST_CASE("reshape.jsonl") {
  TranscriptOptions options;
  CHECK(replay("reshape", options).compared == 410);
}
// Requests that are not as they should be, pages, and what is asked about messages.
TEST_CASE("requests.jsonl") {
  TranscriptOptions options;
  constexpr const char* kPurge = "2.10.27 purges everything when it is to purge what lies below sequence 1";
  options.exceptions = {
      {805, "2.10.27 shows the time of a first message that a purge by subject has removed"},
      {910, kPurge},
      {912, kPurge},
  };
  CHECK(replay("requests", options).compared == 435);
}
TEST_CASE("advisories.jsonl") {
  TranscriptOptions options;
  CHECK(replay("advisories", options).compared == 67);
}
TEST_CASE("publish.jsonl") {
  TranscriptOptions options;
  CHECK(replay("publish", options).compared == 156);
}
TEST_CASE("consumer.jsonl") {
  TranscriptOptions options;
  std::string burst;  // what the recorder left out: 30 messages in one write
  for (int i = 0; i < 30; ++i) {
    const std::string payload = "m" + std::to_string(i);
    burst += "PUB c1." + std::to_string(i % 3) + " _INBOX.52P0Jw1BRY." + std::to_string(i + 2) + " " + std::to_string(payload.size()) +
             "\r\n" + payload + "\r\n";
  }
  options.insertions = {{9, burst}};
  options.seed = core::Seed{2};  // with which the name that is made up sorts first, as the recorded one did
  CHECK(replay("consumer", options).compared == 340);
}
TEST_CASE("direct.jsonl") {
  TranscriptOptions options;
  CHECK(replay("direct", options).compared == 49);
}

TEST_CASE("kv.jsonl") {
  TranscriptOptions options;
  CHECK(replay("kv", options).compared == 20);
}

TEST_CASE("mirrors.jsonl") {
  TranscriptOptions options;
  options.exceptions.push_back({39, "2.10.27 counts a deleted sequence 0 in a stream that never had a message"});
  // The origin's roll-ups (lines 62 and 66).
  options.defects.set(core::Defect::nats_8040);  // its mirror refuses them, and its source stops there
  options.defects.set(core::Defect::nats_7530);  // and says nothing
  CHECK(replay("mirrors", options).compared == 45);
}
TEST_CASE("workqueue.jsonl") {
  TranscriptOptions options;
  options.defects.set(core::Defect::nats_3207);  // a mirror takes from a work queue what belongs to its consumer
  CHECK(replay("workqueue", options).compared == 29);
}

TEST_CASE("consumer_config.jsonl") {
  TranscriptOptions options;
  options.exceptions = {
      {907, "an update must not give a work queue's messages a second owner: 2.10.27 sees no filter at all as no overlap"}};
  CHECK(replay("consumer_config", options).compared == 598);
}
TEST_CASE("consumer_pull.jsonl") {
  TranscriptOptions options;
  CHECK(replay("consumer_pull", options).compared == 615);
}
TEST_CASE("consumer_ack.jsonl") {
  TranscriptOptions options;
  CHECK(replay("consumer_ack", options).compared == 938);
}

TEST_CASE("consumer_push.jsonl") {
  TranscriptOptions options;
  constexpr const char* kOneBehind = "2.10.27 shows the last but one of the list of last messages as delivered";
  for (const std::size_t line : {767u, 771u, 781u, 786u}) options.exceptions.push_back({line, kOneBehind});
  options.exceptions.push_back(
      {1009, "2.10.27's position is before the first message that is left, ours behind the last one that was delivered"});
  constexpr const char* kOtherFilters = "2.10.27 takes a purge of one filter for one of all, and passes over what the others match";
  for (const std::size_t line : {1015u, 1025u}) options.exceptions.push_back({line, kOtherFilters});
  CHECK(replay("consumer_push", options).compared == 653);
}
TEST_CASE("retention.jsonl") {
  TranscriptOptions options;
  constexpr const char* kNoFirst = "2.10.27 shows the time of a message that is gone, or 1970, as that of the first one";
  for (const std::size_t line : {153u, 200u, 243u, 266u, 280u, 287u, 315u, 364u, 370u}) options.exceptions.push_back({line, kNoFirst});
  CHECK(replay("retention", options).compared == 236);
}

}  // namespace
}  // namespace windtunnel::tests
