#include "core/jetstream/stream.h"

#include <algorithm>
#include <utility>

#include "core/base/data_hash.h"
#include "core/base/defects.h"
#include "core/base/json_writer.h"
#include "core/env/clock.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/advisories.h"
#include "core/jetstream/direct_get.h"
#include "core/jetstream/mirror.h"
#include "core/jetstream/source_set.h"
#include "core/jetstream/store_usage.h"
#include "core/nats/headers.h"
#include "core/nats/subject.h"
#include "core/store/file_store.h"
#include "core/store/memory_store.h"
#include "core/store/meta_file.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kInboxMax = 1u << 20;  // messages; more are dropped, and their publishers time out

}  // namespace

Result<std::unique_ptr<Stream>> Stream::open(const StreamContext& context, StreamConfig config, WallTime created) {
  StreamStoreOptions options;
  options.name = config.name;
  options.directory = context.streams_directory + "/" + config.name;
  options.limits = store_limits(config);
  options.block_size = block_size_for(config);
  options.compression = config.compression;
  options.first_seq = config.first_seq;
  options.holds_expired = !config.sources.empty() && config.max_age.count() > 0;
  std::unique_ptr<StreamStore> store;
  if (config.storage == StorageType::memory) {
    store = make_memory_store(context.env, std::move(options));
  } else {
    WT_TRY(store, open_file_store(context.env, context.settings, std::move(options)));
  }
  std::unique_ptr<Stream> stream{new Stream(context, std::move(config), created, std::move(store))};
  if (stream->store_->holds_expired()) {
    // How far its sources have come the last messages tell, which a kill may have kept from being noted.
    stream->sources_->before_purge();
    if (const Status expired = stream->store_->let_expire(); !expired)
      context.env.log.error("stream.store_failed", {{"stream", stream->config_.name}, {"error", expired.error().text()}});
  }
  return stream;
}

Stream::Stream(const StreamContext& context, StreamConfig config, WallTime created, std::unique_ptr<StreamStore> store)
    : context_(context),
      env_(context.env),
      bus_(context.bus),
      config_(std::move(config)),
      created_(created),
      store_(std::move(store)),
      rewrites_(config_),
      dedupe_(config_.duplicate_window),
      inbox_(env_.tasks, kInboxMax),
      storing_(env_.tasks),
      scope_(env_.tasks) {
  is_begun_ = config_.first_seq == Seq{1};
  store_->on_removed([this](Seq seq, std::string_view subject) {
    for (const auto& [name, consumer] : consumers_) consumer->on_removed(seq, subject, purges_ > 0);
  });
  if (config_.mirror) mirror_ = std::make_unique<Mirror>(*this, *config_.mirror);
  if (!config_.sources.empty()) sources_ = std::make_unique<SourceSet>(*this, config_.sources, /*is_added=*/false);
}

Stream::~Stream() {
  for (const SubscriptionId id : subscriptions_) bus_.unsubscribe(id);
}

Status Stream::write_meta() {
  if (config_.storage == StorageType::memory) return {};
  JsonWriter json;
  json.begin_object().field("Created", created_);
  write_stream_config_fields(json, config_);
  json.end_object();
  return core::write_meta(env_, directory(), config_.name, json.view());
}

void Stream::start() {
  subscribe();
  serve_direct_gets();
  scope_.spawn("stream " + config_.name, [this] { ingest_loop(); });
  if (mirror_) mirror_->start();
  if (sources_) sources_->start();
}

void Stream::subscribe() {
  for (const SubscriptionId id : std::exchange(subscriptions_, {})) bus_.unsubscribe(id);
  for (const std::string& subject : config_.subjects) {
    subscriptions_.push_back(bus_.subscribe(subject, "", [this](const MessageView& message, bool) {
      if (!inbox_.try_push(Message{message})) env_.log.warn("stream.overrun", {{"stream", config_.name}});
    }));
  }
}

// Begins or ends them, as the configuration says. Suspends only to end them.
void Stream::serve_direct_gets() {
  // For its own name or, once it has caught up, its origin's: one does not go with the other.
  const bool is_wanted = config_.allow_direct || (config_.mirror && config_.mirror_direct);
  const bool is_as_wanted = direct_get_ ? is_wanted && direct_get_->serves(config_.name) == config_.allow_direct : !is_wanted;
  if (is_as_wanted) return;
  if (direct_get_) {
    // Out of its place before it suspends.
    const std::unique_ptr<DirectGet> gone = std::move(direct_get_);
    gone->stop();
  }
  if (!is_wanted) return;
  direct_get_ = std::make_unique<DirectGet>(env_, bus_, *store_, config_.name);
  if (config_.allow_direct) direct_get_->serve(config_.name);
}

void Stream::caught_up() {
  if (direct_get_ && config_.mirror_direct && config_.mirror) direct_get_->serve(config_.mirror->name);
}

