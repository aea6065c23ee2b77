// A stream's consumers: creating, finding, recovering and deleting them (reference: jetstream-api 5, streams B.2 and F.1).

#include <algorithm>
#include <utility>

#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/stream.h"
#include "core/nats/subject.h"
#include "core/store/meta_file.h"

namespace windtunnel::core {
namespace {

// What an update may not change (jetstream-api 5.4).
ApiStatus check_update(const ConsumerConfig& old, const ConsumerConfig& next) {
  const auto fixed = [](const char* what) { return api_errors::consumer_create(std::string(what) + " can not be updated"); };
  if (old.deliver_policy != next.deliver_policy) return fixed("deliver policy");
  if (old.opt_start_seq != next.opt_start_seq) return fixed("start sequence");
  if (old.opt_start_time != next.opt_start_time) return fixed("start time");
  if (old.ack_policy != next.ack_policy) return fixed("ack policy");
  if (old.replay_policy != next.replay_policy) return fixed("replay policy");
  if (old.idle_heartbeat != next.idle_heartbeat) return fixed("heart beats");
  if (old.flow_control != next.flow_control) return fixed("flow control");
  if (old.is_pull() && !next.is_pull()) return api_errors::consumer_create("can not update pull consumer to push based");
  if (!old.is_pull() && next.is_pull()) return api_errors::consumer_create("can not update push consumer to pull based");
  if (old.max_waiting != next.max_waiting) return fixed("max waiting");
  if (old.deliver_subject != next.deliver_subject) return api_errors::consumer(10013, "consumer name already in use");
  return std::nullopt;
}

// On a work queue each message has one owner (streams B.2).
ApiStatus check_work_queue(const ConsumerConfig& config, const std::vector<const ConsumerConfig*>& others) {
  if (config.is_pull() && config.ack_policy == AckPolicy::none) return api_errors::consumer(10084, "consumer in pull mode requires ack policy");
  if (config.direct) return std::nullopt;
  if (config.ack_policy != AckPolicy::explicit_) return api_errors::consumer(10098, "workqueue stream requires explicit ack");
  const std::vector<std::string> filters = config.filters();
  if (!others.empty() && filters.empty()) {
    return api_errors::consumer(10099, "multiple non-filtered consumers not allowed on workqueue stream");
  }
  for (const ConsumerConfig* other : others) {
    const std::vector<std::string> theirs = other->filters();
    const bool is_overlapping = theirs.empty() || std::any_of(filters.begin(), filters.end(), [&](const std::string& mine) {
                                  return std::any_of(theirs.begin(), theirs.end(), [&](const std::string& t) { return collide(mine, t); });
                                });
    if (is_overlapping) return api_errors::consumer(10100, "filtered consumer not unique on workqueue stream");
  }
  if (config.deliver_policy != DeliverPolicy::all) {
    return api_errors::consumer(10101, "consumer must be deliver all on workqueue stream");
  }
  return std::nullopt;
}

}  // namespace

ApiStatus Stream::check_consumer(const ConsumerConfig& config, std::string_view name) const {
  std::vector<const ConsumerConfig*> others;
  std::int64_t visible = 0;
  for (const auto& [other_name, other] : consumers_) {
    if (other_name != name) others.push_back(&other->config());
    visible += other->config().direct ? 0 : 1;
  }
  if (!config.direct && config_.max_consumers > 0 && visible >= config_.max_consumers && consumers_.find(name) == consumers_.end()) {
    return api_errors::max_consumers();
  }
  if (config_.retention == Retention::work_queue) return check_work_queue(config, others);
  return std::nullopt;
}

ApiStatus Stream::put_consumer(const ConsumerRequest& request, std::string name, Consumer*& consumer) {
  ConsumerConfig config = request.config;
  if (ApiStatus failed = normalise(config, config_)) return failed;
  if (const auto it = consumers_.find(name); it != consumers_.end()) {
    consumer = it->second.get();
    if (consumer->config() == config) return std::nullopt;
    if (request.action == ConsumerRequest::Action::create) return api_errors::consumer_exists();
    if (ApiStatus failed = check_update(consumer->config(), config)) return failed;
    if (ApiStatus failed = check_consumer(config, name)) return failed;
    consumer->update(config);
    return std::nullopt;
  }
  if (request.action == ConsumerRequest::Action::update) return api_errors::consumer_missing();
  if (ApiStatus failed = check_consumer(config, name)) return failed;
  Result<Consumer*> made = add_consumer(std::move(config), std::move(name), env_.clock.wall_now(), /*is_recovered=*/false);
  if (!made) return api_errors::consumer_create(made.error().detail);
  consumer = *made;
  return std::nullopt;
}

Result<Consumer*> Stream::add_consumer(ConsumerConfig config, std::string name, WallTime created, bool is_recovered) {
  auto made = std::make_unique<Consumer>(env_, bus_, static_cast<ConsumerHost&>(*this), std::move(config), name, created);
  Consumer* const consumer = made.get();
  consumers_[name] = std::move(made);  // before the first suspension, so that nothing stored meanwhile is missed
  std::unique_ptr<ConsumerStore> store;
  const bool is_kept = !consumer->config().direct && !consumer->config().mem_storage && config_.storage == StorageType::file;
  const auto fail = [&](const Error& failure) -> Result<Consumer*> {
    consumers_.erase(name);
    return failure;
  };
  if (is_kept) {
    const std::string where = directory() + "/obs/" + name;
    Result<std::unique_ptr<ConsumerStore>> opened =
        open_consumer_store(env_, context_.settings, where, [consumer] { return consumer->state(); });
    if (!opened) return fail(opened.error());
    store = std::move(*opened);
    if (!is_recovered) {
      JsonWriter json;
      json.begin_object().field("Created", created).field("Name", name);
      write_consumer_config_fields(json, consumer->config());
      json.end_object();
      if (const Status written = core::write_meta(env_, where, config_.name + "/" + name, json.view()); !written) return fail(written.error());
    }
  }
  if (const Status started = consumer->start(std::move(store)); !started) return fail(started.error());
  env_.log.info("consumer.created", {{"stream", config_.name}, {"consumer", name}, {"recovered", is_recovered}});
  return consumer;
}

void Stream::recover_consumers() {
  if (config_.storage == StorageType::memory) return;
  const Result<std::vector<DirectoryEntry>> entries = env_.disk.list(directory() + "/obs");
  if (!entries) return;
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
    Result<ConsumerConfig> config = parse_consumer_config(*meta, &created);
    if (!config) {
      complain(config.error().text());
      continue;
    }
    const WallTime when = parse_rfc3339(created).value_or(env_.clock.wall_now());
    const Result<Consumer*> added = add_consumer(std::move(*config), entry.name, when, /*is_recovered=*/true);
    if (!added) complain(added.error().text());
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
  return true;
}

}  // namespace windtunnel::core
