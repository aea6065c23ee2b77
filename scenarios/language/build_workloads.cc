#include <algorithm>
#include <set>
#include <vector>

#include "core/nats/subject.h"
#include "scenarios/api_answer.h"
#include "scenarios/language/build.h"
#include "scenarios/language/nearest.h"

namespace windtunnel::scenarios {
namespace {

// nats.go's, of a request to the API.
constexpr core::Duration kWatchTimeout = std::chrono::seconds{5};
// Of each publishing workload, whose subjects readers ask for.
constexpr std::uint64_t kReadSubjectsMax = 1000;

RetryPolicy retries_of(const TypedValue& value) {
  const TypedValue* retries = value.find("retries");
  if (retries == nullptr) return {};
  RetryPolicy out = retries->get<RetryPolicy>("max");
  out.wait = retries->get_or("wait", RetryPolicy{}.wait);
  return out;
}

// Whether the stream takes what is published there.
bool takes(const StreamSpec& stream, const std::string& subject) {
  return std::any_of(stream.subjects.begin(), stream.subjects.end(),
                     [&](const std::string& filter) { return core::matches(subject, filter); });
}

// The stream whose last sequences a publisher expects: what it is told of them is judged, so it must be known.
void build_expectation(const TypedValue& value, const std::string& at, const Scenario& scenario, PublishSpec& publish,
                       Diagnostics& diagnostics) {
  const TypedValue& expect = *value.find("expect_last");
  publish.expect_last = expect.as<std::string>() == "stream" ? PublishSpec::Expect::stream : PublishSpec::Expect::subject;
  for (const StreamSpec& stream : scenario.streams) {
    const NodeSpec* node = scenario.node(stream.on);
    const bool is_there = publish.domain.empty() ? stream.on == at : node != nullptr && node->domain == publish.domain;
    if (!is_there || !takes(stream, publish.subject_of(0))) continue;
    publish.on = stream.on;
    publish.stream = stream.name;
    for (const std::string_view limit : {"max_age", "max_msgs", "max_bytes"}) {
      if (has_limit(stream.create_body, limit))
        diagnostics.add(expect.where, "what is in stream " + quoted(stream.name) + " goes by " + quoted(limit) +
                                          "; what `expect_last` is told cannot be judged then");
    }
    return;
  }
  diagnostics.add(expect.where, "no stream " + std::string(publish.domain.empty() ? "on node " + quoted(at) : "of that domain") +
                                    " takes " + quoted(publish.subject) + "; `expect_last` is about one");
}

PublishSpec build_publish(const TypedValue& value, const std::string& at, const Scenario& scenario, Diagnostics& diagnostics) {
  PublishSpec publish;
  publish.subject = value.get<std::string>("publish");
  publish.via = value.get<std::string>("via") == "jetstream" ? Via::jetstream : Via::core;
  publish.domain = value.get_or<std::string>("domain", "");
  publish.rate = value.get<faults::Rate>("rate");
  if (const TypedValue* v = value.find("for")) publish.duration = v->as<core::Duration>();
  if (const TypedValue* v = value.find("count")) publish.count = v->as<std::uint64_t>();
  publish.size = value.get_or("size", publish.size);
  publish.timeout = value.get_or("timeout", publish.timeout);
  publish.retries = retries_of(value);
  publish.msg_id = value.get_or("msg_id", false);
  publish.is_closed_loop = value.get_or<std::string>("loop", "open") == "closed";
  publish.subjects = value.get_or("subjects", publish.subjects);
  publish.ids = value.get_or("ids", publish.ids);
  if (const TypedValue* v = value.find("rollup"))
    publish.rollup = v->as<std::string>() == "all" ? PublishSpec::Rollup::all : PublishSpec::Rollup::subject;
  publish.rollup_every = value.get_or("rollup_every", publish.rollup_every);
  if (const TypedValue* v = value.find("ids"); v != nullptr && !publish.msg_id)
    diagnostics.add(v->where, "`ids` is how many message ids there are; it needs `msg_id: true`");
  if (const TypedValue* v = value.find("rollup_every"); v != nullptr && publish.rollup == PublishSpec::Rollup::none)
    diagnostics.add(v->where, "`rollup_every` is how often a `rollup` comes; say which");
  if (publish.via == Via::core) {
    for (const std::string_view key : {"domain", "timeout", "retries", "loop", "expect_last"}) {
      if (const TypedValue* v = value.find(key)) {
        diagnostics.add(v->where,
                        quoted(key) + " is about the ack, and a publish `via: core` has none; publish `via: jetstream` or leave it out");
      }
    }
  } else if (const TypedValue* domain = value.find("domain")) {
    expect_domain(publish.domain, domain->where, scenario, diagnostics);
  }
  if (value.find("expect_last") != nullptr && publish.via == Via::jetstream) build_expectation(value, at, scenario, publish, diagnostics);
  return publish;
}

// The stream that a workload (its `key`) is about: in its domain, or on the client's own node. nullptr, with a diagnostic, if there is
// none.
const StreamSpec* stream_of(const TypedValue& value, const std::string& name, const std::string& at, const std::string& domain,
                            std::string_view key, const Scenario& scenario, Diagnostics& diagnostics) {
  const TypedValue* in = value.find("domain");
  if (in != nullptr && !expect_domain(domain, in->where, scenario, diagnostics)) return nullptr;
  std::vector<std::string_view> names;
  for (const StreamSpec& stream : scenario.streams) {
    const NodeSpec* node = scenario.node(stream.on);
    const bool is_there = domain.empty() ? stream.on == at : node != nullptr && node->domain == domain;
    if (!is_there) continue;
    if (stream.name == name) return &stream;
    names.push_back(stream.name);
  }
  const std::string place =
      domain.empty() ? " on node " + quoted(at) + " (of another node: name its `domain`)" : " in domain " + quoted(domain);
  diagnostics.add(value.find(key)->where, "there is no stream " + quoted(name) + place + hint(name, names));
  return nullptr;
}

// Keys that shape the consumer which the workload creates; senseless if the scenario lists it.
void refuse_for_listed(const TypedValue& value, Diagnostics& diagnostics) {
  for (const std::string_view key : {"ack", "filter_subject"}) {
    if (const TypedValue* v = value.find(key))
      diagnostics.add(v->where, quoted(key) + " is said where `consumers` lists the consumer; leave it out here");
  }
}

// The consumer of that name that the scenario lists; nullptr if there is none. It must be one that can be pulled from.
const ConsumerSpec* listed_consumer(const TypedValue& value, const std::string& on, const std::string& stream, const std::string& name,
                                    const Scenario& scenario, Diagnostics& diagnostics) {
  for (const ConsumerSpec& consumer : scenario.consumers) {
    if (consumer.on != on || consumer.stream != stream || consumer.name != name) continue;
    const TypedValue* said = value.find("consumer");
    if (consumer.is_push)
      diagnostics.add(said == nullptr ? value.where : said->where,
                      "consumer " + quoted(consumer.name) + " is a push consumer; workloads pull");
    return &consumer;
  }
  return nullptr;
}

HandlerSpec build_handler(const TypedValue& value) {
  HandlerSpec handler;
  for (std::size_t i = 0; i < HandlerSpec::kAnswers; ++i) {
    const TypedValue* weight = value.find(name_of(static_cast<HandlerSpec::Answer>(i)));
    if (weight == nullptr) continue;
    handler.weights.resize(HandlerSpec::kAnswers);
    handler.weights[i] = weight->as<std::uint64_t>();
  }
  handler.work = value.get_or("work", handler.work);
  handler.nak_delay = value.get_or("nak_delay", handler.nak_delay);
  handler.restart_after = value.get_or("restart_after", handler.restart_after);
  return handler;
}

ConsumeSpec build_consume(const TypedValue& value, const WorkloadSpec& workload, const Scenario& scenario, Diagnostics& diagnostics) {
  ConsumeSpec consume;
  consume.stream = value.get<std::string>("consume");
  consume.domain = value.get_or<std::string>("domain", "");
  consume.consumer = value.get_or("consumer", workload.name);
  consume.batch = value.get_or("batch", consume.batch);
  consume.expires = value.get_or("expires", consume.expires);
  consume.timeout = value.get_or("timeout", consume.timeout);
  consume.filter_subject = value.get_or<std::string>("filter_subject", "");
  if (const TypedValue* v = value.find("for")) consume.duration = v->as<core::Duration>();
  const std::string ack = value.get_or<std::string>("ack", "explicit");
  consume.ack = ack == "none" ? AckPolicy::none : ack == "all" ? AckPolicy::all : AckPolicy::explicit_;
  const StreamSpec* stream = stream_of(value, consume.stream, workload.at, consume.domain, "consume", scenario, diagnostics);
  if (stream == nullptr) return consume;
  consume.on = stream->on;
  if (const TypedValue* handle = value.find("handle")) {
    consume.handler = build_handler(*handle);
    if (consume.ack != AckPolicy::explicit_) diagnostics.add(handle->where, "`handle` answers each delivery; that needs `ack: explicit`");
  }
  if (const ConsumerSpec* listed = listed_consumer(value, consume.on, consume.stream, consume.consumer, scenario, diagnostics)) {
    consume.creates_consumer = false;
    consume.ack = listed->ack_policy;
    consume.filter_subject = listed->filter_subject;
    refuse_for_listed(value, diagnostics);
  }
  return consume;
}

RepublishSpec build_republish(const TypedValue& value, const WorkloadSpec& workload, const Scenario& scenario, Diagnostics& diagnostics) {
  RepublishSpec loop;
  loop.stream = value.get<std::string>("republish_loop");
  loop.domain = value.get_or<std::string>("domain", "");
  loop.consumer = value.get_or("consumer", workload.name);
  loop.subject = value.get<std::string>("subject");
  loop.messages = value.get_or("messages", loop.messages);
  loop.loops = value.get_or("loops", loop.loops);
  loop.window = value.get_or("window", loop.window);
  loop.confirms_acks = value.get_or<std::string>("ack", "confirmed") == "confirmed";
  loop.size = value.get_or("size", loop.size);
  loop.timeout = value.get_or("timeout", loop.timeout);
  loop.retries = retries_of(value);
  loop.msg_id = value.get_or("msg_id", false);
  const StreamSpec* stream = stream_of(value, loop.stream, workload.at, loop.domain, "republish_loop", scenario, diagnostics);
  if (stream == nullptr) return loop;
  loop.on = stream->on;
  loop.creates_consumer = listed_consumer(value, loop.on, loop.stream, loop.consumer, scenario, diagnostics) == nullptr;
  return loop;
}

AdminSpec build_admin(const TypedValue& value, const WorkloadSpec& workload, const Scenario& scenario, Diagnostics& diagnostics) {
  AdminSpec admin;
  admin.stream = value.get<std::string>("admin");
  admin.domain = value.get_or<std::string>("domain", "");
  admin.every = value.get<core::Duration>("every");
  admin.count = value.get_or("count", admin.count);
  if (const TypedValue* v = value.find("for")) admin.duration = v->as<core::Duration>();
  admin.filter_subject = value.get_or<std::string>("filter_subject", "");
  admin.keep = value.get_or("keep", admin.keep);
  const TypedValue& actions = *value.find("do");
  if (actions.items.empty()) diagnostics.add(actions.where, "`do` needs at least one action");
  const std::span<const std::string_view> names = admin_action_names();
  for (const TypedValue& action : actions.items) {
    const auto found = std::find(names.begin(), names.end(), action.as<std::string>());
    admin.actions.push_back(static_cast<AdminAction>(found - names.begin()));
  }
  const StreamSpec* stream = stream_of(value, admin.stream, workload.at, admin.domain, "admin", scenario, diagnostics);
  if (stream == nullptr) return admin;
  admin.on = stream->on;
  if (const TypedValue* updates = value.find("update")) {
    for (const TypedValue& update : updates->items) admin.updates.push_back(updated_body(stream->create_body, nats_json(update)));
  }
  if (const TypedValue* consumer = value.find("consumer")) {
    admin.consumer = consumer->as<std::string>();
    if (listed_consumer(value, admin.on, admin.stream, admin.consumer, scenario, diagnostics) == nullptr)
      diagnostics.add(consumer->where, "`consumers` lists no consumer " + quoted(admin.consumer) + " of stream " + quoted(admin.stream));
  }
  const auto needs = [&](AdminAction action, std::string_view key, bool has_it) {
    const bool is_done = std::find(admin.actions.begin(), admin.actions.end(), action) != admin.actions.end();
    if (is_done && !has_it) diagnostics.add(actions.where, quoted(name_of(action)) + " needs the key " + quoted(key));
    return is_done;
  };
  const bool updates = needs(AdminAction::update, "update", !admin.updates.empty());
  if (!updates && !admin.updates.empty()) diagnostics.add(value.find("update")->where, "there is no `update` in `do`: nobody makes these");
  needs(AdminAction::delete_consumer, "consumer", !admin.consumer.empty());
  needs(AdminAction::create_consumer, "consumer", !admin.consumer.empty());
  return admin;
}

WatchSpec build_watch(const TypedValue& value, const WorkloadSpec& workload, const Scenario& scenario, Diagnostics& diagnostics) {
  WatchSpec watch;
  watch.stream = value.get<std::string>("watch_lag");
  watch.domain = value.get_or<std::string>("domain", "");
  watch.every = value.get<core::Duration>("every");
  watch.timeout = value.get_or("timeout", std::min<core::Duration>(kWatchTimeout, watch.every));
  if (watch.timeout > watch.every)
    diagnostics.add(value.find("timeout")->where,
                    "`timeout` is longer than `every`: the next look would have to wait for the one before it");
  if (const TypedValue* v = value.find("for")) watch.duration = v->as<core::Duration>();
  if (const TypedValue* alarm = value.find("alarm")) {
    watch.alarm.emplace();
    if (const TypedValue* v = alarm->find("lag")) watch.alarm->lag = v->as<std::uint64_t>();
    if (const TypedValue* v = alarm->find("active")) watch.alarm->active = v->as<core::Duration>();
    watch.alarm->is_for_errors = alarm->get_or("error", true);
    watch.alarm->is_for_silence = alarm->get_or("unanswered", true);
  }
  const StreamSpec* stream = stream_of(value, watch.stream, workload.at, watch.domain, "watch_lag", scenario, diagnostics);
  if (stream == nullptr) return watch;
  watch.on = stream->on;
  if (!stream->mirror && stream->sources.empty())
    diagnostics.add(value.find("watch_lag")->where,
                    "stream " + quoted(watch.stream) + " is no mirror and has no sources; there is no lag to watch");
  return watch;
}

// A mirror that answers direct gets as well, with what it had some time ago: one that says so, or one beside the stream, which takes over
// that it may be asked directly (streams F). nullptr: there is none.
const StreamSpec* mirror_answering_for(const StreamSpec& stream, const Scenario& scenario) {
  for (const StreamSpec& copy : scenario.streams) {
    if (!copy.mirror || scenario.origin(copy, *copy.mirror) != &stream) continue;
    const bool takes_over = copy.mirror->external_api.empty() && has_flag(stream.create_body, "allow_direct");
    if (takes_over || has_flag(copy.create_body, "mirror_direct")) return &copy;
  }
  return nullptr;
}

std::string stale_answers(const StreamSpec& mirror, const std::string& stream) {
  return "mirror " + quoted(mirror.name) + " answers direct gets for stream " + quoted(stream) + ", with what it had some time ago";
}

KeyValueSpec build_key_value(const TypedValue& value, const WorkloadSpec& workload, const Scenario& scenario, Diagnostics& diagnostics) {
  KeyValueSpec spec;
  spec.bucket = value.get<std::string>("key_value");
  spec.stream = "KV_" + spec.bucket;
  spec.domain = value.get_or<std::string>("domain", "");
  spec.keys = value.get_or("keys", spec.keys);
  spec.rate = value.get<faults::Rate>("rate");
  spec.duration = value.get<core::Duration>("for");
  spec.watches = value.get_or("watch", false);
  spec.timeout = value.get_or("timeout", spec.timeout);
  const TypedValue& actions = *value.find("do");
  if (actions.items.empty()) diagnostics.add(actions.where, "`do` needs at least one action");
  const std::span<const std::string_view> names = key_value_action_names();
  for (const TypedValue& action : actions.items) {
    const auto found = std::find(names.begin(), names.end(), action.as<std::string>());
    spec.actions.push_back(static_cast<KeyValueAction>(found - names.begin()));
  }
  const StreamSpec* stream = stream_of(value, spec.stream, workload.at, spec.domain, "key_value", scenario, diagnostics);
  if (stream == nullptr) return spec;
  spec.on = stream->on;
  spec.is_direct = has_flag(stream->create_body, "allow_direct");
  const SourcePosition& where = value.find("key_value")->where;
  const std::string subject = "$KV." + spec.bucket + ".>";
  if (stream->subjects != std::vector{subject})
    diagnostics.add(where, "stream " + quoted(spec.stream) + " is no bucket: its subjects must be [" + subject + "]");
  if (!has_limit(stream->create_body, "max_msgs_per_subject"))
    diagnostics.add(where, "stream " + quoted(spec.stream) + " is no bucket: it needs `max_msgs_per_subject`, the history of a key");
  if (has_limit(stream->create_body, "max_age") || has_limit(stream->create_body, "max_msgs"))
    diagnostics.add(where, "what is in bucket " + quoted(spec.bucket) + " goes by age or number; its history cannot be judged then");
  if (const StreamSpec* mirror = spec.is_direct ? mirror_answering_for(*stream, scenario) : nullptr)
    diagnostics.add(where, stale_answers(*mirror, spec.stream) + "; a bucket with such a mirror cannot be judged");
  for (const KeyValueAction action : spec.actions) {
    if (action != KeyValueAction::purge || has_flag(stream->create_body, "allow_rollup_hdrs")) continue;
    diagnostics.add(actions.where, "`purge` needs a stream with `allow_rollup_hdrs`");
    break;
  }
  return spec;
}

ReadSpec build_read(const TypedValue& value, const WorkloadSpec& workload, const Scenario& scenario, Diagnostics& diagnostics) {
  ReadSpec read;
  read.stream = value.get<std::string>("read");
  read.domain = value.get_or<std::string>("domain", "");
  read.rate = value.get<faults::Rate>("rate");
  read.duration = value.get<core::Duration>("for");
  read.timeout = value.get_or("timeout", read.timeout);
  const TypedValue& actions = *value.find("do");
  if (actions.items.empty()) diagnostics.add(actions.where, "`do` needs at least one action");
  const std::span<const std::string_view> names = read_action_names();
  for (const TypedValue& action : actions.items) {
    const auto found = std::find(names.begin(), names.end(), action.as<std::string>());
    read.actions.push_back(static_cast<ReadAction>(found - names.begin()));
  }
  const StreamSpec* stream = stream_of(value, read.stream, workload.at, read.domain, "read", scenario, diagnostics);
  if (stream == nullptr) return read;
  read.on = stream->on;
  const SourcePosition& where = value.find("read")->where;
  if (stream->mirror || !stream->sources.empty())
    diagnostics.add(
        where, "stream " + quoted(read.stream) + " is a copy, and as far as its origin some time ago; what is read there cannot be judged");
  if (read.stream.starts_with("KV_"))
    diagnostics.add(where, "stream " + quoted(read.stream) + " is a bucket; its `key_value` workloads have `get`");
  const bool has_direct = has_flag(stream->create_body, "allow_direct");
  read.via = has_direct ? ReadSpec::Via::both : ReadSpec::Via::api;
  const TypedValue* via = value.find("via");
  if (via != nullptr) {
    const std::string word = via->as<std::string>();
    read.via = word == "api" ? ReadSpec::Via::api : word == "direct" ? ReadSpec::Via::direct : ReadSpec::Via::both;
    if (read.via != ReadSpec::Via::api && !has_direct)
      diagnostics.add(via->where, "stream " + quoted(read.stream) + " answers no direct gets; it needs `allow_direct: true`");
  }
  if (read.via == ReadSpec::Via::api) return read;
  if (const StreamSpec* mirror = mirror_answering_for(*stream, scenario))
    diagnostics.add(via == nullptr ? where : via->where, stale_answers(*mirror, read.stream) + "; read `via: api`");
  return read;
}

// Readers look for what is published to their stream, by whoever.
void find_subjects(Scenario& scenario, Diagnostics& diagnostics) {
  for (WorkloadSpec& reader : scenario.workloads) {
    auto* read = std::get_if<ReadSpec>(&reader.work);
    const StreamSpec* stream = read == nullptr ? nullptr : scenario.stream(read->on, read->stream);
    if (stream == nullptr || stream->mirror || !stream->sources.empty()) continue;  // it has been refused
    std::set<std::string> subjects;
    for (const WorkloadSpec& workload : scenario.workloads) {
      const auto* publish = std::get_if<PublishSpec>(&workload.work);
      const auto* loop = std::get_if<RepublishSpec>(&workload.work);
      const std::uint64_t count = publish != nullptr ? std::max<std::uint64_t>(1, publish->subjects) : loop != nullptr ? loop->messages : 0;
      for (std::uint64_t i = 0; i < std::min(count, kReadSubjectsMax); ++i) {
        const std::string& base = publish != nullptr ? publish->subject : loop->subject;
        std::string subject = publish != nullptr && publish->subjects == 0 ? base : base + "." + std::to_string(i);
        if (takes(*stream, subject)) subjects.insert(std::move(subject));
      }
    }
    read->subjects.assign(subjects.begin(), subjects.end());
    if (read->subjects.empty())
      diagnostics.add(reader.where, "no workload publishes to stream " + quoted(read->stream) + "; there is nothing to read");
  }
}

// So are subjects whose last sequence somebody expects: whoever changes them must expect as well.
void expect_expectant_alone(const Scenario& scenario, Diagnostics& diagnostics) {
  for (const WorkloadSpec& expectant : scenario.workloads) {
    const auto* expects = std::get_if<PublishSpec>(&expectant.work);
    if (expects == nullptr || expects->stream.empty()) continue;
    const StreamSpec* stream = scenario.stream(expects->on, expects->stream);
    for (const WorkloadSpec& other : scenario.workloads) {
      const auto* publish = std::get_if<PublishSpec>(&other.work);
      const auto* admin = std::get_if<AdminSpec>(&other.work);
      const bool is_blind = publish != nullptr && publish->expect_last != expects->expect_last && other.at == expectant.at &&
                            stream != nullptr && takes(*stream, publish->subject_of(0));
      const bool is_changed = admin != nullptr && admin->stream == expects->stream && admin->on == expects->on;
      if (is_blind || is_changed)
        diagnostics.add(other.where, "stream " + quoted(expects->stream) + " has publishers with `expect_last: " +
                                         (expects->expect_last == PublishSpec::Expect::stream ? "stream" : "subject") +
                                         "`; nobody else may change it");
    }
    if (stream != nullptr && stream->retention != Retention::limits)
      diagnostics.add(expectant.where,
                      "what is acknowledged leaves stream " + quoted(stream->name) + "; `expect_last` cannot be judged then");
  }
}

// A bucket is judged by what its clients did: nobody else may change it.
void expect_bucket_alone(const Scenario& scenario, Diagnostics& diagnostics) {
  for (const WorkloadSpec& workload : scenario.workloads) {
    const auto* admin = std::get_if<AdminSpec>(&workload.work);
    const auto* publish = std::get_if<PublishSpec>(&workload.work);
    for (const WorkloadSpec& other : scenario.workloads) {
      const auto* bucket = std::get_if<KeyValueSpec>(&other.work);
      if (bucket == nullptr) continue;
      const bool is_purged = admin != nullptr && admin->stream == bucket->stream && admin->on == bucket->on;
      const bool is_written = publish != nullptr && core::matches(publish->subject, "$KV." + bucket->bucket + ".>");
      if (!is_purged && !is_written) continue;
      diagnostics.add(workload.where,
                      "bucket " + quoted(bucket->bucket) + " is changed by its `key_value` workloads alone; leave this one out");
      break;
    }
  }
}

}  // namespace

void build_workloads(const TypedValue& workloads, Scenario& scenario, Diagnostics& diagnostics) {
  for (const TypedValue& value : workloads.items) {
    WorkloadSpec workload;
    workload.where = value.where;
    workload.name = value.get_or("name", "workload-" + std::to_string(scenario.workloads.size() + 1));
    workload.at = value.get<std::string>("at");
    workload.start = value.get_or("start", workload.start);
    workload.user = value.get_or<std::string>("user", "");
    workload.password = value.get_or<std::string>("password", "");
    if (expect_node(workload.at, value.find("at")->where, scenario, diagnostics) && value.find("user") == nullptr &&
        value.find("password") == nullptr) {
      workload.user = scenario.node(workload.at)->user;
      workload.password = scenario.node(workload.at)->password;
    }
    if (value.variant == "publish") {
      workload.work = build_publish(value, workload.at, scenario, diagnostics);
    } else if (value.variant == "republish_loop") {
      workload.work = build_republish(value, workload, scenario, diagnostics);
    } else if (value.variant == "admin") {
      workload.work = build_admin(value, workload, scenario, diagnostics);
    } else if (value.variant == "key_value") {
      workload.work = build_key_value(value, workload, scenario, diagnostics);
    } else if (value.variant == "read") {
      workload.work = build_read(value, workload, scenario, diagnostics);
    } else if (value.variant == "watch_lag") {
      workload.work = build_watch(value, workload, scenario, diagnostics);
    } else {
      workload.work = build_consume(value, workload, scenario, diagnostics);
    }
    if (scenario.workload(workload.name) != nullptr) {
      const TypedValue* name = value.find("name");
      diagnostics.add(name == nullptr ? value.where : name->where, "there is already a workload " + quoted(workload.name));
    }
    scenario.workloads.push_back(std::move(workload));
  }
  find_subjects(scenario, diagnostics);
  expect_bucket_alone(scenario, diagnostics);
  expect_expectant_alone(scenario, diagnostics);
}

}  // namespace windtunnel::scenarios
