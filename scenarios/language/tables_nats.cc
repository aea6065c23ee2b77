#include "scenarios/language/tables_nats.h"

#include <array>

namespace windtunnel::scenarios {
namespace {

constexpr std::array<std::string_view, 2> kStorages = {"file", "memory"};
constexpr std::array<std::string_view, 3> kRetentions = {"limits", "interest", "workqueue"};
constexpr std::array<std::string_view, 2> kDiscards = {"old", "new"};
constexpr std::array<std::string_view, 2> kCompressions = {"none", "s2"};
constexpr std::array<std::string_view, 7> kDeliverPolicies = {
    "all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject", "undefined"};
constexpr std::array<std::string_view, 3> kAckPolicies = {"none", "all", "explicit"};
constexpr std::array<std::string_view, 2> kReplayPolicies = {"instant", "original"};

constexpr std::string_view kSince211 = "came with nats-server 2.11; this server speaks 2.10.27, so leave it out";
constexpr std::string_view kSince212 = "came with nats-server 2.12; this server speaks 2.10.27, so leave it out";

constexpr Shape kText{.type = Type::text};
constexpr Shape kBoolean{.type = Type::boolean};
constexpr Shape kInteger{.type = Type::integer};
constexpr Shape kCount{.type = Type::count};
constexpr Shape kDuration{.type = Type::nats_duration};
constexpr Shape kSize{.type = Type::nats_size};
constexpr Shape kTime{.type = Type::nats_time};
constexpr Shape kStreamName{.type = Type::stream_name};
constexpr Shape kSubject{.type = Type::subject};
constexpr Shape kSubjects{.type = Type::list, .element = &kSubject};
constexpr Shape kTexts{.type = Type::list, .element = &kText};
constexpr Shape kDurations{.type = Type::list, .element = &kDuration};
constexpr Shape kTextMap{.type = Type::text_map};
constexpr Shape kNode{.type = Type::name};

constexpr Shape object(const Table& table) { return {.type = Type::object, .table = &table}; }
constexpr Shape choice(std::span<const std::string_view> choices) { return {.type = Type::choice, .choices = choices}; }
constexpr Key refused(std::string_view name, std::string_view refusal) {
  return {.name = name, .shape = kText, .about = "", .refusal = refusal};
}

// --- mirror and sources

constexpr std::array kTransformKeys = {
    Key{.name = "src", .shape = kText, .about = "the subjects it applies to"},
    Key{.name = "dest", .shape = kText, .about = "what they become"},
};
constexpr Table kTransform{.name = "a subject transform", .keys = kTransformKeys};
constexpr Shape kTransformShape = object(kTransform);
constexpr Shape kTransforms{.type = Type::list, .element = &kTransformShape};

constexpr std::array kExternalKeys = {
    Key{.name = "api", .shape = kText, .about = "the API prefix of the origin's domain: $JS.hub.API", .is_required = true},
    Key{.name = "deliver", .shape = kText, .about = "the prefix of the delivery subject"},
};
constexpr Table kExternal{.name = "external", .keys = kExternalKeys};

constexpr std::array kOriginKeys = {
    Key{.name = "name", .shape = kStreamName, .about = "the stream that is copied", .is_required = true},
    Key{.name = "domain",
        .shape = kNode,
        .about = "the origin's JetStream domain: short for external.api $JS.<domain>.API",
        .is_ours = true},
    Key{.name = "opt_start_seq", .shape = kCount, .about = "the first sequence to copy into an empty stream"},
    Key{.name = "opt_start_time", .shape = kTime, .about = "the first time to copy into an empty stream"},
    Key{.name = "filter_subject", .shape = kSubject, .about = "copy only messages of this subject"},
    Key{.name = "subject_transforms", .shape = kTransforms, .about = "subjects that become others in the copy"},
    Key{.name = "external", .shape = object(kExternal), .about = "where the origin lies, if not on this node"},
    refused("consumer", kSince212),
};
constexpr Table kMirror{.name = "a mirror", .keys = kOriginKeys};
constexpr Table kSource{.name = "a source", .keys = kOriginKeys};
constexpr Shape kSourceShape = object(kSource);
constexpr Shape kSources{.type = Type::list, .element = &kSourceShape};

// --- streams

constexpr std::array kPlacementKeys = {
    Key{.name = "cluster", .shape = kText, .about = "of clusters only"},
    Key{.name = "tags", .shape = kTexts, .about = "of clusters only"},
    refused("preferred", kSince211),
};
constexpr Table kPlacement{.name = "placement", .keys = kPlacementKeys};

constexpr std::array kRepublishKeys = {
    Key{.name = "src", .shape = kText, .about = "which messages; default >"},
    Key{.name = "dest", .shape = kText, .about = "under which subject", .is_required = true},
    Key{.name = "headers_only", .shape = kBoolean, .about = "without the body; default false"},
};
constexpr Table kRepublish{.name = "republish", .keys = kRepublishKeys};

constexpr std::array kConsumerLimitKeys = {
    Key{.name = "inactive_threshold", .shape = kDuration, .about = "default and cap for consumers"},
    Key{.name = "max_ack_pending", .shape = kInteger, .about = "default and cap for consumers"},
};
constexpr Table kConsumerLimits{.name = "consumer_limits", .keys = kConsumerLimitKeys};

constexpr std::array kStreamKeys = {
    Key{.name = "on", .shape = kNode, .about = "the node whose JetStream holds the stream", .is_required = true, .is_ours = true},
    Key{.name = "name", .shape = kStreamName, .about = "the stream's name", .is_required = true},
    Key{.name = "description", .shape = kText, .about = "free text"},
    Key{.name = "subjects", .shape = kSubjects, .about = "what it captures; default: its name, unless it is a mirror or has sources"},
    Key{.name = "retention", .shape = choice(kRetentions), .about = "when messages leave; default limits"},
    Key{.name = "max_consumers", .shape = kInteger, .about = "default -1: any number"},
    Key{.name = "max_msgs", .shape = kInteger, .about = "default -1: any number"},
    Key{.name = "max_bytes", .shape = kSize, .about = "default -1: any size"},
    Key{.name = "max_age", .shape = kDuration, .about = "default 0: for ever; at least 100ms"},
    Key{.name = "max_msgs_per_subject", .shape = kInteger, .about = "default -1: any number"},
    Key{.name = "max_msg_size", .shape = kSize, .about = "default -1: any size"},
    Key{.name = "discard", .shape = choice(kDiscards), .about = "at a limit: remove the old or refuse the new; default old"},
    Key{.name = "storage", .shape = choice(kStorages), .about = "default file"},
    Key{.name = "num_replicas", .shape = kInteger, .about = "default 1; there are no clusters here"},
    Key{.name = "no_ack", .shape = kBoolean, .about = "publishers are never answered; default false"},
    Key{.name = "template_owner", .shape = kText, .about = "of old stream templates"},
    Key{.name = "duplicate_window", .shape = kDuration, .about = "how long a Nats-Msg-Id is remembered; default 2m"},
    Key{.name = "placement", .shape = object(kPlacement), .about = "of clusters only"},
    Key{.name = "mirror", .shape = object(kMirror), .about = "the stream that this one mirrors"},
    Key{.name = "sources", .shape = kSources, .about = "streams that are copied into this one"},
    Key{.name = "compression", .shape = choice(kCompressions), .about = "default none"},
    Key{.name = "first_seq", .shape = kCount, .about = "the first sequence of a new stream"},
    Key{.name = "subject_transform", .shape = kTransformShape, .about = "subjects that are stored under another name"},
    Key{.name = "republish", .shape = object(kRepublish), .about = "stored messages are published again"},
    Key{.name = "allow_direct", .shape = kBoolean, .about = "direct gets; default false"},
    Key{.name = "mirror_direct", .shape = kBoolean, .about = "a mirror answers its origin's direct gets"},
    Key{.name = "discard_new_per_subject", .shape = kBoolean, .about = "with discard: new and max_msgs_per_subject"},
    Key{.name = "sealed", .shape = kBoolean, .about = "nothing may change; only by an update"},
    Key{.name = "deny_delete", .shape = kBoolean, .about = "messages cannot be deleted; default false"},
    Key{.name = "deny_purge", .shape = kBoolean, .about = "the stream cannot be purged; default false"},
    Key{.name = "allow_rollup_hdrs", .shape = kBoolean, .about = "a message may replace those before it; default false"},
    Key{.name = "consumer_limits", .shape = object(kConsumerLimits), .about = "defaults and caps for consumers"},
    Key{.name = "metadata", .shape = kTextMap, .about = "free text"},
    refused("allow_msg_ttl", kSince211),
    refused("subject_delete_marker_ttl", kSince211),
    refused("allow_atomic", kSince212),
    refused("allow_msg_counter", kSince212),
    refused("allow_msg_schedules", kSince212),
    refused("persist_mode", kSince212),
};

// --- consumers

constexpr std::array kConsumerKeys = {
    Key{.name = "on", .shape = kNode, .about = "the node that holds the stream; may be left out if only one does", .is_ours = true},
    Key{.name = "stream", .shape = kStreamName, .about = "the stream that it consumes", .is_required = true, .is_ours = true},
    Key{.name = "durable_name", .shape = kStreamName, .about = "the name of a consumer that outlives its clients"},
    Key{.name = "name", .shape = kStreamName, .about = "the name; without durable_name it is ephemeral"},
    Key{.name = "description", .shape = kText, .about = "free text"},
    Key{.name = "deliver_policy", .shape = choice(kDeliverPolicies), .about = "where it starts; default all"},
    Key{.name = "opt_start_seq", .shape = kCount, .about = "with deliver_policy by_start_sequence"},
    Key{.name = "opt_start_time", .shape = kTime, .about = "with deliver_policy by_start_time"},
    Key{.name = "ack_policy", .shape = choice(kAckPolicies), .about = "default none"},
    Key{.name = "ack_wait", .shape = kDuration, .about = "until a message is delivered again; default 30s"},
    Key{.name = "max_deliver", .shape = kInteger, .about = "default -1: any number"},
    Key{.name = "backoff", .shape = kDurations, .about = "ack_wait of each delivery"},
    Key{.name = "filter_subject", .shape = kSubject, .about = "only messages of this subject"},
    Key{.name = "filter_subjects", .shape = kSubjects, .about = "only messages of these subjects"},
    Key{.name = "replay_policy", .shape = choice(kReplayPolicies), .about = "default instant"},
    Key{.name = "rate_limit_bps", .shape = kCount, .about = "bits a second, of push consumers"},
    Key{.name = "sample_freq", .shape = kText, .about = "share of acks that are reported"},
    Key{.name = "max_waiting", .shape = kInteger, .about = "pull requests that may wait; default 512"},
    Key{.name = "max_ack_pending", .shape = kInteger, .about = "default 1000; -1: any number"},
    Key{.name = "idle_heartbeat", .shape = kDuration, .about = "of push consumers"},
    Key{.name = "flow_control", .shape = kBoolean, .about = "of push consumers"},
    Key{.name = "headers_only", .shape = kBoolean, .about = "deliver without the body; default false"},
    Key{.name = "max_batch", .shape = kInteger, .about = "cap for pull requests"},
    Key{.name = "max_expires", .shape = kDuration, .about = "cap for pull requests"},
    Key{.name = "max_bytes", .shape = kSize, .about = "cap for pull requests"},
    Key{.name = "deliver_subject", .shape = kText, .about = "makes it a push consumer"},
    Key{.name = "deliver_group", .shape = kText, .about = "the queue group of a push consumer"},
    Key{.name = "inactive_threshold", .shape = kDuration, .about = "until an unused consumer is removed"},
    Key{.name = "num_replicas", .shape = kInteger, .about = "default 0: as the stream"},
    Key{.name = "mem_storage", .shape = kBoolean, .about = "keep its state in memory; default false"},
    Key{.name = "direct", .shape = kBoolean, .about = "the server's own, of mirrors and sources"},
    Key{.name = "metadata", .shape = kTextMap, .about = "free text"},
    refused("pause_until", kSince211),
    refused("priority_groups", kSince211),
    refused("priority_policy", kSince211),
    refused("priority_timeout", kSince211),
};
constexpr std::array<std::string_view, 2> kConsumerNames = {"durable_name", "name"};

constexpr Table kStream{.name = "a stream", .keys = kStreamKeys};
constexpr Table kConsumer{.name = "a consumer", .keys = kConsumerKeys, .at_least_one = kConsumerNames};

}  // namespace

constinit const Table kStreamUpdate{.name = "an update", .keys = std::span{kStreamKeys}.subspan(2)};

const Table& stream_table() { return kStream; }
const Table& consumer_table() { return kConsumer; }

}  // namespace windtunnel::scenarios
