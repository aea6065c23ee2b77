// A stream's consumers: creating, finding, recovering and deleting them (reference: jetstream-api 5, streams B.2 and F.1).

#include <algorithm>
#include <utility>

#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/advisories.h"
#include "core/jetstream/position_repair.h"
#include "core/jetstream/stream.h"
#include "core/nats/subject.h"
#include "core/store/meta_file.h"

namespace windtunnel::core {
namespace {

// What an update may not change (jetstream-api 5.4).
ApiStatus check_update(const Bus& bus, const Consumer& consumer, const ConsumerConfig& next) {
  const ConsumerConfig& old = consumer.config();
  const auto fixed = [](const char* what) { return api_errors::consumer_create(std::string(what) + " can not be updated"); };
  if (old.deliver_policy != next.deliver_policy) return fixed("deliver policy");
  if (old.opt_start_seq != next.opt_start_seq) return fixed("start sequence");
  const auto time = [](const ConsumerConfig& c) { return c.opt_start_time.empty() ? std::nullopt : parse_rfc3339(c.opt_start_time); };
  if (time(old) != time(next)) return fixed("start time");
  if (old.ack_policy != next.ack_policy) return fixed("ack policy");
  if (old.replay_policy != next.replay_policy) return fixed("replay policy");
  if (old.idle_heartbeat != next.idle_heartbeat) return fixed("heart beats");
  if (old.flow_control != next.flow_control) return fixed("flow control");
  if (old.deliver_subject != next.deliver_subject) {
    if (old.is_pull()) return api_errors::consumer_create("can not update pull consumer to push based");
    if (next.is_pull()) return api_errors::consumer_create("can not update push consumer to pull based");
    // A subscription to a pattern counts here, though nothing is delivered to it.
    if (consumer.is_active() || bus.has_interest(old.deliver_subject)) return api_errors::consumer(10013, "consumer name already in use");
  }
  if (old.max_waiting != next.max_waiting) return fixed("max waiting");
  return std::nullopt;
}

// On a work queue each message has one owner.
bool collides(const std::vector<std::string>& filters, const Consumer& other) {
  const std::vector<std::string> theirs = other.config().filters();
  if (theirs.empty()) return true;
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& mine) {
    return std::any_of(theirs.begin(), theirs.end(), [&](const std::string& t) { return collide(mine, t); });
  });
}

}  // namespace

// Whether a new consumer may join those that are there (streams B.2).
ApiStatus Stream::check_consumer(const ConsumerConfig& config) const {
  const auto visible = std::count_if(consumers_.begin(), consumers_.end(), [](const auto& c) { return !c.second->config().direct; });
  if (config_.max_consumers > 0 && visible >= config_.max_consumers) return api_errors::max_consumers();
  if (config_.retention != Retention::work_queue || config.direct) return std::nullopt;
  // No release of 2.10 has an ack-all consumer here; one that a later release made has nats-8423, and so has ours by its switch.
  const bool is_admitted = config.ack_policy == AckPolicy::all && env_.defects.is_on(Defect::nats_8423);
  if (config.ack_policy != AckPolicy::explicit_ && !is_admitted) {
    return api_errors::consumer(10098, "workqueue stream requires explicit ack");
  }
  if (!consumers_.empty()) {
    const std::vector<std::string> filters = config.filters();
    if (filters.empty()) return api_errors::consumer(10099, "multiple non-filtered consumers not allowed on workqueue stream");
    const bool is_unique = std::none_of(consumers_.begin(), consumers_.end(), [&](const auto& c) { return collides(filters, *c.second); });
    if (!is_unique) return api_errors::consumer(10100, "filtered consumer not unique on workqueue stream");
  }
  if (config.deliver_policy != DeliverPolicy::all) return api_errors::consumer(10101, "consumer must be deliver all on workqueue stream");
  return std::nullopt;
}

ApiStatus Stream::update_consumer(const ConsumerRequest& request, const ConsumerConfig& config, Consumer& consumer) {
  const bool is_same = consumer.config() == config;
  if (request.action == ConsumerRequest::Action::create && !is_same) return api_errors::consumer_exists();
  if (is_same) return std::nullopt;
  if (config_.retention == Retention::work_queue) {
    const std::vector<std::string> filters = config.filters();
    for (const auto& [name, other] : consumers_) {
      if (other.get() != &consumer && (filters.empty() || collides(filters, *other))) {
        return api_errors::consumer(10100, "filtered consumer not unique on workqueue stream");
      }
    }
  }
  if (ApiStatus failed = check_update(bus_, consumer, config)) return failed;
  consumer.update(config);
  if (const Status written = write_consumer_meta(consumer); !written) return api_errors::consumer_create(written.error().detail);
  if (config_.retention == Retention::interest) remove_unwanted({});
  return std::nullopt;
}