// What both kinds of end have in common: nothing comes in any more, and no task of the stream runs.
void Stream::end(std::string_view why, bool is_destroyed) {
  is_closed_ = true;
  for (const SubscriptionId id : std::exchange(subscriptions_, {})) bus_.unsubscribe(id);
  if (mirror_) mirror_->stop(is_destroyed);
  if (sources_) sources_->stop(is_destroyed);
  if (direct_get_) direct_get_->stop();
  inbox_.clear();
  inbox_.close();
  scope_.join();
  for (const auto& [name, consumer] : consumers_) {
    if (is_destroyed) {
      consumer->destroy();
      if (!consumer->config().direct) context_.advisories.consumer_action(config_.name, name, "delete");
    } else {
      consumer->stop(why);
    }
  }
}

void Stream::stop(std::string_view why) {
  if (is_closed_) return;
  end(why, /*is_destroyed=*/false);
  if (const Status stopped = store_->stop(); !stopped) {
    env_.log.error("stream.store_failed", {{"stream", config_.name}, {"error", stopped.error().text()}});
  }
}

Status Stream::destroy() {
  end({}, /*is_destroyed=*/true);
  consumers_.clear();
  return store_->destroy();
}

Status Stream::update(StreamConfig config) {
  const bool has_new_subjects = config.subjects != config_.subjects;
  const bool becomes_interest = config.retention == Retention::interest && config_.retention != Retention::interest;
  if (mirror_ && !config.mirror) {  // an ordinary stream from now on: nobody else stores in it when the first publish comes
    const std::unique_ptr<Mirror> gone = std::move(mirror_);
    gone->stop(/*is_final=*/true);
    is_dedupe_loaded_ = false;
  }
  config_ = std::move(config);
  rewrites_ = Rewrites{config_};
  dedupe_.set_window(config_.duplicate_window);
  if (has_new_subjects) subscribe();
  serve_direct_gets();
  if (sources_) sources_->before_purge();
  if (mirror_) mirror_->before_purge();
  WT_CHECK(store_->set_limits(store_limits(config_)));
  WT_CHECK(write_meta());
  update_sources();
  if (becomes_interest && !consumers_.empty()) remove_unwanted({});
  return {};
}

// Sources come and go while the others read on. Suspends.
void Stream::update_sources() {
  if (sources_) {
    sources_->update(config_.sources);  // it stays even without any: somebody may wait for its notes
  } else if (!config_.sources.empty()) {
    sources_ = std::make_unique<SourceSet>(*this, config_.sources, /*is_added=*/true);
    sources_->start();
  }
}

// Every message stored, whichever way it came, passes here. Does not suspend.
void Stream::stored(Seq seq, const NewMessage& message, WallTime time) {
  env_.log.trace("stream.stored", {{"stream", config_.name},
                                   {"seq", seq.value},
                                   {"subject", message.subject},
                                   {"content", content_hash(message.headers, message.payload)},
                                   {"time", time.unix_ns}});
  context_.usage.note_stored(config_.storage, message.subject.size() + message.headers.size() + message.payload.size());
  for (const auto& [name, consumer] : consumers_) consumer->on_stored(seq, message.subject);
}

Seq Stream::previous_of(std::string_view subject) const { return rewrites_.republishes() ? store_->last_seq_of(subject) : Seq{0}; }

void Stream::republish(const NewMessage& message, Seq seq, WallTime time, Seq previous) const {
  rewrites_.republish(bus_, message, seq, time, previous);
}

// For a reason of the stream's own, not by a limit of the store. Suspends.
Result<bool> Stream::remove(Seq seq, bool erase) {
  if (sources_) sources_->before_removal(seq);
  return store_->remove(seq, erase);
}

ApiStatus Stream::remove_message(Seq seq, bool erase) {
  if (config_.sealed) return api_errors::sealed();
  if (config_.deny_delete) return api_errors::message_delete("message delete not permitted");
  const auto uncounted = [](ApiError failure) {
    failure.is_counted = false;
    return failure;
  };
  if (const Status ready = store_->ready(); !ready) return uncounted(api_errors::message_delete(ready.error().detail));
  if (config_.storage == StorageType::file) {  // a memory store does not tell these apart
    const StreamState state = store_->state();
    if (seq > state.last_seq) return uncounted(api_errors::message_delete("stream store EOF"));
    if (seq < state.first_seq || seq.value == 0) return uncounted(api_errors::message_delete("no message found"));
  }
  if (mirror_) mirror_->before_removal(seq);
  const Result<bool> removed = remove(seq, erase);
  if (!removed) return uncounted(api_errors::message_delete(removed.error().detail));
  if (!*removed) return uncounted(api_errors::sequence_not_found(std::to_string(seq.value)));
  return std::nullopt;
}

