// The API's stream and message requests (reference: jetstream-api 3 and 4).

#include <algorithm>
#include <utility>

#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/api.h"
#include "core/jetstream/json_fields.h"
#include "core/jetstream/mirror.h"
#include "core/nats/subject.h"
#include "core/nats/subject_transform.h"

namespace windtunnel::core {
namespace {

constexpr std::uint64_t kNamesPage = 1024;
constexpr std::uint64_t kListPage = 256;

bool has_subject(const StreamConfig& config, const std::string& filter) {
  return filter.empty() ||
         std::any_of(config.subjects.begin(), config.subjects.end(), [&](const std::string& subject) { return collide(subject, filter); });
}

// A lower limit may not contradict consumers that are there.
ApiStatus check_consumer_limits(Stream& stream, const ConsumerLimits& next) {
  const ConsumerLimits& old = stream.config().consumer_limits;
  if (next == old) return std::nullopt;
  std::string violating;
  for (const Consumer* consumer : stream.consumers()) {
    const ConsumerConfig& config = consumer->config();
    const bool is_too_long = config.inactive_threshold > next.inactive_threshold;
    const bool is_too_many = config.max_ack_pending > next.max_ack_pending;
    const bool is_lower = next.inactive_threshold < old.inactive_threshold || next.max_ack_pending < old.max_ack_pending;
    const bool was_without = (old.inactive_threshold == Duration{0} && next.inactive_threshold != Duration{0}) ||
                             (old.max_ack_pending == 0 && next.max_ack_pending != 0);
    if ((is_lower || was_without) && (is_too_long || is_too_many)) violating += (violating.empty() ? "" : ", ") + consumer->name();
  }
  if (violating.empty()) return std::nullopt;
  return api_errors::stream_update("change to limits violates consumers: " + violating);
}

}  // namespace

bool read_page(std::string_view body, PageRequest& out) {
  if (body.empty()) return true;
  const std::optional<Json> json = parse_request(body);
  return json && read(*json, "offset", out.offset) && read(*json, "subject", out.subject);
}

ApiStatus JetStream::Api::stream_create(const Call& call, JsonWriter& json) {
  Result<StreamConfig> parsed = parse_stream_config(call.body);
  if (!parsed) return api_errors::invalid_json();
  if (parsed->name != call.stream) return api_errors::stream_name_mismatch();
  if (parsed->name.find_first_of("/\\") != std::string::npos) return api_errors::stream_path_separator();
  if (parsed->sealed) return api_errors::stream_config("stream configuration for create can not be sealed");
  if (parsed->mirror_direct && !parsed->mirror) return api_errors::stream_config("stream has no mirror but does have mirror direct");
  StreamConfig config;
  if (ApiStatus failed = normalise(*parsed, js_.lookup(), config)) return failed;
  if (config.num_replicas > 1) return api_errors::replicas_unclustered();
  Stream* stream = js_.stream(config.name);
  if (stream != nullptr) {
    if (!(stream->config() == config)) return api_errors::stream_exists();
  } else {
    if (ApiStatus failed = js_.check_reserves(config)) return failed;
    if (!config.template_owner.empty()) return api_errors::stream_create("stream not owned by template");
    if (ApiStatus failed = js_.check_overlap(config)) return failed;
    if (ApiStatus failed = check_transforms(config)) return failed;
    const std::string name = config.name;
    Result<std::unique_ptr<Stream>> made = Stream::open(js_.context_, std::move(config), js_.env_.clock.wall_now());
    if (!made) return api_errors::stream_create(made.error().detail);
    if (const Status written = (*made)->write_meta(); !written) {
      const Status undone = (*made)->destroy();
      return api_errors::stream_create(written.error().detail + (undone ? "" : "; " + undone.error().detail));
    }
    stream = made->get();
    js_.streams_[name] = std::move(*made);
    stream->start();
    js_.env_.log.info("stream.created", {{"stream", name}});
    js_.advisories_.stream_action(name, "create");
  }
  Stream::InfoOptions options;
  options.has_domain = false;
  stream->write_info(json, options);
  json.field("did_create", true);
  return std::nullopt;
}

// In nats-server's order. Sealing changes what else the configuration says.
ApiStatus JetStream::Api::check_stream_update(Stream& stream, StreamConfig& next) const {
  const StreamConfig& old = stream.config();
  const auto refuse = [](const char* what) { return api_errors::stream_config(what); };
  if (old.max_consumers != next.max_consumers) return refuse("stream configuration update can not change MaxConsumers");
  if (old.storage != next.storage) return refuse("stream configuration update can not change storage type");
  if (old.retention != next.retention && (old.retention == Retention::work_queue || next.retention == Retention::work_queue)) {
    return refuse("stream configuration update can not change retention policy to/from workqueue");
  }
  if (!next.template_owner.empty()) return refuse("stream configuration update can not be owned by a template");
  if (old.sealed && !next.sealed) return refuse("stream configuration update can not unseal a sealed stream");
  if (old.deny_delete && !next.deny_delete) return refuse("stream configuration update can not cancel deny message deletes");
  if (old.deny_purge && !next.deny_purge) return refuse("stream configuration update can not cancel deny purge");
  // A mirror may become an ordinary stream, as from release 2.12 on; what it copies cannot change.
  if (next.mirror && !(old.mirror == next.mirror)) return api_errors::mirror_not_updatable();
  if (next.sealed) {
    next.max_age = Duration{0};
    next.discard = Discard::new_messages;
    next.deny_delete = next.deny_purge = true;
    next.allow_rollup_hdrs = false;
  }
  if (ApiStatus failed = js_.check_reserves(next)) return failed;
  if (ApiStatus failed = check_consumer_limits(stream, next.consumer_limits)) return failed;
  if (ApiStatus failed = js_.check_overlap(next)) return failed;
  if (next.subject_transform && !next.subject_transform->destination.empty()) {
    const SubjectTransformConfig& transform = *next.subject_transform;
    if (const auto made = SubjectTransform::make(transform.source, transform.destination); !made) {
      return api_errors::stream_update("stream configuration for subject transform from '" + transform.source + "' to '" +
                                       transform.destination + "': " + made.error().detail);
    }
  }
  return std::nullopt;
}

ApiStatus JetStream::Api::stream_update(const Call& call, JsonWriter& json) {
  Result<StreamConfig> parsed = parse_stream_config(call.body);
  if (!parsed) return api_errors::invalid_json();
  StreamConfig config;
  if (ApiStatus failed = normalise(*parsed, js_.lookup(), config)) return failed;
  if (config.name != call.stream) return api_errors::stream_name_mismatch();
  Stream* stream = js_.stream(config.name);
  if (stream == nullptr) return api_errors::stream_not_found();
  if (ApiStatus failed = check_stream_update(*stream, config)) return failed;
  if (const ApiStatus failed = check_transforms(config)) return api_errors::stream_update(failed->description);
  if (const Status updated = stream->update(std::move(config)); !updated) return api_errors::stream_update(updated.error().detail);
  js_.advisories_.stream_action(call.stream, "modify");
  stream->write_info(json, {});
  return std::nullopt;
}

ApiStatus JetStream::Api::stream_info(const Call& call, JsonWriter& json) {
  Stream::InfoOptions options;
  options.has_leader = true;
  if (!call.body.empty()) {
    const std::optional<Json> request = parse_request(call.body);
    if (!request || !read(*request, "deleted_details", options.has_deleted_details) ||
        !read(*request, "subjects_filter", options.subjects_filter) || !read(*request, "offset", options.subjects_offset)) {
      return api_errors::invalid_json();
    }
  }
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  if (!options.subjects_filter.empty() || options.has_deleted_details) {
    if (const Status ready = stream->store().ready(); !ready) return api_errors::store_failed(ready.error().detail);
  }
  const std::size_t subjects = options.subjects_filter.empty() ? 0 : stream->store().subject_counts(options.subjects_filter).size();
  if (subjects == 0) {
    json.field("total", 0).field("offset", 0).field("limit", 0);
  } else {
    json.field("total", subjects);
    json.field("offset", options.subjects_offset).field("limit", Stream::kSubjectsPage);
  }
  stream->write_info(json, options);
  return std::nullopt;
}

ApiStatus JetStream::Api::stream_names(const Call& call, JsonWriter& json) {
  PageRequest page;
  if (!read_page(call.body, page)) return api_errors::invalid_json();
  std::vector<std::string> names;
  for (const auto& [name, stream] : js_.streams_) {
    if (has_subject(stream->config(), page.subject)) names.push_back(name);
  }
  page.offset = std::min<std::uint64_t>(page.offset, names.size());
  json.field("total", names.size()).field("offset", page.offset).field("limit", kNamesPage).key("streams");
  if (page.offset == names.size()) {
    json.null();
    return std::nullopt;
  }
  json.begin_array();
  for (std::size_t i = page.offset; i < names.size() && i - page.offset < kNamesPage; ++i) json.text(names[i]);
  json.end_array();
  return std::nullopt;
}

ApiStatus JetStream::Api::stream_list(const Call& call, JsonWriter& json) {
  PageRequest page;
  if (!read_page(call.body, page)) return api_errors::invalid_json();
  std::vector<Stream*> found;
  for (const auto& [name, stream] : js_.streams_) {
    if (has_subject(stream->config(), page.subject)) found.push_back(stream.get());
  }
  page.offset = std::min<std::uint64_t>(page.offset, found.size());
  json.field("total", found.size()).field("offset", page.offset).field("limit", kListPage).key("streams").begin_array();
  for (std::size_t i = page.offset; i < found.size() && i - page.offset < kListPage; ++i) {
    json.begin_object();
    found[i]->write_info(json, {});
    json.end_object();
  }
  json.end_array();
  return std::nullopt;
}

ApiStatus JetStream::Api::stream_delete(const Call& call, JsonWriter& json) {
  if (!is_empty_request(call.body)) return api_errors::not_empty_request();
  const auto it = js_.streams_.find(call.stream);
  if (it == js_.streams_.end()) return api_errors::stream_not_found();
  // Out of the map before the first suspension, so that nobody finds it on its way out.
  const std::unique_ptr<Stream> gone = std::move(it->second);
  js_.streams_.erase(it);
  if (const Status destroyed = gone->destroy(); !destroyed) return api_errors::stream_delete(destroyed.error().detail);
  js_.env_.log.info("stream.deleted", {{"stream", call.stream}});
  js_.advisories_.stream_action(call.stream, "delete");
  json.field("success", true);
  return std::nullopt;
}

ApiStatus JetStream::Api::stream_purge(const Call& call, JsonWriter& json) {
  PurgeRequest request;
  if (!call.body.empty()) {
    const std::optional<Json> body = parse_request(call.body);
    if (!body || !read(*body, "filter", request.filter) || !read(*body, "seq", request.below) || !read(*body, "keep", request.keep)) {
      return api_errors::invalid_json();
    }
  }
  if (request.below.value > 0 && request.keep > 0) return api_errors::bad_request();
  if (request.below > kSeqMax) return api_errors::bad_request();
  Stream* stream = js_.stream(call.stream);
  if (stream == nullptr) return api_errors::stream_not_found();
  std::uint64_t purged = 0;
  if (ApiStatus failed = stream->purge(request, purged)) return failed;
  json.field("success", true).field("purged", purged);
  return std::nullopt;
}

}  // namespace windtunnel::core
