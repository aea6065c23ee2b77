// Scenario: what is built, what load it carries, what goes wrong and what must hold, as plain values.
//
// The loader (scenarios/language/load.h) makes one from YAML and has then checked that every name it mentions exists. Fixed
// meanings: design, section 4; docs/scenarios.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/defects.h"
#include "core/base/random.h"
#include "core/base/types.h"
#include "faults/fault.h"
#include "faults/swarm.h"
#include "faults/units.h"

namespace windtunnel::scenarios {

struct SourcePosition {  // both counted from 1
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  [[nodiscard]] std::string text() const;  // "hub-outage.yaml:12:7"
  friend bool operator==(const SourcePosition&, const SourcePosition&) = default;
};

struct SyncInterval {
  bool always = false;                             // fsync before each acknowledgement
  core::Duration every = std::chrono::minutes{2};  // if not always
  friend bool operator==(const SyncInterval&, const SyncInterval&) = default;
};

struct NodeSpec {
  std::string name;
  SourcePosition where;
  std::string domain;                     // empty: no JetStream domain
  std::string leaf_of;                    // empty: not a leaf
  std::vector<std::string> deny_imports;  // of a leaf: what must not come from the node that it dials
  std::vector<std::string> deny_exports;  // of a leaf: what must not go there
  std::string user;                       // empty: clients need no credentials
  std::string password;
  // Absent: the server's own default (core/store/store_options.h; core/server/server_config.h).
  std::optional<core::Bytes> block_size;
  std::optional<core::Bytes> compact_min;
  std::optional<core::Duration> index_interval;
  std::optional<SyncInterval> sync_interval;
  std::optional<core::Duration> ping_interval;
  std::optional<core::Bytes> max_payload;
  core::Defects defects;
};

struct LinkSpec {
  faults::LinkEnds between;
  SourcePosition where;
  faults::DurationRange latency = faults::DurationRange::exactly(std::chrono::milliseconds{1});
  std::optional<core::Bytes> bandwidth;  // per second and direction; absent: unlimited
};

enum class Storage : std::uint8_t { file, memory };
enum class Retention : std::uint8_t { limits, interest, workqueue };

// A mirror's origin or one of a stream's sources.
struct OriginSpec {
  std::string name;                  // the stream there
  std::string external_api;          // "$JS.hub.API"; empty: the same node
  std::string domain;                // "hub", from `domain:` or from an external_api of the form $JS.<domain>.API; else empty
  std::vector<std::string> filters;  // what it takes, its transforms' subjects included; empty: everything
  friend bool operator==(const OriginSpec&, const OriginSpec&) = default;

