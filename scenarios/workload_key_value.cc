// The `key_value` workload: an application with a key-value bucket, one request after the other, as a NATS client makes
// them; and, if it likes, a watch on all keys.

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/base64.h"
#include "core/base/data_hash.h"
#include "core/base/json_writer.h"
#include "core/client/client.h"
#include "core/client/jetstream_client.h"
#include "core/env/clock.h"
#include "core/nats/headers.h"
#include "scenarios/api_answer.h"
#include "scenarios/workload_programs.h"

namespace windtunnel::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr core::Duration kRetryWait = 250ms;
constexpr core::Duration kApiTimeout = 5s;
constexpr core::Duration kHeartbeat = 2s;
constexpr core::Duration kSilenceMax = 5s;  // then the watch begins anew
constexpr int kWrongLastSeq = 10071;
constexpr int kStoreFailed = 10077;

// Who wrote it: "alice#17" from the payload, or the kind of deletion.
std::string value_of(std::string_view headers, std::string_view payload) {
  if (const auto marker = core::header_value(headers, "KV-Operation")) return std::string(*marker);
  return std::string(payload.substr(0, payload.find(';')));
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class KeyValueProgram final : public sim::Program {
 public:
  KeyValueProgram(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number)
      : env_(env),
        world_(world),
        spec_(spec),
        bucket_(std::get<KeyValueSpec>(spec.work)),
        log_(world.key_values().bucket(bucket_.on, bucket_.stream)),
        number_(number),
        random_(env.random.child("choices")),
        node_(world.client_node(spec.name)),
        prefix_("$KV." + bucket_.bucket + "."),
        put_prefix_((bucket_.domain.empty() ? "" : "$JS." + bucket_.domain + ".API.") + prefix_),
        client_(env, client_options(spec)),
        jetstream_(client_, bucket_.domain) {}

  void run() override {
    connect_or_record(client_, world_, spec_);
    const core::Instant begin = core::after(kTimeZero, spec_.start);
    const core::Instant end = core::after(begin, bucket_.duration);
    if (bucket_.watches) env_.tasks.spawn("watch", [this] { watch(); });
    for (std::uint64_t i = 0;; ++i) {
      const core::Instant due = core::after(begin, bucket_.rate.due(i));
      if (due >= end) break;
      if (due < env_.clock.now()) continue;  // it was busy: no crowd afterwards
      env_.tasks.sleep_until(due);
      act();
    }
    env_.tasks.park("the end of the run", core::kForever);
  }

 private:
  // What a look at a key showed, or a write was told.
  struct Seen {
    KeyValueStep::Told told = KeyValueStep::Told::nothing;
    std::uint64_t revision = 0;
    std::string value;
    [[nodiscard]] bool is_deletion() const { return value == "DEL" || value == "PURGE"; }
  };

  void act() {
    const std::uint64_t action = random_.below(bucket_.actions.size());
    const std::uint64_t number = random_.below(bucket_.keys);
    const std::string key = "k" + std::to_string(number);
    switch (bucket_.actions[action]) {
      case KeyValueAction::put: put(key, std::nullopt); return;
      case KeyValueAction::create: create(key); return;
      case KeyValueAction::update: update(key); return;
      case KeyValueAction::delete_: mark(key, "DEL"); return;
      case KeyValueAction::purge: mark(key, "PURGE"); return;
      case KeyValueAction::get: get(key); return;
    }
  }

  // As clients do: expects nothing, and if there is a deletion, then that.
  void create(const std::string& key) {
    if (put(key, 0).told != KeyValueStep::Told::refused) return;
    const Seen seen = get(key);
    if (seen.told == KeyValueStep::Told::done && seen.is_deletion()) put(key, seen.revision);
  }

  void update(const std::string& key) {
    if (!known_.contains(key) && get(key).told != KeyValueStep::Told::done) return;
    put(key, known_[key]);
  }

  // --- writes

  Seen put(const std::string& key, std::optional<std::uint64_t> expected) {
    Ledger& ledger = world_.ledger();
    const PublishId id = ledger.add(number_, env_.clock.now());
    const std::string payload = ledger.payload(id, core::Bytes{32});
    std::string headers;
    if (expected) core::append_header(headers, "Nats-Expected-Last-Subject-Sequence", std::to_string(*expected));
    ledger.at(id).set_content(core::content_hash(headers, payload));
    world_.record(node_, core::LogLevel::trace, "publish.sent", {{"workload", spec_.name}, {"n", id.index}, {"key", key}});
    const core::PublishOutcome told = write(key, value_of({}, payload), headers, payload, expected);
    settle(id, told);
    return {.told = log_.operations[last_].timed.operation.told, .revision = log_.operations[last_].timed.operation.revision, .value = {}};
  }

  void mark(const std::string& key, const std::string& what) { write(key, what, key_value_marker(what), "", std::nullopt); }

  // One write, from its call to its answer, in the log. Suspends.
  core::PublishOutcome write(const std::string& key, const std::string& value, const std::string& headers, const std::string& payload,
                             std::optional<std::uint64_t> expected) {
    const std::size_t index = begin(
        key, {.kind = KeyValueStep::Kind::write, .told = KeyValueStep::Told::nothing, .value = value, .expected = expected, .revision = 0});
    core::PublishOptions options;
    options.headers = headers;
    options.timeout = bucket_.timeout;
    core::PublishOutcome told = jetstream_.publish(put_prefix_ + key, payload, options);
    KeyValueOperation& operation = log_.operations[index];
    KeyValueStep& step = operation.timed.operation;
    using Kind = core::PublishOutcome::Kind;
    known_.erase(key);
    if (told.kind == Kind::acked) {
      step.told = KeyValueStep::Told::done;
      step.revision = known_[key] = told.ack.seq.value;
    } else if (told.kind == Kind::error && told.err_code == kWrongLastSeq) {
      step.told = KeyValueStep::Told::refused;
      step.revision = number_of(std::string_view(told.text).substr(told.text.rfind(' ') + 1));  // "wrong last sequence: 17"
    } else {
      // Of what has no answer, or what the disk failed, nobody knows whether it is stored; the rest is not.
      operation.is_void = told.kind != Kind::timeout && told.err_code != kStoreFailed;
    }
    last_ = index;
    if (step.told != KeyValueStep::Told::nothing) operation.timed.returned = env_.clock.now();
    show(operation);
    return told;
  }

  void settle(PublishId id, const core::PublishOutcome& told) {
    Ledger& ledger = world_.ledger();
    const core::Instant now = env_.clock.now();
    switch (told.kind) {
      case core::PublishOutcome::Kind::acked:
        ledger.at(id).settle_acked(now, ledger.stream_number(told.ack.stream, told.ack.domain), told.ack.seq, told.ack.duplicate);
        break;
      case core::PublishOutcome::Kind::no_responders: ledger.at(id).settle(Outcome::no_responders, now); break;
      case core::PublishOutcome::Kind::timeout: ledger.at(id).settle(Outcome::timed_out, now); break;
      default: ledger.at(id).settle(Outcome::error, now);
    }
  }

  // --- reads

  Seen get(const std::string& key) {
    const std::size_t index = begin(
        key, {.kind = KeyValueStep::Kind::read, .told = KeyValueStep::Told::nothing, .value = {}, .expected = std::nullopt, .revision = 0});
    const core::Instant deadline = core::after(env_.clock.now(), bucket_.timeout);
    Seen seen = bucket_.is_direct ? get_directly(key, deadline) : get_through_api(key, deadline);
    KeyValueOperation& operation = log_.operations[index];
    operation.is_void = seen.told == KeyValueStep::Told::nothing;
    operation.timed.operation.told = seen.told;
    operation.timed.operation.value = seen.value;
    operation.timed.operation.revision = seen.revision;
    operation.timed.returned = env_.clock.now();
    if (!operation.is_void) known_[key] = seen.revision;
    show(operation);
    return seen;
  }

  Seen get_directly(const std::string& key, core::Instant deadline) {
    const core::Reply reply = jetstream_.api("DIRECT.GET." + bucket_.stream + "." + prefix_ + key, "", deadline);
    if (reply.kind != core::Reply::Kind::message) return {};
    if (const auto status = core::header_status(reply.message.headers)) {
      if (status->code == 404) return {.told = KeyValueStep::Told::done, .revision = 0, .value = {}};
      return {};
    }
    const std::uint64_t revision = number_of(core::header_value(reply.message.headers, "Nats-Sequence").value_or(""));
    return {.told = KeyValueStep::Told::done, .revision = revision, .value = value_of(reply.message.headers, reply.message.payload)};
  }

  Seen get_through_api(const std::string& key, core::Instant deadline) {
    const core::Reply reply = jetstream_.api("STREAM.MSG.GET." + bucket_.stream, R"({"last_by_subj":")" + prefix_ + key + "\"}", deadline);
    if (reply.kind != core::Reply::Kind::message) return {};
    const nlohmann::json answer = nlohmann::json::parse(reply.message.payload, nullptr, false);
    if (!answer.is_object()) return {};
    if (answer.contains("error") && answer["error"].is_object()) {
      if (answer["error"].value("err_code", 0) == 10037) return {.told = KeyValueStep::Told::done, .revision = 0, .value = {}};
      return {};
    }
    if (!answer.contains("message") || !answer["message"].is_object()) return {};
    const nlohmann::json& message = answer["message"];
    const std::string headers = core::from_base64(message.value("hdrs", "")).value_or("");
    return {.told = KeyValueStep::Told::done,
            .revision = message.value("seq", std::uint64_t{0}),
            .value = value_of(headers, core::from_base64(message.value("data", "")).value_or(""))};
  }

  // --- the watch

  // A push consumer without acks from the last value of each key on; anew whenever it may have missed something.
  void watch() {
    for (;;) {
      if (client_.is_closed()) return;
      watch_once();
      env_.tasks.sleep_until(core::after(env_.clock.now(), kRetryWait));
    }
  }

  void watch_once() {
    const std::string inbox = client_.new_inbox();
    core::Result<std::unique_ptr<core::ClientSubscription>> subscribed = client_.subscribe(inbox);
    if (!subscribed) return;
    watch_subscription_ = std::move(*subscribed);
    if (!create_watch(inbox)) return;
    const std::size_t watch = log_.watches.size();
    log_.watches.push_back(KeyValueWatch{.workload = spec_.name, .since = env_.clock.now(), .is_live = true, .sightings = {}});
    std::uint64_t deliveries = 0;
    for (;;) {
      const std::optional<core::Message> message = watch_subscription_->next(core::after(env_.clock.now(), kSilenceMax), true);
      if (!message || !take(*message, watch, deliveries)) break;
    }
    log_.watches[watch].is_live = false;
  }

  bool create_watch(const std::string& inbox) {
    core::JsonWriter json;
    json.begin_object().field("stream_name", bucket_.stream).key("config").begin_object();
    json.field("deliver_subject", inbox).field("deliver_policy", "last_per_subject").field("ack_policy", "none");
    json.field("filter_subject", prefix_ + ">").field("max_deliver", 1).field("idle_heartbeat", kHeartbeat.count());
    json.field("mem_storage", true).end_object().end_object();
    const core::Reply reply = jetstream_.api("CONSUMER.CREATE." + bucket_.stream, json.view(), core::after(env_.clock.now(), kApiTimeout));
    if (reply.kind != core::Reply::Kind::message) return false;
    const std::optional<std::string> refused = api_error_text(reply.message.payload);
    if (refused) world_.record(node_, core::LogLevel::warn, "key_value.watch_refused", {{"workload", spec_.name}, {"error", *refused}});
    return !refused;
  }

  // False if something was missed.
  bool take(const core::Message& message, std::size_t watch, std::uint64_t& deliveries) {
    if (const auto status = core::header_status(message.headers)) {
      if (status->code != 100) return false;
      const auto last = core::header_value(message.headers, "Nats-Last-Consumer");
      return !last || number_of(*last) == deliveries;
    }
    const std::optional<core::Delivery> delivery = core::to_delivery(message);
    if (!delivery || delivery->consumer_seq.value != ++deliveries) return false;
    KeyValueSighting sighting{.key = message.subject.substr(std::min(prefix_.size(), message.subject.size())),
                              .value = value_of(message.headers, message.payload),
                              .revision = delivery->stream_seq.value,
                              .at = env_.clock.now()};
    world_.record(node_, core::LogLevel::trace, "key_value.seen",
                  {{"workload", spec_.name},
                   {"key", sighting.key},
                   {"stream", bucket_.stream},
                   {"seq", sighting.revision},
                   {"value", sighting.value}});
    log_.watches[watch].sightings.push_back(std::move(sighting));
    return true;
  }

  // --- the log

  std::size_t begin(const std::string& key, KeyValueStep step) {
    log_.operations.push_back(
        {.workload = spec_.name, .key = key, .is_void = false, .timed = {std::move(step), env_.clock.now(), std::nullopt}});
    return log_.operations.size() - 1;
  }

  void show(const KeyValueOperation& operation) {
    const KeyValueStep& step = operation.timed.operation;
    world_.record(
        node_, core::LogLevel::trace, "key_value.told",
        {{"workload", spec_.name}, {"key", operation.key}, {"stream", bucket_.stream}, {"seq", step.revision}, {"what", text_of(step)}});
  }

  core::Env& env_;
  World& world_;
  const WorkloadSpec& spec_;
  const KeyValueSpec& bucket_;
  KeyValueLog::Bucket& log_;
  std::uint16_t number_;
  core::Random random_;
  sim::NodeId node_;
  std::string prefix_;      // "$KV.BUCKET."
  std::string put_prefix_;  // for writes: servers keep $KV to themselves across leaf links, and take it after the domain's API prefix
  core::Client client_;
  core::JetStreamClient jetstream_;
  std::unique_ptr<core::ClientSubscription> watch_subscription_;  // here, since it must outlive the task that waits on it
  std::map<std::string, std::uint64_t> known_;                    // the revisions that this client has seen last
  std::size_t last_ = 0;                                          // the latest write in the log
};

}  // namespace

std::unique_ptr<sim::Program> make_key_value(core::Env& env, World& world, const WorkloadSpec& spec, std::uint16_t number) {
  return std::make_unique<KeyValueProgram>(env, world, spec, number);
}

}  // namespace windtunnel::scenarios