ApiStatus Stream::put_consumer(const ConsumerRequest& request, std::string name, Consumer*& consumer) {
  ConsumerConfig config = request.config;
  if (ApiStatus failed = normalise(config, config_)) return failed;
  if (const auto it = consumers_.find(name); it != consumers_.end()) {
    consumer = it->second.get();
    set_inactive_threshold(config, consumer->config().is_durable());
    return update_consumer(request, config, *consumer);
  }
  set_inactive_threshold(config, config.is_durable());
  if (request.action == ConsumerRequest::Action::update) return api_errors::consumer_missing();
  if (ApiStatus failed = check_consumer(config)) return failed;
  if (ApiStatus failed = check_consumer_name(config, name)) return failed;
  Result<Consumer*> made = add_consumer(std::move(config), std::move(name), env_.clock.wall_now(), /*is_recovered=*/false);
  if (!made) return api_errors::consumer(10104, "error creating store for consumer: " + made.error().detail);
  consumer = *made;
  if (!consumer->config().direct) context_.advisories.consumer_action(config_.name, consumer->name(), "create");
  return std::nullopt;
}

Status Stream::write_consumer_meta(const Consumer& consumer) {
  if (!consumer.is_stored()) return {};
  JsonWriter json;
  json.begin_object().field("Created", consumer.created()).field("Name", consumer.name());
  write_consumer_config_fields(json, consumer.config());
  // Ours alone, and nothing to nats-server, which passes over members that it does not know.
  if (consumer.filters_since().value > 0 && config_.retention == Retention::work_queue) {
    json.field("windtunnel_filters_since", consumer.filters_since().value);
  }
  json.end_object();
  return core::write_meta(env_, directory() + "/obs/" + consumer.name(), config_.name + "/" + consumer.name(), json.view());
}

Result<Consumer*> Stream::add_consumer(ConsumerConfig config, std::string name, WallTime created, bool is_recovered) {
  const bool is_stored = !config.direct && !config.mem_storage && config_.storage == StorageType::file;
  auto made = std::make_unique<Consumer>(env_, bus_, static_cast<ConsumerHost&>(*this), std::move(config), name, created, is_stored);
  Consumer* const consumer = made.get();
  consumers_[name] = std::move(made);  // before the first suspension, so that nothing stored meanwhile is missed
  std::unique_ptr<ConsumerStore> store;
  const auto fail = [&](const Error& failure) -> Result<Consumer*> {
    // Out of the map before it suspends, so that nobody finds it on its way out.
    const std::unique_ptr<Consumer> gone = std::move(consumers_[name]);
    consumers_.erase(name);
    gone->stop({});
    return failure;
  };
  if (is_stored) {
    const std::string obs = directory() + "/obs/" + name;
    // What a power loss has left of a deleted consumer is not the state of the next one of its name.
    if (!is_recovered) {
      if (const Status cleared = env_.disk.remove_all(obs); !cleared) return fail(cleared.error());
    }
    Result<std::unique_ptr<ConsumerStore>> opened =
        open_consumer_store(env_, context_.settings, obs, [consumer] { return consumer->stored_state(); });
    if (!opened) return fail(opened.error());
    store = std::move(*opened);
    if (!is_recovered) {
      if (const Status written = write_consumer_meta(*consumer); !written) return fail(written.error());
    }
  }
  if (const Status started = consumer->start(std::move(store)); !started) return fail(started.error());
  env_.log.info("consumer.created", {{"stream", config_.name}, {"consumer", name}, {"recovered", is_recovered}});
  return consumer;
}

// A sequence that was delivered was used, whatever a crash has left of the stream, and must not be used again (streams I.5). Not
// so in a mirror: what it has lost its origin gives again, under the same sequences.
void Stream::raise_to_delivered(const std::vector<DirectoryEntry>& consumers) {
  if (!repairs_positions(env_.defects) || config_.mirror) return;
  Seq delivered;
  for (const DirectoryEntry& entry : consumers) {
    const Result<std::string> bytes = env_.disk.read_file(directory() + "/obs/" + entry.name + "/o.dat");
    if (!bytes) continue;
    const Result<ConsumerState> state = decode_consumer_state(*bytes);
    // One that was delivered nothing may begin anywhere.
    if (state && state->delivered.consumer > 0) delivered = std::max(delivered, state->delivered.stream);
  }
  const Seq last = store_->last_seq();
  if (delivered <= last) return;
  env_.log.warn("stream.behind_consumer", {{"stream", config_.name}, {"last_seq", last.value}, {"delivered", delivered.value}});
  if (const Status raised = store_->skip_through(delivered, env_.clock.wall_now()); !raised) {
    env_.log.error("stream.raise_failed", {{"stream", config_.name}, {"error", raised.error().text()}});
  }
}