ApiStatus Stream::purge(const PurgeRequest& request, std::uint64_t& purged) {
  if (config_.sealed) return api_errors::sealed();
  if (config_.deny_purge) return api_errors::purge_failed("stream purge not permitted");
  // Up to a sequence, whatever the subject: then this is the first one, even if it lies beyond the last.
  const bool is_of_all = (request.filter.empty() || request.filter == ">") && request.keep == 0;
  const bool is_compaction = is_of_all && request.below.value > 1;
  if (sources_) sources_->before_purge();
  if (mirror_ && request.keep == 0) mirror_->before_purge();
  ++purges_;
  const Result<std::uint64_t> done = is_compaction ? store_->compact(request.below) : store_->purge(request);
  --purges_;
  if (!done) return api_errors::purge_failed(done.error().detail);
  purged = *done;
  is_begun_ = is_begun_ || (is_of_all && request.below.value == 0);
  for (const auto& [name, consumer] : consumers_) consumer->on_purged(request.filter);
  env_.log.info("stream.purged", {{"stream", config_.name}, {"messages", purged}});
  return std::nullopt;
}

void Stream::inactive(const std::string& consumer) { context_.consumer_inactive(config_.name, consumer); }

// Whether retention lets the message go now (streams B.3). Suspends.
bool Stream::acknowledged(Consumer& consumer, Seq seq) {
  if (config_.retention == Retention::limits) return true;
  if (is_closed_) return false;
  if (env_.defects.is_on(Defect::break_ack_removal) && seq.value % 7 == 0) return true;
  if (consumers_.size() > 1 && !env_.defects.is_on(Defect::break_interest)) {
    const Result<StoredMessage> message = store_->load(seq);  // suspends; another consumer may be gone afterwards
    if (!message) return message.error().code == Errc::not_found || message.error().code == Errc::corrupt;
    if (is_closed_) return false;
    for (const auto& [name, other] : consumers_) {
      if (other.get() != &consumer && other->needs(seq, message->subject)) return true;
    }
  }
  const Result<bool> removed = remove(seq, /*erase=*/false);
  if (!removed) {
    env_.log.error("stream.remove_failed", {{"stream", config_.name}, {"seq", seq.value}, {"error", removed.error().text()}});
  }
  return removed.has_value();
}

void Stream::write_info(JsonWriter& json, const InfoOptions& options) const {
  json.key("config").begin_object();
  write_stream_config_fields(json, config_);
  json.end_object().field("created", created_);
  const StreamState state = store_->state();
  const auto time = [](WallTime t) { return t.unix_ns == 0 ? std::string(kZeroTimeText) : rfc3339(t); };
  json.key("state").begin_object();
  json.field("messages", state.messages)
      .field("bytes", state.bytes.value)
      .field("first_seq", is_begun_ ? std::max<std::uint64_t>(state.first_seq.value, 1) : state.first_seq.value)
      .field("first_ts", time(state.first_time))
      .field("last_seq", state.last_seq.value)
      .field("last_ts", time(state.last_time));
  if (state.num_subjects > 0) json.field("num_subjects", state.num_subjects);
  if (!options.subjects_filter.empty()) {
    const std::map<std::string, std::uint64_t> counts = store_->subject_counts(options.subjects_filter);
    std::uint64_t at = 0;
    if (options.subjects_offset < counts.size()) {
      json.key("subjects").begin_object();
      for (const auto& [subject, count] : counts) {
        if (at >= options.subjects_offset && at - options.subjects_offset < kSubjectsPage) json.field(subject, count);
        ++at;
      }
      json.end_object();
    }
  }
  if (state.num_deleted > 0) json.field("num_deleted", state.num_deleted);
  if (options.has_deleted_details && state.num_deleted > 0) {
    json.key("deleted").begin_array();
    for (const Seq seq : store_->deleted()) json.number(seq.value);
    json.end_array();
  }
  if (!state.lost.empty() || state.lost_bytes.value > 0) {
    json.key("lost").begin_object().key("msgs");
    if (state.lost.empty()) {
      json.null();
    } else {
      json.begin_array();
      for (const Seq seq : state.lost) json.number(seq.value);
      json.end_array();
    }
    json.field("bytes", state.lost_bytes.value).end_object();
  }
  std::uint64_t visible = 0;
  for (const auto& [name, consumer] : consumers_) visible += consumer->config().direct ? 0 : 1;
  json.field("consumer_count", visible).end_object();
  if (options.has_domain && !context_.domain.empty()) json.field("domain", context_.domain);
  if (options.has_leader) {
    json.key("cluster").begin_object();
    if (!context_.cluster.empty()) json.field("name", context_.cluster);
    json.field("leader", context_.server_name).end_object();
  }
  if (mirror_) {
    json.key("mirror");
    mirror_->write_info(json);
  }
  if (sources_ && !sources_->all().empty()) {
    json.key("sources");
    sources_->write_info(json);
  }
  json.field("ts", env_.clock.wall_now());
}

}  // namespace windtunnel::core
