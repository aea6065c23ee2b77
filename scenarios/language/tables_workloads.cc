#include "scenarios/language/tables_workloads.h"

#include <array>

#include "scenarios/language/shapes.h"
#include "scenarios/language/tables_nats.h"

namespace windtunnel::scenarios {
namespace {

using namespace shapes;

constexpr std::array<std::string_view, 2> kVias = {"core", "jetstream"};
constexpr std::array<std::string_view, 2> kExpects = {"subject", "stream"};
constexpr std::array<std::string_view, 2> kRollups = {"subject", "all"};
constexpr std::array<std::string_view, 2> kLoops = {"open", "closed"};
constexpr std::array<std::string_view, 3> kAckPolicies = {"none", "all", "explicit"};

constexpr std::array kRetriesKeys = {
    Key{.name = "max",
        .shape = {.type = Type::retry_count},
        .about = "further attempts after the first, or until-acked",
        .is_required = true},
    Key{.name = "wait", .shape = kDuration, .about = "from a failed attempt to the next; default 250ms"},
};
constexpr Table kRetries{.name = "retries", .keys = kRetriesKeys, .shorthand = "max"};

constexpr std::array kWorkloadKeys = {
    Key{.name = "name", .shape = kName, .about = "what expectations call it; default workload-N"},
    Key{.name = "at", .shape = kName, .about = "the node to which its client connects", .is_required = true},
    Key{.name = "start", .shape = kDuration, .about = "when it begins; default 0s"},
    Key{.name = "user", .shape = kText, .about = "the client's credentials; default: what the node wants"},
    Key{.name = "password", .shape = kText, .about = "the client's credentials; default: what the node wants"},
};

constexpr std::array kPublishKeys = {
    Key{.name = "publish", .shape = {.type = Type::literal_subject}, .about = "the subject", .is_required = true},
    Key{.name = "via", .shape = choice(kVias), .about = "core: plain, nobody answers; jetstream: awaits the ack", .is_required = true},
    Key{.name = "domain", .shape = kName, .about = "the domain that the ack must name"},
    Key{.name = "rate", .shape = {.type = Type::rate}, .about = "messages in a time: 20/s", .is_required = true},
    Key{.name = "for", .shape = kPositiveDuration, .about = "how long"},
    Key{.name = "count", .shape = kPositive, .about = "how many messages"},
    Key{.name = "size", .shape = {.type = Type::size_range}, .about = "of the payload, fixed or a range; default 64B"},
    Key{.name = "timeout", .shape = kPositiveDuration, .about = "of each attempt's ack; default 5s"},
    Key{.name = "retries", .shape = object(kRetries), .about = "what follows a failed attempt; default: nothing"},
    Key{.name = "msg_id",
        .shape = {.type = Type::boolean},
        .about = "each message carries a Nats-Msg-Id, the same in its retries; default false"},
    Key{.name = "ids",
        .shape = kPositive,
        .about = "there are only so many message ids, used again by later messages; default: each message has its own"},
    Key{.name = "subjects", .shape = kPositive, .about = "messages go to SUBJECT.0, SUBJECT.1, ...: so many; default: to SUBJECT itself"},
    Key{.name = "expect_last",
        .shape = choice(kExpects),
        .about = "stored only if the last sequence, of the subject or of the stream, is the one that the publisher knows of"},
    Key{.name = "rollup", .shape = choice(kRollups), .about = "messages that take the place of all before them: on their subject, or all"},
    Key{.name = "rollup_every", .shape = kPositive, .about = "one message of so many is such a one; default 1"},
    Key{.name = "loop", .shape = choice(kLoops), .about = "closed: a message waits for the outcome of the one before it; default open"},
};
constexpr std::array<std::string_view, 2> kPublishEnds = {"for", "count"};
constexpr Table kPublish{.name = "a publish workload", .keys = kPublishKeys, .mark = "publish", .at_least_one = kPublishEnds};

constexpr Key weight(std::string_view name, std::string_view about) { return {.name = name, .shape = kPositive, .about = about}; }
constexpr std::array kHandleKeys = {
    weight("ack", "acknowledge, and await the confirmation"),
    weight("nak", "ask for it again"),
    weight("nak_later", "ask for it again after nak_delay"),
    weight("term", "never again"),
    weight("in_progress", "say that it takes longer, then acknowledge"),
    weight("ignore", "no answer: its ack wait runs out"),
    weight("crash", "the application dies, and is back after restart_after"),
    Key{.name = "work", .shape = kDurationRange, .about = "before the answer; default 0s"},
    Key{.name = "nak_delay", .shape = kPositiveDuration, .about = "of nak_later; default 1s"},
    Key{.name = "restart_after", .shape = kDuration, .about = "of crash; default 1s"},
};
constexpr Table kHandle{.name = "a handler", .keys = kHandleKeys};

constexpr std::array kConsumeKeys = {
    Key{.name = "consume", .shape = kStreamName, .about = "the stream", .is_required = true},
    Key{.name = "domain", .shape = kName, .about = "the domain of the stream; default: the client's node holds it"},
    Key{.name = "consumer",
        .shape = kStreamName,
        .about = "a consumer of this scenario, or the durable one to create; default: the workload's name"},
    Key{.name = "ack", .shape = choice(kAckPolicies), .about = "of the consumer that it creates; default explicit"},
    Key{.name = "filter_subject", .shape = {.type = Type::subject}, .about = "of the consumer that it creates"},
    Key{.name = "handle",
        .shape = object(kHandle),
        .about = "what becomes of a delivery: answers and how often each, in proportion; default: acknowledged"},
    Key{.name = "batch", .shape = kPositive, .about = "messages that a pull asks for; default 10"},
    Key{.name = "expires", .shape = kPositiveDuration, .about = "of a pull; default 5s"},
    Key{.name = "timeout", .shape = kPositiveDuration, .about = "how long an ack waits for its answer; default 5s"},
    Key{.name = "for", .shape = kPositiveDuration, .about = "how long; default: until the run ends"},
};
constexpr Table kConsume{.name = "a consume workload", .keys = kConsumeKeys, .mark = "consume"};

constexpr std::array<std::string_view, 2> kConfirmations = {"confirmed", "plain"};
constexpr std::array kRepublishKeys = {
    Key{.name = "republish_loop", .shape = kStreamName, .about = "a work queue whose messages come back", .is_required = true},
    Key{.name = "subject", .shape = {.type = Type::literal_subject}, .about = "message i is SUBJECT.i", .is_required = true},
    Key{.name = "messages", .shape = kPositive, .about = "how many there are; default 1000"},
    Key{.name = "loops", .shape = kPositive, .about = "how many acks, each with its republish; default 1000"},
    Key{.name = "window", .shape = kPositive, .about = "the next to acknowledge is one of the oldest so many that it holds; default 1"},
    Key{.name = "ack", .shape = choice(kConfirmations), .about = "confirmed: the republish waits for the ack's answer; default"},
    Key{.name = "consumer",
        .shape = kStreamName,
        .about = "a consumer of this scenario, or the durable one to create; default: the workload's name"},
    Key{.name = "domain", .shape = kName, .about = "the domain of the stream; default: the client's node holds it"},
    Key{.name = "size", .shape = {.type = Type::size_range}, .about = "of the payload, fixed or a range; default 64B"},
    Key{.name = "timeout", .shape = kPositiveDuration, .about = "of each attempt of a publish or an ack; default 5s"},
    Key{.name = "retries", .shape = object(kRetries), .about = "what follows a failed attempt; default: nothing"},
    Key{.name = "msg_id",
        .shape = {.type = Type::boolean},
        .about = "each publish carries a Nats-Msg-Id, the same in its retries; default false"},
};
constexpr Table kRepublish{.name = "a republish loop", .keys = kRepublishKeys, .mark = "republish_loop"};

constexpr std::array<std::string_view, 6> kAdminActions = {"purge",  "delete_message",  "erase_message",
                                                           "update", "delete_consumer", "create_consumer"};
constexpr Shape kAdminAction = choice(kAdminActions);
constexpr Shape kUpdate = object(kStreamUpdate);
constexpr std::array kAdminKeys = {
    Key{.name = "admin", .shape = kStreamName, .about = "the stream that an operator works on", .is_required = true},
    Key{.name = "do",
        .shape = {.type = Type::list, .element = &kAdminAction},
        .about = "what is done, one of them each time, in turn",
        .is_required = true},
    Key{.name = "every", .shape = kPositiveDuration, .about = "from one action to the next", .is_required = true},
    Key{.name = "for", .shape = kPositiveDuration, .about = "how long"},
    Key{.name = "count", .shape = kPositive, .about = "how many actions"},
    Key{.name = "domain", .shape = kName, .about = "the domain of the stream; default: the client's node holds it"},
    Key{.name = "filter_subject", .shape = {.type = Type::subject}, .about = "what a purge removes; default: every subject"},
    Key{.name = "keep", .shape = kPositive, .about = "what a purge leaves: the newest so many"},
    Key{.name = "update",
        .shape = {.type = Type::list, .element = &kUpdate},
        .about = "configurations that the stream gets in turn; what one does not say is as the scenario created it"},
    Key{.name = "consumer", .shape = kStreamName, .about = "a consumer of this scenario, which is deleted and created"},
};
constexpr Table kAdmin{.name = "an admin workload", .keys = kAdminKeys, .mark = "admin", .at_least_one = kPublishEnds};

constexpr std::array<std::string_view, 6> kKeyValueActions = {"put", "create", "update", "delete", "purge", "get"};
constexpr Shape kKeyValueAction = choice(kKeyValueActions);
constexpr std::array kKeyValueKeys = {
    Key{.name = "key_value", .shape = kStreamName, .about = "the bucket; stream KV_<bucket> holds it", .is_required = true},
    Key{.name = "domain", .shape = kName, .about = "the domain of the stream; default: the client's node holds it"},
    Key{.name = "keys", .shape = kPositive, .about = "how many keys there are; default 5"},
    Key{.name = "rate", .shape = {.type = Type::rate}, .about = "requests in a time: 20/s", .is_required = true},
    Key{.name = "for", .shape = kPositiveDuration, .about = "how long", .is_required = true},
    Key{.name = "do",
        .shape = {.type = Type::list, .element = &kKeyValueAction},
        .about = "what is done, one of them each time, chosen by the seed; a word twice is done twice as often",
        .is_required = true},
    Key{.name = "watch", .shape = {.type = Type::boolean}, .about = "the client also watches all keys; default false"},
    Key{.name = "timeout", .shape = kPositiveDuration, .about = "of each request; default 5s"},
};
constexpr Table kKeyValue{.name = "a key_value workload", .keys = kKeyValueKeys, .mark = "key_value"};

constexpr std::array<std::string_view, 3> kReadActions = {"last", "sequence", "next"};
constexpr Shape kReadAction = choice(kReadActions);
constexpr std::array<std::string_view, 3> kReadVias = {"api", "direct", "both"};
constexpr std::array kReadKeys = {
    Key{.name = "read", .shape = kStreamName, .about = "the stream whose messages it looks up", .is_required = true},
    Key{.name = "domain", .shape = kName, .about = "the domain of the stream; default: the client's node holds it"},
    Key{.name = "rate", .shape = {.type = Type::rate}, .about = "requests in a time: 20/s", .is_required = true},
    Key{.name = "for", .shape = kPositiveDuration, .about = "how long", .is_required = true},
    Key{.name = "do",
        .shape = {.type = Type::list, .element = &kReadAction},
        .about = "what is asked for, chosen by the seed: the last message of a subject, that of a sequence, the next of a subject; a word "
                 "twice is done twice as often",
        .is_required = true},
    Key{.name = "via",
        .shape = choice(kReadVias),
        .about = "api: $JS.API.STREAM.MSG.GET; direct: $JS.API.DIRECT.GET; default: both if the stream has allow_direct"},
    Key{.name = "timeout", .shape = kPositiveDuration, .about = "of each request; default 5s"},
};
constexpr Table kRead{.name = "a read workload", .keys = kReadKeys, .mark = "read"};

constexpr std::array kAlarmKeys = {
    Key{.name = "lag", .shape = {.type = Type::count}, .about = "more messages behind than this"},
    Key{.name = "active", .shape = kPositiveDuration, .about = "nothing heard of the origin for longer than this"},
    Key{.name = "error", .shape = {.type = Type::boolean}, .about = "the status shows an error; default true"},
    Key{.name = "unanswered", .shape = {.type = Type::boolean}, .about = "nobody answers; default true"},
};
constexpr std::array<std::string_view, 4> kAlarms = {"lag", "active", "error", "unanswered"};
constexpr Table kAlarm{.name = "an alarm", .keys = kAlarmKeys, .at_least_one = kAlarms};
constexpr std::array kWatchKeys = {
    Key{.name = "watch_lag",
        .shape = kStreamName,
        .about = "a mirror, or a stream with sources, as monitoring sees it",
        .is_required = true},
    Key{.name = "domain", .shape = kName, .about = "the domain of the stream; default: the client's node holds it"},
    Key{.name = "every", .shape = kPositiveDuration, .about = "from one look at its status to the next", .is_required = true},
    Key{.name = "for", .shape = kPositiveDuration, .about = "how long; default: until the run ends"},
    Key{.name = "timeout", .shape = kPositiveDuration, .about = "of each look, at most `every`; default 5s"},
    Key{.name = "alarm", .shape = object(kAlarm), .about = "when it rings; default: never"},
};
constexpr Table kWatch{.name = "a watch_lag workload", .keys = kWatchKeys, .mark = "watch_lag"};
constexpr std::array<const Table*, 7> kWorkloadKinds = {&kPublish, &kConsume, &kAdmin, &kRepublish, &kKeyValue, &kWatch, &kRead};
constexpr Table kWorkload{.name = "a workload", .keys = kWorkloadKeys, .variants = kWorkloadKinds};

}  // namespace

const Table& workload_table() { return kWorkload; }

}  // namespace windtunnel::scenarios