  [[nodiscard]] bool takes(std::string_view subject) const;
};

struct StreamSpec {
  std::string name;
  std::string on;
  SourcePosition where;
  std::vector<std::string> subjects;  // as written; a stream without subjects, mirror or sources listens on its name
  Storage storage = Storage::file;
  Retention retention = Retention::limits;
  std::optional<OriginSpec> mirror;
  std::vector<OriginSpec> sources;
  std::string create_body;  // the JSON of the STREAM.CREATE request
};

enum class AckPolicy : std::uint8_t { none, all, explicit_ };

struct ConsumerSpec {
  std::string name;  // durable_name, or name for an ephemeral one
  std::string stream;
  std::string on;
  SourcePosition where;
  bool is_durable = true;
  bool is_push = false;       // has a deliver_subject
  bool is_in_memory = false;  // mem_storage
  AckPolicy ack_policy = AckPolicy::none;
  std::string filter_subject;
  std::string create_body;  // the JSON of the CONSUMER.CREATE request, {"stream_name":...,"config":{...},"action":""}
};

enum class Via : std::uint8_t {
  core,       // plain publish: nobody answers
  jetstream,  // a request whose PubAck is awaited
};

struct RetryPolicy {
  bool until_acked = false;
  std::uint64_t max = 0;                                 // further attempts after the first; 0: none. Without meaning if until_acked.
  core::Duration wait = std::chrono::milliseconds{250};  // from a failed attempt to the next
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

struct PublishSpec {
  std::string subject;  // literal
  Via via = Via::core;
  std::string domain;  // the domain that the PubAck must name; empty: any
  faults::Rate rate;
  std::optional<core::Duration> duration;  // `for`
  std::optional<std::uint64_t> count;      // with `for`: whichever ends first. At least one of the two is there.
  faults::SizeRange size = faults::SizeRange::exactly(core::Bytes{64});  // of the payload; a range is drawn per message
  core::Duration timeout = std::chrono::seconds{5};                      // of each attempt's ack
  RetryPolicy retries;
  bool msg_id = false;          // each message carries a Nats-Msg-Id, the same in its retries
  bool is_closed_loop = false;  // the next message waits for the outcome of the one before it
  std::uint64_t subjects = 0;   // not 0: a message goes to one of SUBJECT.0 to SUBJECT.(subjects - 1)
  std::uint64_t ids = 0;        // not 0: there are only so many message ids, and later messages use them again
  // A message is stored only if the last sequence is the one that its publisher knows of: of its subject, or of the stream.
  enum class Expect : std::uint8_t { nothing, subject, stream } expect_last = Expect::nothing;
  // Every so many messages one takes the place of all before it: on its subject, or in the stream.
  enum class Rollup : std::uint8_t { none, subject, all } rollup = Rollup::none;
  std::uint64_t rollup_every = 1;
  std::string on;      // with expect_last: the node of the stream that takes its messages
  std::string stream;  // with expect_last: that stream

  // Of the message with that index. They do not depend on the seed, so nobody needs to write them down.
  [[nodiscard]] std::string subject_of(std::uint64_t index) const;
  [[nodiscard]] std::uint64_t id_of(std::uint64_t index) const;  // two messages with the same share their Nats-Msg-Id
  [[nodiscard]] bool is_rollup(std::uint64_t index) const { return rollup != Rollup::none && (index + 1) % rollup_every == 0; }

