// Consumer: a view of a stream with a position of its own: pull or push, with or without acknowledgements
// (reference: streams C, jetstream-api 5, 6 and 8).
//
// One task delivers, one works off acknowledgements. Handlers of the bus only queue and wake. State changes happen
// between suspensions; what is suspended is loading from the store, and removing from it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/env/sync.h"
#include "core/jetstream/consumer_config.h"
#include "core/jetstream/filed_position.h"
#include "core/jetstream/pending_deliveries.h"
#include "core/jetstream/pull_requests.h"
#include "core/jetstream/redelivery_queue.h"
#include "core/nats/bus.h"
#include "core/store/consumer_store.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

class Advisories;
class Consumer;
class JsonWriter;
struct Env;
struct StreamConfig;

// What a consumer needs from its stream.
class ConsumerHost {
 public:
  [[nodiscard]] virtual StreamStore& store() = 0;
  [[nodiscard]] virtual const std::string& stream_name() const = 0;
  // As it is now; it changes with an update of the stream.
  [[nodiscard]] virtual const StreamConfig& stream_config() const = 0;
  [[nodiscard]] virtual Advisories& advisories() = 0;
  // `seq` was acknowledged at `consumer`: removes it if the stream's retention says so. Whether that is done: not in a stream that
  // closes meanwhile or cannot write. May suspend.
  virtual bool acknowledged(Consumer& consumer, Seq seq) = 0;
  // The consumer was not used for its inactive threshold: delete it soon. Does not suspend.
  virtual void inactive(const std::string& consumer) = 0;

 protected:
  ~ConsumerHost() = default;
};

class Consumer {
 public:
  // `config` is normalised. Nothing runs before start().
  // `is_stored`: start() is given a store, so that its configuration belongs on the disk too.
  Consumer(Env& env, Bus& bus, ConsumerHost& host, ConsumerConfig config, std::string name, WallTime created, bool is_stored);
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
  // `is_purge`: as one of many, which a purge or a roll-up took; on_purged() follows.
  void on_removed(Seq seq, std::string_view subject, bool is_purge);
  // `filter`: of what was purged; empty: everything.
  void on_purged(std::string_view filter);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const ConsumerConfig& config() const { return config_; }
  // Takes the new values of an update; the stream has checked that they may change. Does not suspend.
  void update(const ConsumerConfig& config);
  // Whether the deliver subject of a push consumer has interest.
  [[nodiscard]] bool is_active() const { return is_active_; }
  [[nodiscard]] WallTime created() const { return created_; }
  [[nodiscard]] bool is_stored() const { return is_stored_; }
  [[nodiscard]] ConsumerState state() const;
  // As it is to be written.
  [[nodiscard]] ConsumerState stored_state() const;
  // Whether the message must stay in the stream for this consumer's sake (streams B.3).
  [[nodiscard]] bool needs(Seq seq, std::string_view subject) const;
  // Whether it was delivered here and is done with: acknowledged, or not to be.
  [[nodiscard]] bool is_done_with(Seq seq, std::string_view subject) const;
  // Up to here (of the stream) everything is acknowledged.
  [[nodiscard]] Seq ack_floor() const { return ack_floor_.stream; }
  // Up to here (of the stream) the filters may have been others than they are now, so that a message may have been passed over.
  [[nodiscard]] Seq filters_since() const { return filters_since_; }
  void set_filters_since(Seq seq) { filters_since_ = seq; }
  [[nodiscard]] bool matches_filter(std::string_view subject) const;

  // The members of a ConsumerInfo, into an object that is open. Forgets pull requests that nobody listens for any more.
  void write_info(JsonWriter& json);

 private:
  struct Ack {
    Seq seq;
    std::uint64_t consumer_seq = 0;
    std::uint64_t deliveries = 0;
    std::string reply;
    std::string payload;
    bool is_internal = false;  // a delivery that nobody acknowledges (ack_policy none)
  };

