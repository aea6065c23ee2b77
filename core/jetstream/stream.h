// Stream: takes what is published on its subjects (or what its mirror copies), keeps it in a store, and tells its
// consumers (reference: streams A, jetstream-api 3, 4 and 7).
//
// One task works off what was published, in order, so the checks of a publish and its storing are never interleaved with
// another's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env/sync.h"
#include "core/jetstream/api_error.h"
#include "core/jetstream/consumer.h"
#include "core/jetstream/dedupe_window.h"
#include "core/jetstream/rewrites.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/bus.h"
#include "core/store/store_options.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

class Advisories;
class CopyWatcher;
class DirectGet;
class JsonWriter;
class Mirror;
class Source;
class SourceSet;
class StoreUsage;
struct DirectoryEntry;
struct Env;

// What all streams of a node share.
struct StreamContext {
  Env& env;
  Bus& bus;
  Advisories& advisories;
  StoreUsage& usage;
  // How often each copy, by its reader's name, has begun to read since the server started.
  std::map<std::string, std::uint64_t>& readings;
  StoreSettings settings;
  std::string domain;  // may be empty
  std::string server_name;
  std::string cluster;            // may be empty
  std::string streams_directory;  // "jetstream/$G/streams"
  // A consumer was unused for too long; deletes it soon. Does not suspend.
  std::function<void(const std::string& stream, const std::string& consumer)> consumer_inactive;
  CopyWatcher* copies = nullptr;  // nullptr: nobody watches
};

// What became of a message that a source brought.
struct CopyOutcome {
  enum class Kind : std::uint8_t {
    stored,
    duplicate,  // its id is known: nothing is stored
    passed_by,  // nobody is interested: its sequence is used up
    refused,
  } kind = Kind::refused;
  Seq seq;              // stored, passed_by: of ours
  ApiStatus error;      // refused
  std::string subject;  // stored: under which, the stream's own transform included
};

class Stream final : private ConsumerHost {
 public:
  // `config` is normalised. Opens (or makes) the store below the streams' directory. Suspends.
  static Result<std::unique_ptr<Stream>> open(const StreamContext& context, StreamConfig config, WallTime created);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Writes meta.inf and meta.sum; nothing for memory storage. Suspends.
  Status write_meta();
  // From now on it takes messages; a mirror begins to copy. Does not suspend.
  void start();
  // Consumers found on disk, after every stream of the account is open. Then removes what they are done with and retention
  // does not keep: an acknowledgement may have reached the disk before its removal did. Suspends.
  void recover_consumers();
  // Orderly end. `why` goes to waiting pull requests. Suspends.
  void stop(std::string_view why);
  // As stop, and removes everything. Suspends.
  Status destroy();

  [[nodiscard]] const StreamConfig& config() const { return config_; }
  [[nodiscard]] WallTime created() const { return created_; }
  [[nodiscard]] StreamStore& store() override { return *store_; }
  [[nodiscard]] const StreamStore& store() const { return *store_; }
  // nullptr: it is no mirror, or has no sources.
  [[nodiscard]] const Mirror* mirror() const { return mirror_.get(); }
  [[nodiscard]] const SourceSet* sources() const { return sources_.get(); }

  // New limits, flags, subjects and sources; a mirror may become an ordinary stream. The API has checked that they may change.
  // Suspends.
  Status update(StreamConfig config);

  // Suspend.
  ApiStatus remove_message(Seq seq, bool erase);
  ApiStatus purge(const PurgeRequest& request, std::uint64_t& purged);

  // Creates or updates. `name` is the consumer's. Suspends.
  ApiStatus put_consumer(const ConsumerRequest& request, std::string name, Consumer*& consumer);
  [[nodiscard]] Consumer* consumer(std::string_view name);
  // False if there is none. Suspends.
  bool delete_consumer(std::string_view name);
  // Sorted by name; direct ones are hidden.
  [[nodiscard]] std::vector<Consumer*> consumers();

  struct InfoOptions {
    bool has_deleted_details = false;
    std::string subjects_filter;
    std::uint64_t subjects_offset = 0;  // the first of the matching subjects to show
    bool has_domain = true;             // kinds of answers differ in these two
    bool has_leader = false;
  };
  static constexpr std::uint64_t kSubjectsPage = 100'000;
  // The members of a StreamInfo, into an object that is open.
  void write_info(JsonWriter& json, const InfoOptions& options) const;

