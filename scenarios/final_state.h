// What is there at the end of a run, read back from the streams themselves, message by message.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "core/store/stream_store.h"
#include "scenarios/history.h"
#include "scenarios/ledger.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

struct FinalMessage {
  core::Seq seq;
  std::uint64_t content = 0;  // hash of headers and payload
  std::uint64_t subject = 0;  // hash
  std::int64_t time = 0;
  std::optional<PublishId> id;  // whose message it is, by its payload
};

// The last message of a subject, as a scan finds it and as the stream says.
struct LatestOfSubject {
  std::string subject;
  core::Seq scanned;
  core::Seq told;
};

// What a stream's configuration lets it remove by itself.
struct StreamLimits {
  std::uint64_t max_msgs_per_subject = 0;  // 0: no limit
  core::Duration max_age{};                // 0: none
  bool has_totals = false;                 // max_msgs, max_bytes
  bool is_discard_new = false;
  bool is_discard_new_per_subject = false;
  bool allows_rollup = false;
  bool has_changed = false;  // in what it lets go: an operator has set other limits
  // Whether anything but age, acks, requests and roll-ups makes it remove a message.
  friend bool operator==(const StreamLimits&, const StreamLimits&) = default;
  [[nodiscard]] bool evicts() const {
    return has_changed || (has_totals && !is_discard_new) || (max_msgs_per_subject > 0 && !is_discard_new_per_subject);
  }
};

// A mirror, or one of a stream's sources, as its status shows it.
struct FinalCopy {
  const OriginSpec* from = nullptr;
  std::string reader;  // as its events name it
  std::string key;     // of a source: what its messages' headers name; empty: a mirror
  std::string error;   // empty: none
  std::uint64_t lag = 0;
};

// A message that came by a source.
struct SourcedMessage {
  core::Seq seq;
  std::size_t copy = 0;  // which of FinalStream::copies
  core::Seq origin_seq;
};

struct FinalStream {
  StreamKey key;
  std::string node;
  const StreamSpec* spec = nullptr;
  StreamLimits limits;
  core::Duration window_min{};  // how long it remembers message ids, by all configurations that it had
  core::Duration window_max{};
  bool has_limits = false;              // its configuration lets it remove messages by itself
  bool has_stream_limits = false;       // of them, those that remove the oldest messages
  bool has_subject_limit = false;       // of them, those that remove the oldest of a subject
  std::set<core::Seq> rolled_up;        // what a later message took the place of: it was to be removed
  std::vector<core::Seq> removed;       // what it said it removed, ascending; only if it may remove what lies between others, or fell back
  bool is_readable = false;             // false: the node's JetStream does not have the stream
  core::StreamState state;              // what the stream says of itself
  std::vector<FinalMessage> messages;   // what could be read, ascending
  std::vector<LatestOfSubject> latest;  // of each subject
  std::set<core::Seq> unreadable;       // what the stream has and could not read: an error, not silence
  std::uint64_t block_bytes_max = 0;    // of its block files, the largest
  std::string mirror_error;             // of its status; empty: none
  std::uint64_t mirror_attempts = 0;
  std::vector<FinalCopy> copies;        // its mirror, or its sources in their order; those that the scenario lists
  std::vector<SourcedMessage> sourced;  // of its messages, ascending

  // Its subjects that match one of these, by hash.
  [[nodiscard]] std::set<std::uint64_t> subjects_matching(const std::vector<std::string>& filters) const;
};

// A consumer as its server describes it.
struct FinalConsumer {
  StreamKey stream;
  std::string node;
  std::string name;
  bool exists = false;
  core::Seq delivered;  // the stream's sequence
  core::Seq ack_floor;
  std::uint64_t num_pending = 0;      // still to be delivered
  std::uint64_t num_ack_pending = 0;  // delivered, and not answered
  std::uint64_t num_redelivered = 0;  // delivered more often than once, or out of deliveries, and not acknowledged
  std::uint64_t max_ack_pending = 0;
  AckPolicy ack = AckPolicy::none;
  std::vector<std::string> filters;  // empty: every subject
  bool delivers_all = false;         // its deliver policy
  std::uint64_t max_deliver = 0;     // 0: for ever
  core::Duration ack_wait{};         // the longest, if it has several
  bool is_paced = false;             // the replay policy is not to be as quick as can be
  bool is_durable = false;
  bool is_in_memory = false;         // its state is in no file: it ends with its process
  bool is_listed = false;            // the scenario lists it: it was created before time 0
  bool is_asked_to_the_end = false;  // some workload pulls to the end of the run, and acknowledges what it gets
  // Where its ack floor was seen to be lower than before.
  struct FloorStep {
    core::Instant before;
    core::Instant at;
    core::Seq from;
    core::Seq to;
  };
  std::vector<FloorStep> floor_steps_back;
};

// What roll-ups took the place of, of the stream's messages that there ever were: everything before them that they are about.
// Reads `messages`, for one may have been stored of which nobody heard.
[[nodiscard]] std::set<core::Seq> rolled_up(const Scenario& scenario, const Ledger& ledger, const History& history,
                                            const FinalStream& stream);

struct FinalState {
  std::vector<FinalStream> streams;  // in the order of the scenario
  std::vector<FinalConsumer> consumers;
  core::Instant at;

  [[nodiscard]] const FinalStream* find(std::string_view node, std::string_view stream) const;
};

}  // namespace windtunnel::scenarios
