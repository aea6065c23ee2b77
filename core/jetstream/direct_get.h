// Direct gets: single messages of a stream, answered as messages, without the API's JSON (reference: jetstream-api 3).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env/sync.h"
#include "core/nats/bus.h"
#include "core/store/stream_store.h"

namespace windtunnel::core {

struct Env;

// Which message: by its sequence; the last of a subject; or the first of a subject at or after the sequence.
struct MessageQuery {
  Seq seq;
  std::string last_by_subject;
  std::string next_by_subject;

  [[nodiscard]] bool is_empty() const { return seq.value == 0 && last_by_subject.empty() && next_by_subject.empty(); }
  // Whether it asks for two things at once.
  [[nodiscard]] bool is_contradictory() const { return !last_by_subject.empty() && (seq.value > 0 || !next_by_subject.empty()); }
};

// nullopt if the body is no JSON object, or a member has the wrong type.
[[nodiscard]] std::optional<MessageQuery> parse_message_query(std::string_view body);
// nullopt if there is none, or it cannot be read. Suspends.
[[nodiscard]] std::optional<StoredMessage> find_message(StreamStore& store, const MessageQuery& query);

// Answers direct gets for as long as it lives. A mirror may answer for its origin besides.
class DirectGet {
 public:
  // `stream`: the name that the answers carry. Serves nothing yet.
  DirectGet(Env& env, Bus& bus, StreamStore& store, std::string stream);
  ~DirectGet();
  DirectGet(const DirectGet&) = delete;
  DirectGet& operator=(const DirectGet&) = delete;

  // Serves "$JS.API.DIRECT.GET.<stream>" too, in turns with whoever else does. Does not suspend.
  void serve(const std::string& stream);
  [[nodiscard]] bool serves(const std::string& stream) const;
  // Suspends until its task has ended.
  void stop();

 private:
  struct Request {
    std::string subject;
    std::string reply;
    std::string body;
    bool is_by_subject = false;
  };
  void loop();
  void answer(const Request& request);
  void refuse(const std::string& reply, unsigned code, std::string_view why);

  Env& env_;
  Bus& bus_;
  StreamStore& store_;
  std::string stream_;
  std::vector<std::string> served_;
  std::vector<SubscriptionId> subscriptions_;
  Queue<Request> requests_;
  TaskScope scope_;
};

}  // namespace windtunnel::core