 private:
  friend class Mirror;
  friend class Source;
  friend class SourceSet;
  Stream(const StreamContext& context, StreamConfig config, WallTime created, std::unique_ptr<StreamStore> store);

  [[nodiscard]] const std::string& stream_name() const override { return config_.name; }
  [[nodiscard]] const StreamConfig& stream_config() const override { return config_; }
  [[nodiscard]] Advisories& advisories() override { return context_.advisories; }
  bool acknowledged(Consumer& consumer, Seq seq) override;
  void inactive(const std::string& consumer) override;

  void subscribe();
  void serve_direct_gets();
  // The mirror has nearly caught up: from now on it may answer for its origin. Does not suspend.
  void caught_up();
  // What tells this stream from every other one in the world.
  // Of the copy of that name that begins to read now.
  std::uint64_t count_reading(const std::string& reader) { return ++context_.readings[reader]; }
  [[nodiscard]] std::string identity() const { return context_.server_name + " " + context_.domain + " " + config_.name; }
  // A message of a source: stored as it is, under our next sequence, whatever its headers ask of a publish. Suspends.
  CopyOutcome take_copy(const Source& source, std::string subject, const std::string& headers, const std::string& payload);
  void update_sources();
  void ingest_loop();
  void ingest(const Message& message);
  ApiStatus check_expectations(const Message& message, bool& is_duplicate, Seq& duplicate_of);
  Status load_dedupe();
  Result<Seq> keep(const Source* bringing, const NewMessage& message, WallTime now, bool& is_stored);
  Result<bool> remove(Seq seq, bool erase);
  // Whether retention keeps a message of that subject at all: of `interest`, when some consumer's filter matches it.
  [[nodiscard]] bool is_wanted(std::string_view subject) const;
  void roll_up(const PurgeRequest& older, Seq seq);
  void answer(const Message& message, Seq seq, bool is_duplicate);
  void answer(const Message& message, const ApiError& error);
  void stored(Seq seq, const NewMessage& message, WallTime time);
  // The sequence of the subject's last message, if somebody will want to know.
  [[nodiscard]] Seq previous_of(std::string_view subject) const;
  void republish(const NewMessage& message, Seq seq, WallTime time, Seq previous) const;
  ApiStatus check_consumer(const ConsumerConfig& config) const;
  ApiStatus update_consumer(const ConsumerRequest& request, const ConsumerConfig& config, Consumer& consumer);
  void remove_unwanted(const std::vector<std::string>& filters);
  [[nodiscard]] bool is_unwanted(Seq seq, std::string_view subject) const;
  Status write_consumer_meta(const Consumer& consumer);
  void end(std::string_view why, bool is_destroyed);
  Result<Consumer*> add_consumer(ConsumerConfig config, std::string name, WallTime created, bool is_recovered);
  void raise_to_delivered(const std::vector<DirectoryEntry>& consumers);
  [[nodiscard]] std::string directory() const { return context_.streams_directory + "/" + config_.name; }

  StreamContext context_;
  Env& env_;
  Bus& bus_;
  StreamConfig config_;
  WallTime created_;
  std::unique_ptr<StreamStore> store_;
  std::unique_ptr<Mirror> mirror_;
  std::unique_ptr<SourceSet> sources_;
  std::unique_ptr<DirectGet> direct_get_;  // while the configuration allows it
  std::map<std::string, std::unique_ptr<Consumer>, std::less<>> consumers_;
  std::vector<SubscriptionId> subscriptions_;
  Rewrites rewrites_;
  DedupeWindow dedupe_;
  bool is_dedupe_loaded_ = false;
  std::optional<Instant> unread_ids_since_;  // since when the ids of its messages cannot be read
  std::string last_msg_id_;
  Queue<Message> inbox_;
  Mutex storing_;          // what is published and what sources bring is checked and stored one by one
  int purges_ = 0;         // under way: what goes now goes by one of them
  bool is_begun_ = false;  // shown with a first sequence even if it is empty: purged, left by all consumers, or configured to
  bool is_closed_ = false;
  TaskScope scope_;
};

}  // namespace windtunnel::core
