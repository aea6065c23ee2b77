#include "tests/support/transcript_topics.h"

namespace windtunnel::tests {
namespace {

// Every member of a stream's configuration, and every rule.
TranscriptOptions config() {
  TranscriptOptions options;
  constexpr const char* kFirstSeq = "a first sequence that leaves no room for the next ones is refused";
  options.exceptions = {{192, kFirstSeq}, {194, kFirstSeq}};
  return options;
}

// Of two broken rules, the one that is told.
TranscriptOptions order() {
  TranscriptOptions options;
  constexpr const char* kPromotion = "a mirror may become an ordinary stream, as from 2.12 on";
  options.exceptions = {{220, kPromotion}, {222, kPromotion}, {224, kPromotion}};
  return options;
}

TranscriptOptions update() {
  TranscriptOptions options;
  options.defects.set(core::Defect::nats_6244);
  constexpr const char* kOrphans = "a stream that becomes one of interest lets go at once of what no consumer is interested in";
  options.exceptions = {{355, kOrphans}, {357, kOrphans}};
  return options;
}

// Requests that are not as they should be, pages, and what is asked about messages.
TranscriptOptions requests() {
  TranscriptOptions options;
  constexpr const char* kPurge = "2.10.27 purges everything when it is to purge what lies below sequence 1";
  options.exceptions = {
      {805, "2.10.27 shows the time of a first message that a purge by subject has removed"},
      {910, kPurge},
      {912, kPurge},
  };
  return options;
}

TranscriptOptions consumer() {
  TranscriptOptions options;
  std::string burst;  // what the recorder left out: 30 messages in one write
  for (int i = 0; i < 30; ++i) {
    const std::string payload = "m" + std::to_string(i);
    burst += "PUB c1." + std::to_string(i % 3) + " _INBOX.52P0Jw1BRY." + std::to_string(i + 2) + " " + std::to_string(payload.size()) +
             "\r\n" + payload + "\r\n";
  }
  options.insertions = {{9, burst}};
  return options;
}

TranscriptOptions mirrors() {
  TranscriptOptions options;
  options.exceptions.push_back({39, "2.10.27 counts a deleted sequence 0 in a stream that never had a message"});
  // The origin's roll-ups (lines 62 and 66).
  options.defects.set(core::Defect::nats_8040);  // its mirror refuses them, and its source stops there
  options.defects.set(core::Defect::nats_7530);  // and says nothing
  return options;
}

TranscriptOptions workqueue() {
  TranscriptOptions options;
  options.defects.set(core::Defect::nats_3207);  // a mirror takes from a work queue what belongs to its consumer
  return options;
}

TranscriptOptions consumer_config() {
  TranscriptOptions options;
  options.exceptions = {
      {907, "an update must not give a work queue's messages a second owner: 2.10.27 sees no filter at all as no overlap"}};
  return options;
}

TranscriptOptions consumer_push() {
  TranscriptOptions options;
  constexpr const char* kOneBehind = "2.10.27 shows the last but one of the list of last messages as delivered";
  for (const std::size_t line : {767u, 771u, 781u, 786u}) options.exceptions.push_back({line, kOneBehind});
  constexpr const char* kOtherFilters = "2.10.27 takes a purge of one filter for one of all, and passes over what the others match";
  for (const std::size_t line : {1015u, 1025u}) options.exceptions.push_back({line, kOtherFilters});
  return options;
}

TranscriptOptions retention() {
  TranscriptOptions options;
  constexpr const char* kNoFirst = "2.10.27 shows the time of a message that is gone, or 1970, as that of the first one";
  for (const std::size_t line : {153u, 200u, 243u, 266u, 280u, 287u, 315u, 364u, 370u}) options.exceptions.push_back({line, kNoFirst});
  return options;
}

}  // namespace

std::vector<TranscriptTopic> transcript_topics() {
  return {
      {"streams", 106, {}},
      {"config", 450, config()},
      {"order", 109, order()},
      {"update", 216, update()},
      {"reshape", 410, {}},  // Subject transforms and republishing.
      {"requests", 435, requests()},
      {"advisories", 67, {}},
      {"publish", 156, {}},
      {"consumer", 340, consumer()},
      {"direct", 49, {}},
      {"kv", 20, {}},
      {"mirrors", 45, mirrors()},
      {"workqueue", 29, workqueue()},
      {"consumer_config", 598, consumer_config()},
      {"consumer_pull", 615, {}},
      {"consumer_ack", 938, {}},
      {"consumer_push", 653, consumer_push()},
      {"retention", 236, retention()},
  };
}

}  // namespace windtunnel::tests
