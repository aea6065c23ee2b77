// Facts: what the rules look at, read from a scenario (hazards/read_scenario.cc) or from what a NATS server says of its streams
// (hazards/read_nats.cc). Everything carries its place in its file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

struct PlacedText {
  std::string text;
  SourcePosition where;
};

// The sum of two durations that are not negative; the longest one there is if that is more.
[[nodiscard]] constexpr core::Duration sum(core::Duration a, core::Duration b) {
  return a > core::Duration::max() - b ? core::Duration::max() : a + b;
}

inline constexpr std::size_t kNowhere = ~std::size_t{0};

struct ServerFacts {
  std::string name;
  SourcePosition where;
  PlacedText domain;                     // empty: none
  std::size_t hub = kNowhere;            // index of the server that it is a leaf of
  std::vector<PlacedText> deny_imports;  // of a leaf: what must not come in from its hub
  std::vector<PlacedText> deny_exports;  // of a leaf: what must not go there
  PlacedText server_name;                // empty: not known, or the node's own
  bool syncs_always = false;             // before each acknowledgement
  std::uint64_t max_payload = 1048576;   // of a message that a client publishes there
  bool are_streams_known = true;         // all of them
  bool are_consumers_known = false;      // all of them
  std::vector<PlacedText> gaps;          // what its files say that they leave out: sentences without a full stop
};

// A mirror's origin or one of a stream's sources.
struct CopyFacts {
  PlacedText origin;  // its stream's name
  SourcePosition where;
  bool is_mirror = false;
  bool is_external = false;
  PlacedText domain;                      // that external.api or `domain` names; empty: none, or of another form
  std::string deliver;                    // external.deliver: what its deliveries' subject begins with; empty: $JS
  std::vector<PlacedText> filters;        // disjoint patterns; empty: everything
  std::vector<std::string> destinations;  // of transforms: one a filter; empty: subjects stay
};

// Limits: 0 is none.
struct StreamFacts {
  std::size_t server = 0;
  PlacedText name;
  SourcePosition where;
  std::vector<PlacedText> subjects;  // what it captures, its default included
  bool has_subjects = false;         // they are written down
  std::string stored_from;           // what a subject transform renames
  std::string stored_as;             // a subject transform's destination as a pattern; empty: as published
  PlacedText republish_from;         // what is published again; empty: nothing
  std::string republish_as;          // its destination as a pattern
  std::string account;               // as a monitoring page has it; empty: the server's only one
  Retention retention = Retention::limits;
  Storage storage = Storage::file;
  std::int64_t max_msgs = 0;
  std::int64_t max_bytes = 0;
  core::Duration max_age{};
  std::int64_t max_msgs_per_subject = 0;
  std::int64_t max_msg_size = 0;
  bool discards_new = false;
  bool discards_new_per_subject = false;
  std::optional<core::Duration> duplicate_window;  // if written down
  bool allows_rollup = false;
  bool denies_purge = false;
  bool is_critical = false;  // metadata critical: "true"
  std::int64_t replicas = 1;
  std::vector<CopyFacts> copies;                // its mirror, or its sources
  std::optional<std::uint64_t> consumer_count;  // as its server counts them
  std::map<std::string, SourcePosition, std::less<>> keys;

  // Where a key stands; the stream itself if it does not.
  [[nodiscard]] const SourcePosition& at(std::string_view key) const;
  [[nodiscard]] bool is_mirror() const { return !copies.empty() && copies.front().is_mirror; }
  // Whether a publish to some subject of the pattern is its.
  [[nodiscard]] bool captures(std::string_view pattern) const;
  // What an id is remembered for; 0: not at all.
  [[nodiscard]] core::Duration window() const;
};

struct ConsumerFacts {
  std::size_t stream = 0;
  std::string name;
  SourcePosition where;
  std::vector<PlacedText> filters;
  AckPolicy ack_policy = AckPolicy::none;
  SourcePosition ack_where;
  std::string deliver_policy = "all";
  SourcePosition deliver_where;
  core::Duration ack_wait = std::chrono::seconds{30};  // the shortest, with backoff
  SourcePosition ack_wait_where;
  std::int64_t max_ack_pending = 1000;  // 0 or less: any number
  SourcePosition max_ack_pending_where;
};

// An application at work on a consumer.
struct WorkerFacts {
  std::string name;
  std::size_t consumer = 0;
  SourcePosition where;
  std::uint64_t batch = 1;
  core::Duration work_max{};
  bool says_in_progress = false;
};

// When a publisher's messages are due.
struct Pace {
  core::Duration start{};
  faults::Rate rate;
  std::uint64_t messages = 0;
  // How many are due before `end`, counted from the start of the run.
  [[nodiscard]] std::uint64_t due_before(core::Duration end) const;
};

struct PublisherFacts {
  std::string name;
  std::size_t server = 0;
  PlacedText subject;              // a literal, or a pattern for many
  std::vector<std::string> parts;  // the literals, if they are few; else the pattern
  bool awaits_ack = false;
  PlacedText ack_domain;  // the only one whose acks it takes; empty: any
  bool has_msg_id = false;
  bool rolls_up = false;
  SourcePosition rollup_where;
  std::uint64_t size_min = 0;  // of a payload
  std::uint64_t size_max = 0;
  SourcePosition size_where;
  std::optional<RetryPolicy> retries;  // only if it has any
  core::Duration timeout{};            // of an attempt
  SourcePosition retries_where;
  std::optional<Pace> pace;  // if it is known, and each of its messages stays until a limit of the stream removes it
};

struct PowerLossFacts {
  std::size_t server = 0;
  SourcePosition where;
};

// A server, or the link between two, is away for so long.
struct OutageFacts {
  std::size_t a = 0;
  std::size_t b = kNowhere;  // kNowhere: the server `a` itself
  core::Duration length{};
  SourcePosition where;
  std::optional<core::Duration> begin;  // since the start of the run, if that is known
};

struct Facts {
  std::vector<ServerFacts> servers;
  bool are_servers_known = true;  // all that there are
  std::vector<StreamFacts> streams;
  std::vector<ConsumerFacts> consumers;
  std::vector<WorkerFacts> workers;
  std::vector<PublisherFacts> publishers;
  std::vector<PowerLossFacts> power_losses;
  std::vector<OutageFacts> outages;
  std::optional<OutageFacts> planned_outage;  // of anything: what the whole must survive
};

}  // namespace windtunnel::scenarios
