// OriginConsumer: how a mirror or a source reads its origin (reference: streams D.2 to D.5 and E.3).
//
// It asks the origin's JetStream for a push consumer, hands on what that sends, in order and without a gap, and answers its
// control messages. Trouble of any kind (a gap, silence, a refusal) ends the consumer; a new one is asked for. It resumes by
// event, not by timer: when the way to the origin comes back, the waiting time is reset (nats-6981 is the schedule without
// that). One attempt is under way at a time, and two are at least two seconds apart.
//
// From an origin that keeps everything it reads without acknowledgements, as nats-server does. One that lets go of what was
// consumed (retention work queue or interest) gets an ordinary consumer, and each message its acknowledgement once it is
// stored here: what a link loses is then still there (nats-3207 is the reading without).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/env/sync.h"
#include "core/jetstream/ack_subject.h"
#include "core/jetstream/api_error.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/bus.h"

namespace windtunnel::core {

class JsonWriter;
struct Env;

// A message of the origin.
struct OriginMessage {
  std::string subject;
  std::string headers;
  std::string payload;
  Seq seq;
  WallTime time;
  std::uint64_t pending = 0;  // that the origin has to send yet, this one included
};

// What a copy knows of its origin before it asks for a consumer; from STREAM.INFO.
struct OriginFacts {
  bool is_known = false;  // the origin answered
  std::string created;
  Retention retention = Retention::limits;
  Seq begins_at;  // the first sequence that it was made to give; 0: its first
  Seq first_seq;
  Seq last_seq;
  WallTime last_time;
  bool is_other = false;                  // where the message that was asked for should be is another one
  bool is_gone = false;                   // it was asked for, and is not there or may not be read
  std::optional<OriginMessage> at_probe;  // what is there, if it was asked for and could be had
};

// The message that was copied last, and how it is to be known again.
struct OriginProbe {
  enum class By : std::uint8_t {
    time,         // the origin's
    latest_time,  // it is not later than this
    content,      // whoever asks compares it
  };
  By by = By::time;
  Seq seq;
  WallTime time;
};

struct OriginStart {
  enum class Policy : std::uint8_t { all, by_sequence, by_time } policy = Policy::all;
  Seq seq;
  std::string time;  // RFC 3339
};

enum class OriginTaken : std::uint8_t {
  kept,    // stored here, now or before, or not wanted: the origin may let it go
  left,    // not for us: the origin is to keep it
  failed,  // it could not be stored, and this consumer is of no more use; show_error() was told why
};

class OriginConsumer {
 public:
  enum class Kind : std::uint8_t { mirror, source };

  class Owner {
   public:
    // Before the first attempt, and before each until it was done. The error ends the attempt, and is shown. Suspends.
    virtual Status recover() = 0;
    // Whether it has told of itself before: then it may be asked, and owes an answer.
    [[nodiscard]] virtual bool knows_origin() const = 0;
    // By what the origin is to be known again; nullopt: nothing. Suspends.
    virtual std::optional<OriginProbe> probe() = 0;
    // Before each attempt: whether this is the origin that was copied so far. The error ends the attempt, and is shown. If the owner has
    // another probe then, it is asked for and the owner meets the origin once more. Suspends.
    virtual ApiStatus meet(const OriginFacts& facts) = 0;
    // Where the consumer is to begin. Does not suspend.
    [[nodiscard]] virtual OriginStart start_at() const = 0;
    // The consumer begins behind `position`. One that acknowledges may send again what is here already. Suspends.
    virtual ApiStatus take_up(Seq position, bool is_acknowledged) = 0;
    // The next message, which may be one that is here already. Suspends.
    virtual OriginTaken receive(OriginMessage& message) = 0;

   protected:
    ~Owner() = default;
  };

  // For whom it reads.
  struct Reader {
    Kind kind = Kind::mirror;
    std::string stream;    // of ours
    std::string identity;  // what tells this reader from all others in the world
    std::string name;      // of its task and its random numbers
    // How often one of this name has begun to read. The origin may still have what the one before asked for: none takes its names again.
    std::uint64_t times = 1;
  };

  OriginConsumer(Env& env, Bus& bus, Reader reader, StreamSource origin, Owner& owner);
  ~OriginConsumer();
  OriginConsumer(const OriginConsumer&) = delete;
  OriginConsumer& operator=(const OriginConsumer&) = delete;

