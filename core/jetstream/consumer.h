// Consumer: a view of a stream with a position of its own: pull or push, with or without acknowledgements
// (reference: streams C, jetstream-api 5, 6 and 8).
//
// One task delivers, one works off acknowledgements. Handlers of the bus only queue and wake. State changes happen
// between suspensions; what is suspended is loading from the store, and removing from it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/env/sync.h"
#include "core/jetstream/consumer_config.h"
#include "core/jetstream/pull_requests.h"
#include "core/nats/bus.h"
#include "core/store/consumer_store.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

class Consumer;
class JsonWriter;
struct Env;

// What a consumer needs from its stream.
class ConsumerHost {
 public:
  [[nodiscard]] virtual StreamStore& store() = 0;
  [[nodiscard]] virtual const std::string& stream_name() const = 0;
  // `seq` was acknowledged at `consumer`: removes it if the stream's retention says so. May suspend.
  virtual void acknowledged(Consumer& consumer, Seq seq) = 0;
  // The consumer was not used for its inactive threshold: delete it soon. Does not suspend.
  virtual void inactive(const std::string& consumer) = 0;

 protected:
  ~ConsumerHost() = default;
};

class Consumer {
 public:
  // `config` is normalised. Nothing runs before start().
  Consumer(Env& env, Bus& bus, ConsumerHost& host, ConsumerConfig config, std::string name, WallTime created);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Takes up the position that the store recovered, or the one that the deliver policy says. May suspend.
  Status start(std::unique_ptr<ConsumerStore> store);
  // Orderly end. With a status such as "409 Consumer Deleted", waiting pull requests are told. Not from a task of the
  // consumer itself. Suspends.
  void stop(std::string_view description);
  // As stop, and removes its files. May suspend.
  void destroy();

  // From the stream, while it changes its store; none suspends.
  void on_stored(Seq seq, std::string_view subject);
  void on_removed(Seq seq, std::string_view subject);
  void on_purged();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const ConsumerConfig& config() const { return config_; }
  // Takes the new values of an update; the API has checked that they may change. Does not suspend.
  void update(const ConsumerConfig& config);
  [[nodiscard]] WallTime created() const { return created_; }
  [[nodiscard]] ConsumerState state() const;
  // Whether the message must stay in the stream for this consumer's sake (streams B.3).
  [[nodiscard]] bool needs(Seq seq, std::string_view subject) const;

  // The members of a ConsumerInfo, into an object that is open.
  void write_info(JsonWriter& json) const;

 private:
  struct Pending {
    std::uint64_t consumer_seq = 0;  // of the first delivery
    Instant delivered_at;            // of the last; acknowledgement is due ack_wait after it
  };
  struct Ack {
    Seq seq;
    std::uint64_t consumer_seq = 0;
    std::string reply;
    std::string payload;
  };

  // Position, at start.
  Seq starting_seq(const StreamState& stream) const;
  Status select_start();
  void restore(const ConsumerState& saved);
  void reconcile(const StreamState& stream);
  void count_pending();

  // Delivery (consumer_delivery.cc).
  void deliver_loop();
  [[nodiscard]] bool can_deliver() const;
  bool deliver_next();
  std::optional<StoredMessage> take_next(std::uint64_t& deliveries);
  std::optional<StoredMessage> take_redelivery(std::uint64_t& deliveries);
  void put_back(Seq seq, std::uint64_t deliveries);
  bool deliver(const StoredMessage& message, std::uint64_t deliveries);
  bool choose_destination(std::size_t size, std::string& destination);
  void track(Seq seq, std::uint64_t deliveries);
  void stream_exhausted();
  void check_requests();
  void check_acks_due();
  void check_flow(std::size_t bytes);
  void send_heartbeat();
  void check_inactive();
  void refresh_active();
  [[nodiscard]] Instant next_wakeup() const;
  void wake();
  void send_status(const std::string& reply, std::string_view status, bool with_pending, const PullRequest* request);
  void on_pull_request(const MessageView& message);
  bool matches_filter(std::string_view subject) const;

  // Acknowledgements (consumer_acks.cc).
  void ack_loop();
  void process_ack(const Ack& ack);
  bool acknowledge(Seq seq);
  void acknowledge_through(Seq seq);
  void negative_ack(Seq seq, std::string_view payload);
  void floor_after(Seq seq, std::uint64_t consumer_seq);
  [[nodiscard]] Duration ack_wait_of(Seq seq) const;

  Env& env_;
  Bus& bus_;
  ConsumerHost& host_;
  ConsumerConfig config_;
  std::vector<std::string> filters_;
  std::string name_;
  WallTime created_;
  Random random_;
  std::unique_ptr<ConsumerStore> store_;  // nullptr for a direct consumer

  // Position and acknowledgement state.
  Seq next_seq_{1};                    // of the stream, to look at next
  std::uint64_t next_delivery_ = 1;    // consumer sequence of the next delivery
  SequencePair ack_floor_;
  std::map<Seq, Pending> pending_;
  std::map<Seq, std::uint64_t> redelivered_;  // deliveries - 1
  std::deque<Seq> redeliver_;
  std::uint64_t num_pending_ = 0;      // not yet delivered, matching
  Instant acks_due_ = kForever;        // a bound for when the first pending one is due again
  std::optional<WallTime> last_delivered_;

  // Pull.
  PullRequests requests_;
  Instant last_used_;

  // Push.
  bool is_active_ = false;
  Instant inactive_since_;
  Instant next_heartbeat_ = kForever;
  std::uint64_t flow_window_ = 0;
  std::uint64_t flow_outstanding_ = 0;
  std::uint64_t flow_requested_ = 0;  // bytes that the open request will credit
  std::string flow_reply_;            // of the open request; empty: none

  Duration inactive_jitter_{0};
  Queue<Ack> acks_;
  WaitList waiting_;
  bool is_signalled_ = false;
  bool is_closed_ = false;
  std::vector<SubscriptionId> subscriptions_;
  TaskScope scope_;
};

}  // namespace windtunnel::core