void Stream::recover_consumers() {
  if (config_.storage == StorageType::memory) return;
  const Result<std::vector<DirectoryEntry>> entries = env_.disk.list(directory() + "/obs");
  if (!entries) return;
  raise_to_delivered(*entries);
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory) continue;
    const auto complain = [&](std::string_view what) {
      env_.log.error("consumer.recovery_failed", {{"stream", config_.name}, {"consumer", entry.name}, {"error", what}});
    };
    const Result<std::string> meta = read_meta(env_, directory() + "/obs/" + entry.name, config_.name + "/" + entry.name);
    if (!meta) {
      complain(meta.error().text());
      continue;
    }
    std::string created;
    Seq filters_since;
    Result<ConsumerConfig> config = parse_consumer_config(*meta, &created, &filters_since);
    if (!config) {
      complain(config.error().text());
      continue;
    }
    const WallTime when = parse_rfc3339(created).value_or(env_.clock.wall_now());
    const Result<Consumer*> added = add_consumer(std::move(*config), entry.name, when, /*is_recovered=*/true);
    if (!added) {
      complain(added.error().text());
    } else {
      (*added)->set_filters_since(filters_since);
    }
  }
  if (!consumers_.empty()) remove_unwanted({});
}

// Whether every consumer that the message matters to is done with it. On a work queue somebody must have been.
bool Stream::is_unwanted(Seq seq, std::string_view subject) const {
  if (config_.retention == Retention::work_queue && env_.defects.is_on(Defect::nats_5697)) {
    const auto is_below_floor = [&](const auto& c) { return seq <= c.second->ack_floor(); };
    return std::any_of(consumers_.begin(), consumers_.end(), is_below_floor);
  }
  bool has_owner = config_.retention == Retention::interest;
  for (const auto& [name, consumer] : consumers_) {
    if (consumer->needs(seq, subject)) return false;
    has_owner = has_owner || (!consumer->config().direct && consumer->is_done_with(seq, subject));
  }
  return has_owner;
}

// Removes what retention does not keep any more, of the messages that match (none: of all). Suspends.
void Stream::remove_unwanted(const std::vector<std::string>& filters) {
  if (config_.retention == Retention::limits) return;
  for (Seq from{1};;) {
    const Result<std::optional<StoredMessage>> message = store_->load_next(filters, from);
    if (!message || !*message || is_closed_) return;
    const Seq seq = (*message)->seq;
    from = seq.next();
    if (!is_unwanted(seq, (*message)->subject)) continue;
    if (const Result<bool> removed = remove(seq, /*erase=*/false); !removed) {
      env_.log.error("stream.remove_failed", {{"stream", config_.name}, {"seq", seq.value}, {"error", removed.error().text()}});
      return;
    }
  }
}

Consumer* Stream::consumer(std::string_view name) {
  const auto it = consumers_.find(name);
  return it == consumers_.end() ? nullptr : it->second.get();
}

std::vector<Consumer*> Stream::consumers() {
  std::vector<Consumer*> out;
  for (const auto& [name, consumer] : consumers_) {
    if (!consumer->config().direct) out.push_back(consumer.get());
  }
  return out;
}

bool Stream::delete_consumer(std::string_view name) {
  const auto it = consumers_.find(name);
  if (it == consumers_.end()) return false;
  // Out of the map before the first suspension, so that nobody finds it on its way out.
  const std::unique_ptr<Consumer> gone = std::move(it->second);
  consumers_.erase(it);
  gone->destroy();
  env_.log.info("consumer.deleted", {{"stream", config_.name}, {"consumer", gone->name()}});
  if (!gone->config().direct) context_.advisories.consumer_action(config_.name, gone->name(), "delete");
  // What only this one was interested in goes; with the last consumer everything (streams B.3), as by a purge.
  if (config_.retention == Retention::interest && !is_closed_) {
    is_begun_ = is_begun_ || consumers_.empty();
    remove_unwanted(gone->config().filters());
  }
  return true;
}

}  // namespace windtunnel::core
