// Mirror: copies an origin stream into ours, same sequences, same times (reference: streams D).
//
// It asks the origin's JetStream for a push consumer without acknowledgements, from our last sequence on, and stores
// verbatim what arrives. Trouble of any kind (a gap, silence, a refusal) ends that consumer; a new one is asked for. It
// resumes by event, not by timer: when the way to the origin comes back, the waiting time is reset (nats-6981 is the
// schedule without that). What it cannot follow, its status says; our last sequence never goes back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/env/sync.h"
#include "core/jetstream/api_error.h"
#include "core/jetstream/stream_config.h"
#include "core/nats/bus.h"
#include "core/nats/subject_transform.h"

namespace windtunnel::core {

class JsonWriter;
class Stream;
struct Env;

class Mirror {
 public:
  Mirror(Stream& stream, StreamSource origin);
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  void start();
  // Suspends until its task has ended.
  void stop();

  // {"name":...,"lag":...,"active":...}
  void write_info(JsonWriter& json) const;
  [[nodiscard]] std::uint64_t reported_lag() const { return lag_; }
  [[nodiscard]] const ApiStatus& error() const { return error_; }
  // Setup attempts so far.
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }

 private:
  struct Copy {  // a message of the origin's consumer, or a control message of it
    std::string subject;
    std::string reply;
    std::string headers;
    std::string payload;
    bool is_nudge = false;  // nothing came: the way changed, and whoever waits must look again
  };

  void run();
  bool set_up();
  [[nodiscard]] std::string request_subject() const;
  [[nodiscard]] std::string request_body(const std::string& deliver) const;
  bool await_reply(const std::string& subject, const std::string& body, const std::string& reply_to, std::string& reply);
  bool take_up(Seq origin_position);
  void copy();
  bool process(const Copy& copy);
  bool process_control(const Copy& copy);
  bool store(const Copy& copy, Seq seq, WallTime time);
  void transform(std::string& subject) const;
  void roll_up(const Copy& copy, const std::string& subject);
  void tear_down();
  void wait_before_retry();
  void on_interest_changed();
  void on_leaf_connected();
  void suspect();
  void fail(ApiError error);

  Stream& stream_;
  StreamSource origin_;
  std::vector<std::pair<std::string, std::optional<SubjectTransform>>> transforms_;  // by source; no rewrite: a filter alone
  Env& env_;
  Bus& bus_;
  Random random_;

  std::string consumer_;            // the origin's consumer that we read; empty: none
  std::uint64_t consumer_seq_ = 0;  // of the last message from it
  std::uint64_t lag_ = 0;
  std::uint64_t failures_ = 0;  // since the last success
  std::uint64_t attempts_ = 0;
  std::optional<Instant> last_request_;
  std::optional<Instant> last_heard_;
  Instant suspect_at_ = kForever;  // a link came up: if nothing was heard until then, the consumer is dead
  ApiStatus error_;
  bool has_store_error_ = false;  // it is over when something can be stored again, not when there is a consumer

  SubscriptionId deliveries_ = SubscriptionId::none;
  std::vector<SubscriptionId> watches_;
  Queue<Copy> inbox_;
  WaitList waiting_;
  bool has_way_changed_ = false;  // since somebody last looked
  bool was_way_lost_ = false;     // nobody served the origin's API at some moment since the request
  bool is_closed_ = false;
  TaskScope scope_;
};

}  // namespace windtunnel::core