  // How many messages this is: count, or those that are due within `for` (the first at once, the last before its end).
  [[nodiscard]] std::uint64_t messages() const;
};

// What becomes of a delivery. The answers are drawn in proportion to their weights; without any each is acknowledged.
struct HandlerSpec {
  enum class Answer : std::uint8_t {
    ack,
    nak,
    nak_later,  // with nak_delay
    term,
    in_progress,  // says so, works as long again, then acknowledges
    ignore,       // no answer: the ack wait runs out
    crash,        // the application dies with all that it holds, and is back after restart_after
  };
  static constexpr std::size_t kAnswers = 7;
  std::vector<std::uint64_t> weights;                                              // by answer; empty: always ack
  faults::DurationRange work = faults::DurationRange::exactly(core::Duration{0});  // before the answer
  core::Duration nak_delay = std::chrono::seconds{1};
  core::Duration restart_after = std::chrono::seconds{1};
  [[nodiscard]] bool is_plain() const { return weights.empty() && work.high.count() == 0; }
};
[[nodiscard]] std::string_view name_of(HandlerSpec::Answer answer);

struct ConsumeSpec {
  std::string stream;
  std::string on;                        // the node that holds the stream
  std::string domain;                    // API prefix of the client's requests; empty: $JS.API
  std::string consumer;                  // durable name
  bool creates_consumer = true;          // false: `consumers` lists it, and it exists from t = 0
  AckPolicy ack = AckPolicy::explicit_;  // of the consumer that it creates; with `none` and `all` nothing or the last is acked
  std::string filter_subject;            // of the consumer that it creates
  HandlerSpec handler;
  std::uint64_t batch = 10;                          // messages a pull request asks for
  core::Duration expires = std::chrono::seconds{5};  // of a pull request
  core::Duration timeout = std::chrono::seconds{5};  // of a confirmed ack
  std::optional<core::Duration> duration;            // `for`; absent: until the run ends
};

// The fourth production story: a work queue whose jobs come back. Every message has a subject of its own; it is fetched,
// acknowledged, and published to its subject again.
struct RepublishSpec {
  std::string stream;
  std::string on;                // the node that holds it
  std::string domain;            // API prefix of the client's requests; empty: $JS.API
  std::string consumer;          // durable name
  bool creates_consumer = true;  // false: `consumers` lists it, and it exists from t = 0
  std::string subject;           // message i has the subject "SUBJECT.i"
  std::uint64_t messages = 1000;
  std::uint64_t loops = 1000;  // acks, each with its republish
  std::uint64_t window = 1;    // what is acknowledged is drawn from the oldest so many that were fetched
  bool confirms_acks = true;   // the republish waits for the answer to the ack
  faults::SizeRange size = faults::SizeRange::exactly(core::Bytes{64});
  core::Duration timeout = std::chrono::seconds{5};  // of each attempt of a publish or an ack
  RetryPolicy retries;                               // of publishes and of acks
  bool msg_id = false;                               // each publish carries a Nats-Msg-Id, the same in its retries
  [[nodiscard]] std::string subject_of(std::uint64_t job) const;
  // nullopt: a message of this subject is none of these jobs.
  [[nodiscard]] std::optional<std::uint64_t> job_of(std::string_view of_subject) const;
};

enum class AdminAction : std::uint8_t {
  purge,
  delete_message,   // a random one
  erase_message,    // the same, and its bytes are overwritten
  update,           // the stream gets the next of the configurations
  delete_consumer,  // of the consumer that is named
  create_consumer,  // with the configuration that the scenario lists
};

struct AdminSpec {
  std::string stream;
  std::string on;                    // the node that holds it
  std::string domain;                // API prefix of the client's requests; empty: $JS.API
  std::vector<AdminAction> actions;  // in turn, one each time
  core::Duration every{};
  std::uint64_t count = 0;  // how many actions; 0: as many as `duration` has room for
  std::optional<core::Duration> duration;
  std::string filter_subject;        // of purges; empty: every subject
  std::uint64_t keep = 0;            // of purges; not 0: all but the newest `keep`
  std::vector<std::string> updates;  // of updates, in turn: the JSON of the STREAM.UPDATE requests
  std::string consumer;              // whose deletion and creation it is