  [[nodiscard]] SequencePair delivered() const { return {next_delivery_ - 1, next_seq_.prev()}; }
  [[nodiscard]] std::uint64_t num_pending() const { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, num_pending_)); }

  // Position, at start (consumer_position.cc).
  Seq starting_seq(const StreamState& stream) const;
  Status select_start();
  void select_last_per_subject();
  void restore(const ConsumerState& saved);
  void take_floor(const ConsumerState& saved);
  void reconcile(const StreamState& stream);
  void repair_floor(Seq first);
  void draw_jitter();
  void count_pending();
  void subscribe();
  void watch_deliver_subject();

  // Delivery (consumer_delivery.cc).
  enum class Taken : std::uint8_t { message, end_of_stream, stalled };
  void deliver_loop();
  [[nodiscard]] bool can_deliver() const;
  bool deliver_next();
  Taken take_next(StoredMessage& message, std::uint64_t& deliveries);
  bool take_redelivery(StoredMessage& message, std::uint64_t& deliveries);
  [[nodiscard]] bool may_be_read_later(const Error& why) const;
  void report_unread(Seq seq, const Error& why);
  void retry_soon();
  void check_retry();
  bool let_go(Seq seq);
  Taken take_last_of_subject(StoredMessage& message);
  struct Outgoing {
    std::uint64_t told = 1;  // how often it was delivered, as it says
    std::string reply;
    std::string headers;
    std::string_view payload;  // of the message that it was made from
  };
  [[nodiscard]] Outgoing outgoing(const StoredMessage& message, std::uint64_t deliveries) const;
  [[nodiscard]] std::uint64_t rate_burst() const;
  void pace(const StoredMessage& message, std::uint64_t deliveries);
  void put_back(Seq seq, std::uint64_t deliveries);
  bool deliver(const StoredMessage& message, std::uint64_t deliveries);
  std::optional<PullRequest> take_request(std::size_t size);
  void served(PullRequest request, std::size_t size);
  void track(Seq seq, std::uint64_t deliveries);
  [[nodiscard]] bool is_exhausted(std::uint64_t deliveries) const;
  enum class Exhausts : std::uint8_t { by_timer, by_delivery };
  void exhaust(Seq seq, Exhausts how);
  void stream_exhausted();
  void check_requests(bool is_at_rest);
  void prune_requests();
  [[nodiscard]] bool is_heard(const PullRequest& request) const;
  void check_acks_due();
  void check_flow(std::size_t bytes);
  void send_heartbeat();
  [[nodiscard]] std::string heartbeat_headers() const;
  void check_inactive();
  void refresh_active();
  [[nodiscard]] Instant next_wakeup() const;
  void wake();
  void send_status(const std::string& reply, std::string_view status, bool with_pending, const PullRequest* request);
  void on_pull_request(const MessageView& message);

  // Acknowledgements (consumer_acks.cc).
  void on_ack(const MessageView& message);
  void ack_loop();
  void process_ack(const Ack& ack);
  [[nodiscard]] bool acknowledge(const Ack& ack);
  [[nodiscard]] bool acknowledge_through(const Ack& ack);
  void negative_ack(const Ack& ack);
  void progress(Seq seq);
  void sample(const Ack& ack, Instant delivered_at);
  void forget(Seq seq);
  // Of a message that was delivered.
  [[nodiscard]] std::uint64_t deliveries_of(Seq seq) const;
  // As nats-server counts them where it only looks: redeliveries, and 1 if there was none.
  [[nodiscard]] std::uint64_t redeliveries_of(Seq seq) const { return std::max<std::uint64_t>(1, deliveries_of(seq) - 1); }
  void answer(const Ack& ack);
  [[nodiscard]] bool is_answered_early(const Ack& ack) const;
  void floor_after(Seq seq, std::uint64_t consumer_seq);
  [[nodiscard]] bool keeps_filed_position() const { return config_.max_deliver > 0 && config_.ack_policy != AckPolicy::none; }
  [[nodiscard]] bool is_filed_pending(Seq seq) const { return pending_.contains(seq) || filed_.exhausted().contains(seq); }
  [[nodiscard]] Duration ack_wait_of(Seq seq) const;

  Env& env_;
  Bus& bus_;
  ConsumerHost& host_;
  ConsumerConfig config_;
  std::vector<std::string> filters_;
  std::string name_;
  WallTime created_;
  bool is_stored_;
  Random random_;
  std::unique_ptr<ConsumerStore> store_;  // nullptr for a direct consumer

  // Position and acknowledgement state.
  Seq next_seq_{1};                  // of the stream, to look at next
  std::uint64_t next_delivery_ = 1;  // consumer sequence of the next delivery
  SequencePair ack_floor_;
  std::map<Seq, std::uint64_t> purged_;  // what the purge under way has taken of what was pending, and which delivery it was
  PendingDeliveries pending_;
  FiledPosition filed_;
  std::map<Seq, std::uint64_t> redelivered_;  // deliveries - 1
  std::set<Seq> untaken_;                     // pending, and their last delivery reached nobody: it does not count
  std::set<Seq> unremoved_;                   // acknowledged, and could not leave their stream: it closes, or its disk fails
  RedeliveryQueue redeliver_;
  std::int64_t num_pending_ = 0;      // not yet delivered, matching; below 0 by a defect only
  std::deque<Seq> last_of_subjects_;  // deliver policy last_per_subject: still to be delivered before
  Seq resume_after_;                  // the rest of the stream begins
  Instant retry_at_ = kForever;       // when what a disk refused is tried again
  Instant floor_due_ = kForever;      // when the floor of a consumer with nothing pending is closed up
  std::optional<WallTime> last_delivered_;
  std::optional<WallTime> last_acked_;

  // Pace: replay policy original, and the rate limit.
  Seq replay_through_;  // up to here deliveries keep their original distances; 0: none do
  std::optional<WallTime> last_replayed_;
  std::uint64_t rate_tokens_ = 0;  // bytes that may go at once
  Instant rate_filled_;            // when they were last counted

  // Pull.
  PullRequests requests_;
  Instant requests_searched_;  // when those without a listener were last looked for
  Instant last_used_;

  // Push.
  bool is_active_ = false;
  Instant inactive_since_;
  Instant next_heartbeat_ = kForever;
  std::uint64_t flow_window_ = 0;
  std::uint64_t flow_outstanding_ = 0;
  std::uint64_t flow_requested_ = 0;  // bytes that the open request will credit
  std::string flow_reply_;            // of the open request; empty: none
  SubscriptionId interest_watch_ = SubscriptionId::none;

  Seq filters_since_;
  Duration inactive_jitter_{0};
  Queue<Ack> acks_;
  WaitList waiting_;
  bool is_signalled_ = false;
  bool is_closed_ = false;
  std::vector<SubscriptionId> subscriptions_;
  TaskScope scope_;
};

}  // namespace windtunnel::core
