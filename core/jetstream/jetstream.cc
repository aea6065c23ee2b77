#include "core/jetstream/jetstream.h"

#include <algorithm>
#include <utility>

#include "core/base/defects.h"
#include "core/base/time_text.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/jetstream/api.h"
#include "core/nats/subject.h"
#include "core/store/meta_file.h"

namespace windtunnel::core {
namespace {

// As nats-server; above it the whole queue is dropped there. Ours drops the request that does not fit.
constexpr std::size_t kRequestsMax = 10'000;
constexpr std::string_view kStreamsDirectory = "jetstream/$G/streams";

}  // namespace

JetStream::JetStream(Env& env, Bus& bus, JetStreamConfig config)
    : env_(env),
      bus_(bus),
      config_(std::move(config)),
      advisories_(env, bus, config_.domain),
      usage_(config_.max, [this](StorageType storage) { return used(storage); }),
      context_{env,
               bus,
               advisories_,
               usage_,
               readings_,
               config_.store,
               config_.domain,
               config_.server_name,
               config_.cluster,
               std::string(kStreamsDirectory),
               [this](const std::string& stream, const std::string& consumer) {
                 requests_.try_push(Request{stream, {}, consumer, std::nullopt, true});
               },
               nullptr},
      requests_(env.tasks, kRequestsMax),
      api_(std::make_unique<Api>(*this)),
      scope_(env.tasks) {}

JetStream::~JetStream() {
  for (const SubscriptionId id : subscriptions_) bus_.unsubscribe(id);
}

Status JetStream::start() {
  WT_CHECK(env_.disk.make_directories(kStreamsDirectory));
  recover();
  // What is no request of ours is taken and not answered, as at nats-server. Pull requests and direct gets are not routed here:
  // consumers and streams subscribe to their own, and without the consumer or the stream there must be no responder.
  subscribe("$JS.API.>");
  scope_.spawn("jetstream api", [this] { serve_loop(); });
  return {};
}

void JetStream::subscribe(std::string_view subject) {
  subscriptions_.push_back(bus_.subscribe(subject, "", [this](const MessageView& message, bool) {
    requests_.try_push(
        Request{std::string(message.subject), std::string(message.reply), std::string(message.payload), bus_.publisher(), false});
  }));
}

StreamLookup JetStream::lookup() const {
  return [this](std::string_view name) -> const StreamConfig* {
    const auto it = streams_.find(name);
    return it == streams_.end() ? nullptr : &it->second->config();
  };
}

void JetStream::recover() {
  const Result<std::vector<DirectoryEntry>> entries = env_.disk.list(kStreamsDirectory);
  if (!entries) {
    env_.log.error("jetstream.recovery_failed", {{"error", entries.error().text()}});
    return;
  }
  for (const DirectoryEntry& entry : *entries) {
    const std::string directory = std::string(kStreamsDirectory) + "/" + entry.name;
    if (!entry.is_directory) continue;
    if (entry.name.starts_with(".")) {  // was being deleted
      if (const Status gone = env_.disk.remove_all(directory); !gone) {
        env_.log.warn("jetstream.leftover", {{"directory", directory}, {"error", gone.error().text()}});
      }
      continue;
    }
    const auto complain = [&](std::string_view what) {
      env_.log.error("stream.recovery_failed", {{"stream", entry.name}, {"error", what}});
    };
    const Result<std::string> meta = read_meta(env_, directory, entry.name);
    if (!meta) {  // never deletes data because metadata is unreadable
      complain(meta.error().text());
      if (env_.defects.is_on(Defect::break_orphans)) static_cast<void>(env_.disk.remove_all(directory));
      continue;
    }
    std::string created;
    Result<StreamConfig> config = parse_stream_config(*meta, &created);
    if (!config) {
      complain(config.error().text());
      continue;
    }
    StreamConfig normalised;
    // What other streams say was checked when it was created, and need not hold in the order of the directory.
    const StreamLookup no_other = [](std::string_view) -> const StreamConfig* { return nullptr; };
    if (const ApiStatus failed = normalise(*config, no_other, normalised)) {
      complain(failed->description);
      continue;
    }
    // One that cannot be made does nothing; the messages are none the worse for it.
    if (const ApiStatus failed = check_transforms(normalised))
      env_.log.error("stream.bad_transform", {{"stream", entry.name}, {"error", failed->description}});
    // A mirror reproduces its origin, duplicates included: nats-server takes back at its start what was asked for (streams A.5).
    if (normalised.mirror) normalised.duplicate_window = Duration{0};
    const WallTime when = parse_rfc3339(created).value_or(env_.clock.wall_now());
    Result<std::unique_ptr<Stream>> stream = Stream::open(context_, std::move(normalised), when);
    if (!stream) {
      complain(stream.error().text());
      continue;
    }
    const StreamState state = (*stream)->store().state();
    env_.log.info("stream.recovered", {{"stream", entry.name},
                                       {"messages", state.messages},
                                       {"first_seq", state.first_seq.value},
                                       {"last_seq", state.last_seq.value},
                                       {"lost", state.lost.size()}});
    streams_[entry.name] = std::move(*stream);
  }
  for (const auto& [name, stream] : streams_) stream->recover_consumers();
  for (const auto& [name, stream] : streams_) stream->start();
}

void JetStream::stop() {
  if (is_closed_) return;
  is_closed_ = true;
  for (const SubscriptionId id : std::exchange(subscriptions_, {})) bus_.unsubscribe(id);
  requests_.clear();
  requests_.close();
  scope_.join();
  for (const auto& [name, stream] : streams_) stream->stop("409 Server Shutdown");
}

Stream* JetStream::stream(std::string_view name) {
  const auto it = streams_.find(name);
  return it == streams_.end() ? nullptr : it->second.get();
}

std::vector<Stream*> JetStream::streams() {
  std::vector<Stream*> out;
  for (const auto& [name, stream] : streams_) out.push_back(stream.get());
  return out;
}

std::uint64_t JetStream::used(StorageType storage) const {
  std::uint64_t bytes = 0;
  for (const auto& [name, stream] : streams_) {
    if (stream->config().storage == storage) bytes += stream->store().state().bytes.value;
  }
  return bytes;
}

// Whether what a stream asks for is there, besides what the others reserve.
ApiStatus JetStream::check_reserves(const StreamConfig& config) const {
  if (config.max_bytes <= 0) return std::nullopt;
  const bool is_memory = config.storage == StorageType::memory;
  std::int64_t left = usage_.max().of(config.storage);
  for (const auto& [name, other] : streams_) {
    if (name != config.name && other->config().storage == config.storage) left -= std::max<std::int64_t>(0, other->config().max_bytes);
  }
  if (config.max_bytes <= left) return std::nullopt;
  return is_memory ? api_errors::insufficient_memory() : api_errors::insufficient_storage();
}

ApiStatus JetStream::check_overlap(const StreamConfig& config) const {
  for (const auto& [name, other] : streams_) {
    if (name == config.name) continue;
    for (const std::string& theirs : other->config().subjects) {
      for (const std::string& ours : config.subjects) {
        if (collide(theirs, ours)) return api_errors::subjects_overlap();
      }
    }
  }
  return std::nullopt;
}

void JetStream::serve_loop() {
  while (const std::optional<Request> request = requests_.pop("API requests")) {
    if (request->is_internal) {
      if (Stream* found = stream(request->subject); found != nullptr) found->delete_consumer(request->body);
      continue;
    }
    const Api::Answer answer = api_->serve(request->subject, request->body);
    if (answer.is_counted) ++api_total_;
    if (answer.is_error) ++api_errors_;
    if (is_closed_ || answer.json.empty()) continue;
    if (!request->reply.empty()) {
      bus_.publish(MessageView{.subject = request->reply, .reply = {}, .headers = {}, .payload = answer.json});
    }
    if (answer.is_counted) advisories_.api_audit({config_.server_name, request->client, request->subject, request->body, answer.json});
  }
}

}  // namespace windtunnel::core