  [[nodiscard]] std::uint64_t times() const;
};

enum class KeyValueAction : std::uint8_t {
  put,
  create,   // only if there is nothing, or a deletion
  update,   // only upon the revision that the client knows
  delete_,  // a marker
  purge,    // a marker, and what was before it is gone
  get,
};

struct KeyValueSpec {
  std::string bucket;
  std::string stream;      // KV_<bucket>
  std::string on;          // the node that holds it
  std::string domain;      // API prefix of the client's requests; empty: $JS.API
  bool is_direct = false;  // gets ask the stream, not the API
  std::uint64_t keys = 5;
  faults::Rate rate;
  core::Duration duration{};
  std::vector<KeyValueAction> actions;  // one of them each time, by the seed
  bool watches = false;
  core::Duration timeout = std::chrono::seconds{5};  // of each request
};

enum class ReadAction : std::uint8_t { last, sequence, next };

// An application that looks messages up, one request after the other.
struct ReadSpec {
  std::string stream;
  std::string on;      // the node that holds it
  std::string domain;  // API prefix of the client's requests; empty: $JS.API
  faults::Rate rate;
  core::Duration duration{};
  std::vector<ReadAction> actions;  // one of them each time, by the seed
  enum class Via : std::uint8_t {
    api,
    direct,
    both
  } via = Via::api;                                  // whom it asks: the API, the stream itself (direct get), now this and now that
  core::Duration timeout = std::chrono::seconds{5};  // of each request
  std::vector<std::string> subjects;                 // those on which the scenario's workloads publish to the stream
};

// When a monitor rings.
struct AlarmSpec {
  std::optional<std::uint64_t> lag;      // more than so many messages behind, as the server reports it
  std::optional<core::Duration> active;  // nothing heard of the origin for longer than this
  bool is_for_errors = true;             // the answer is an error, or shows one
  bool is_for_silence = true;            // nobody answers the monitor
};

// A monitoring system: asks for a mirror's or sourcing stream's status, time and again.
struct WatchSpec {
  std::string stream;
  std::string on;      // the node that holds it
  std::string domain;  // API prefix of the client's requests; empty: $JS.API
  core::Duration every{};
  core::Duration timeout{};                // of each request; at most `every`
  std::optional<core::Duration> duration;  // `for`; absent: until the run ends
  std::optional<AlarmSpec> alarm;          // absent: it only takes notes
};

struct WorkloadSpec {
  std::string name;
  std::string at;  // the node that its client is connected to
  SourcePosition where;
  core::Duration start{};  // from the start of the run
  std::string user;
  std::string password;
  std::variant<PublishSpec, ConsumeSpec, AdminSpec, RepublishSpec, KeyValueSpec, WatchSpec, ReadSpec> work;
};

struct FaultSpec {
  faults::Fault fault;
  SourcePosition where;
};

// A demand on a number: both bounds belong to it, an absent one demands nothing.
struct Bound {
  std::optional<std::uint64_t> at_least;
  std::optional<std::uint64_t> at_most;
  [[nodiscard]] bool holds(std::uint64_t value) const;
  [[nodiscard]] std::string text() const;  // "exactly 3", "at least 1", "between 1 and 5"
  friend bool operator==(const Bound&, const Bound&) = default;
};

// The same of a duration.
struct DurationBound {
  std::optional<core::Duration> at_least;
  std::optional<core::Duration> at_most;
  [[nodiscard]] bool holds(core::Duration value) const;
  [[nodiscard]] std::string text() const;  // "at most 10s"
  friend bool operator==(const DurationBound&, const DurationBound&) = default;
};

enum class Counter : std::uint8_t {
  published,      // messages handed to the client
  acked,          // of them, those whose PubAck came
  errors,         // of them, those whose client was told of a failure: errors, 503s and timeouts
  no_responders,  // of the errors, 503
  timeouts,       // of the errors, no answer in time
  duplicates,     // PubAcks that say `duplicate`
  lost,           // published, told of no error, and in no stream at the end
};

struct InvariantsExpectation {
  std::vector<std::string> names;
};
// What a workload may lose: `lost: { at_most: 2m, reported: true }`.
struct LossBound {
  Bound count;
  std::optional<core::Duration> within;  // only what was acknowledged so short a time before a power loss
  bool is_reported = false;              // and the stream that had it must have said that something is missing
  friend bool operator==(const LossBound&, const LossBound&) = default;
};

struct WorkloadExpectation {
  std::string workload;
  std::vector<std::pair<Counter, Bound>> counters;
  std::optional<LossBound> loss;  // if it says more than a number
};
// Holds if, at most `within` after the last fault, the mirror's lag satisfies the bound.
struct LagExpectation {
  core::Duration within{};
  std::string mirror;
  std::string on;
  bool is_reported = false;  // `reported_lag`: what the server says, instead of what both stores hold
  Bound lag;
};
// At the end of the run.
struct StreamExpectation {
  std::string stream;
  std::string on;
  std::optional<Bound> messages;
  std::optional<Bound> first_seq;
  std::optional<Bound> last_seq;
};
// At the end of the run, of a `consume` workload.
struct ConsumedExpectation {
  std::string workload;
  std::optional<Bound> messages;    // different messages that it got
  std::optional<Bound> duplicates;  // deliveries of a message that it had already got
  std::optional<Bound> missing;     // messages of the stream (of its filter) that it never got
};
// Of a `watch_lag` workload: what a monitoring system saw, up to the end of the run.
struct WatchedExpectation {
  enum class Fault : std::uint8_t { first, last };
  struct Deadline {
    core::Duration within{};
    Fault of = Fault::first;
    friend bool operator==(const Deadline&, const Deadline&) = default;
  };
  std::string workload;
  std::optional<Bound> lag;             // the highest that an answer gave
  std::optional<DurationBound> active;  // the longest silence that an answer gave
  std::optional<Bound> unanswered;      // samples
  std::optional<Bound> errors;          // samples that showed one
  std::optional<Bound> alarms;
  std::optional<Deadline> first_alarm;  // begins so soon after that fault, and not before it
  std::optional<Deadline> over;         // from then on there is no alarm
};
// Passes only if exactly this divergence is reported.
struct DivergenceExpectation {
  std::string invariant;
};

struct Expectation {
  SourcePosition where;
  std::variant<InvariantsExpectation, WorkloadExpectation, LagExpectation, StreamExpectation, ConsumedExpectation, WatchedExpectation,
               DivergenceExpectation>
      what;
  [[nodiscard]] std::string text() const;  // "workload careful: errors at least 1"
};

// A hazard that the scenario has on purpose (scenarios/hazards/names.h).
struct AcceptedHazard {
  std::string name;
  SourcePosition where;
};

struct Scenario {
  std::string file;
  std::string name;
  std::string about;
  std::optional<core::Seed> seed;          // what --seed overrides; absent: 1
  std::optional<core::Duration> duration;  // the run's length; absent: until all is done (the runner's rule)
  std::vector<NodeSpec> nodes;             // in the order of the file
  std::vector<LinkSpec> links;             // those of `leaf_of` without a link of their own are added at the end
  std::vector<StreamSpec> streams;
  std::vector<ConsumerSpec> consumers;
  std::vector<WorkloadSpec> workloads;
  std::vector<FaultSpec> faults;
  std::optional<faults::SwarmSpec> swarm;  // faults that the seed chooses; besides those above
  std::vector<Expectation> expectations;
  std::vector<AcceptedHazard> accepted_hazards;