  void start();
  // Suspends until its tasks have ended. `is_final`: nobody will read on, so the origin need not wait.
  void stop(bool is_final);

  // An error of storing, not of the origin; is over when something was stored.
  void show_error(ApiError failure);
  void clear_store_error();
  // Forgets what has come and was not handed on yet. Does not suspend.
  void drop_arrivals() { inbox_.clear(); }

  // {"name":...,"lag":...,"active":...}
  void write_info(JsonWriter& json) const;
  [[nodiscard]] const StreamSource& origin() const { return origin_; }
  [[nodiscard]] std::uint64_t lag() const { return lag_; }
  [[nodiscard]] const ApiStatus& error() const { return error_; }
  // Setup attempts so far, and how many are under way.
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }
  [[nodiscard]] std::uint64_t outstanding() const { return outstanding_; }
  // Whether the origin has a consumer for us, which sends a heartbeat each second.
  [[nodiscard]] bool is_reading() const { return !consumer_.empty(); }
  // Whether the origin keeps what it sends until we acknowledge it.
  [[nodiscard]] bool is_acknowledged() const { return is_acknowledged_; }
  [[nodiscard]] bool is_closed() const { return is_closed_; }

 private:
  struct Names;
  struct Arrival {  // a message of the origin's consumer, or a control message of it
    std::string subject;
    std::string reply;
    std::string headers;
    std::string payload;
    bool is_nudge = false;  // nothing came: the way changed, and whoever waits must look again
  };
  struct Answer {
    std::string payload;
    bool has_come = false;
  };
  enum class Missed : std::uint8_t {
    nothing,  // there is an answer
    taker,    // nobody takes such a request
    way,      // the way to the origin changed meanwhile
    time,
  };

  void run();
  bool set_up();
  bool attempt();
  bool learn(OriginFacts& facts);
  bool meet(OriginFacts& facts);
  bool look_for(const OriginProbe& probe, OriginFacts& facts);
  bool find_message(Seq seq, std::optional<OriginMessage>& message);
  [[nodiscard]] bool minds_identity() const;
  [[nodiscard]] bool looks_at_home() const;
  bool clear_leftovers(std::string_view but);
  std::optional<std::string> ask(const std::string& subject, const std::string& body, Duration patience, Missed* missed = nullptr);
  void knock();
  [[nodiscard]] std::string api(std::string_view operation) const;
  [[nodiscard]] std::string request_subject(const std::string& name) const;
  [[nodiscard]] std::string request_body(const std::string& name, const std::string& deliver) const;
  bool read_answer(const std::string& answer, std::string& name, Seq& position);
  void extra_attempt();
  void copy();
  bool process(Arrival& arrival);
  bool process_control(const Arrival& arrival);
  void publish(std::string_view to, std::string_view payload = {});
  void tear_down();
  void wait_before_retry();
  void on_interest_changed();
  void on_leaf_connected();
  void suspect();
  void nudge();
  void fail(ApiError failure);
  void unanswered(const std::string& subject);

  Env& env_;
  Bus& bus_;
  Reader reader_;
  StreamSource origin_;
  Owner& owner_;
  const Names& names_;
  Random random_;

  std::string consumer_;            // the origin's consumer that we read; empty: none
  std::uint64_t consumer_seq_ = 0;  // of the last message from it
  bool is_acknowledged_ = false;    // it waits for acknowledgements
  bool is_work_queue_ = false;      // the origin
  bool is_kept_ = false;            // the origin keeps it when we are gone
  std::uint64_t lag_ = 0;
  std::uint64_t failures_ = 0;  // since the last success
  std::uint64_t attempts_ = 0;
  std::uint64_t outstanding_ = 0;
  std::optional<Instant> last_request_;
  std::optional<Instant> last_heard_;
  Instant suspect_at_ = kForever;  // a link came up: if nothing was heard until then, the consumer is dead
  ApiStatus error_;
  bool has_store_error_ = false;  // it is over when something can be stored again, not when there is a consumer

  SubscriptionId deliveries_ = SubscriptionId::none;
  std::vector<SubscriptionId> watches_;
  Queue<Arrival> inbox_;
  WaitList waiting_;
  bool has_way_changed_ = false;  // since somebody last looked
  bool was_way_lost_ = false;     // nobody served the origin's API at some moment since the request
  bool is_replaced_ = false;      // by an extra attempt
  bool is_closed_ = false;
  TaskScope scope_;
};

}  // namespace windtunnel::core
