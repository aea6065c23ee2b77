// JetStream: the streams of one node's account, and the API that manages them (reference: jetstream-api 1 to 5).
//
// API requests are queued and worked off by one task, in order; a request that is answered has taken effect.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env/sync.h"
#include "core/jetstream/advisories.h"
#include "core/jetstream/api_error.h"
#include "core/jetstream/store_usage.h"
#include "core/jetstream/stream.h"
#include "core/nats/bus.h"
#include "core/store/store_options.h"

namespace windtunnel::core {

class JsonWriter;
struct Env;

struct JetStreamConfig {
  std::string domain;  // may be empty
  std::string server_name;
  std::string cluster;  // as which the server presents itself: one that dials as a leaf does; else empty
  StoreSettings store{.opens_early = true};
  StoreMax max = {};  // what streams may hold together, and reserve with max_bytes
};

class JetStream {
 public:
  JetStream(Env& env, Bus& bus, JetStreamConfig config);
  ~JetStream();
  JetStream(const JetStream&) = delete;
  JetStream& operator=(const JetStream&) = delete;

  // Recovers every stream on the disk, then their consumers, then serves. A stream that cannot be recovered is left as
  // it is on disk, and reported in the log. Suspends.
  Status start();
  // Orderly end: waiting pull requests are told "409 Server Shutdown", stores are written out. Suspends.
  void stop();

  // Before start(): who hears from now on what sources bring; borrowed. nullptr: nobody.
  void watch_copies(CopyWatcher* watcher) { context_.copies = watcher; }

  // nullptr if there is none. For the API and for looking in from outside.
  [[nodiscard]] Stream* stream(std::string_view name);
  [[nodiscard]] std::vector<Stream*> streams();

 private:
  struct Request {
    std::string subject;
    std::string reply;  // empty: nobody wants to hear the answer
    std::string body;
    std::optional<ClientInfo> client;  // who asks; none: the inside of this server
    bool is_internal = false;          // a consumer to be deleted: subject is the stream, body the consumer
  };
  class Api;

  void recover();
  void serve_loop();
  void subscribe(std::string_view subject);
  [[nodiscard]] StreamLookup lookup() const;
  [[nodiscard]] std::uint64_t used(StorageType storage) const;
  ApiStatus check_reserves(const StreamConfig& config) const;
  ApiStatus check_overlap(const StreamConfig& config) const;

  Env& env_;
  Bus& bus_;
  JetStreamConfig config_;
  Advisories advisories_;
  StoreUsage usage_;
  std::map<std::string, std::uint64_t> readings_;
  StreamContext context_;
  std::map<std::string, std::unique_ptr<Stream>, std::less<>> streams_;
  std::vector<SubscriptionId> subscriptions_;
  Queue<Request> requests_;
  std::unique_ptr<Api> api_;
  bool is_closed_ = false;
  std::uint64_t api_total_ = 0;
  std::uint64_t api_errors_ = 0;
  std::uint64_t generated_names_ = 0;
  TaskScope scope_;
};

}  // namespace windtunnel::core