  // nullptr if there is none.
  [[nodiscard]] const NodeSpec* node(std::string_view node_name) const;
  [[nodiscard]] const StreamSpec* stream(std::string_view on, std::string_view stream_name) const;
  [[nodiscard]] const LinkSpec* link(const faults::LinkEnds& ends) const;
  [[nodiscard]] const WorkloadSpec* workload(std::string_view workload_name) const;
  [[nodiscard]] const NodeSpec* node_of_domain(std::string_view domain) const;  // the first of that domain
  // The stream that a mirror or source copies, if the scenario has it.
  [[nodiscard]] const StreamSpec* origin(const StreamSpec& copy, const OriginSpec& from) const;
  // Whether it wants this invariant to hold: it names it, or names none.
  [[nodiscard]] bool asks_for(std::string_view invariant) const;
  // Whether any of its publishers rolls up.
  [[nodiscard]] bool rolls_up() const;
  // The faults alone, for a timeline.
  [[nodiscard]] std::vector<faults::Fault> timeline() const;
  // The same scenario with what the swarm comes to under this seed in its place. Without a swarm: a copy.
  [[nodiscard]] Scenario drawn(core::Seed with) const;
};

// The words of a scenario for these.
[[nodiscard]] std::string_view name_of(Counter counter);
[[nodiscard]] std::string_view name_of(Storage storage);
[[nodiscard]] std::string_view name_of(Retention retention);
[[nodiscard]] std::string_view name_of(AckPolicy policy);
[[nodiscard]] std::string_view name_of(Via via);
[[nodiscard]] std::string_view name_of(WatchedExpectation::Fault fault);
[[nodiscard]] std::string_view name_of(AdminAction action);
[[nodiscard]] std::span<const std::string_view> admin_action_names();
[[nodiscard]] std::span<const std::string_view> key_value_action_names();
[[nodiscard]] std::span<const std::string_view> read_action_names();

}  // namespace windtunnel::scenarios
