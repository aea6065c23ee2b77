// Client: a NATS client as applications have it, with nats.go's timings and habits: it reconnects by itself, subscribes
// again, keeps what is published meanwhile, and pings.
//
//   Client client{env, {.servers = {{"hub", 4222}}, .name = "orders"}};
//   WT_CHECK(client.connect(deadline));
//   WT_CHECK(client.publish({.subject = "orders.new", .payload = "..."}));
//   WT_CHECK(client.flush(deadline));
//   client.close();
//
// What a success of publish() means: the bytes were accepted into a buffer of this process. They may never leave it, the
// connection may break under them, and nobody will say so: that is plain NATS. Who needs to know asks for an answer (request,
// JetStreamClient::publish).
//
// While there is no connection, publishes go to the reconnect buffer (8 MiB) and are sent after the subscriptions when a
// connection is there again; when it is full they fail. Bytes that were handed to a connection that broke are lost, or were
// not: nobody knows.
//
// Where it differs from nats.go: it goes on dialling for ever (nats.go: 60 times), and so it does when the first
// connection fails.
//
// All calls are for tasks of the env that it was given. The object must outlive them: call close() (which waits for the
// client's own tasks), or be unwound with the whole process.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/base/result.h"
#include "core/base/types.h"
#include "core/client/server_info.h"
#include "core/env/env.h"
#include "core/env/network.h"
#include "core/env/sync.h"
#include "core/nats/message.h"
#include "core/nats/parser.h"

namespace windtunnel::core {

struct ClientOptions {
  std::vector<Address> servers;  // tried in this order, round and round
  std::string name;              // shown by servers; also names the client's random stream
  std::string user;
  std::string password;
  Duration connect_timeout{std::chrono::seconds{2}};          // of a dial and its handshake together
  Duration reconnect_wait{std::chrono::seconds{2}};           // before each round through the servers
  Duration reconnect_jitter{std::chrono::milliseconds{100}};  // up to so much more
  Bytes reconnect_buffer{8 * 1024 * 1024};                    // 0: publishing without a connection fails
  Duration ping_interval{std::chrono::minutes{2}};
  std::uint32_t pings_out_max = 2;  // with so many unanswered, the next ping's time is the end
  Duration write_timeout{std::chrono::minutes{1}};
  std::size_t pending_max = 512 * 1024;  // messages of a subscription; more are dropped (slow consumer)
};

class Client;

// Messages of one subscription, in the order of their arrival. Must outlive the tasks that wait on it, also when a kill
// unwinds them: what several tasks share belongs to the program, not to the stack of one of them.
class ClientSubscription {
 public:
  ~ClientSubscription();  // forgets it; the server is not told
  ClientSubscription(const ClientSubscription&) = delete;
  ClientSubscription& operator=(const ClientSubscription&) = delete;

  // Suspends until a message is there. nullopt at the deadline, when the client or the subscription was closed, and if
  // `until_disconnect` also when the connection broke since the subscription was made.
  std::optional<Message> next(Instant deadline = kForever, bool until_disconnect = false);
  // The connection broke since the subscription was made: messages may have been missed.
  [[nodiscard]] bool is_interrupted() const { return is_interrupted_; }
  // What was queued can still be read. Does not suspend.
  void unsubscribe();
  [[nodiscard]] std::size_t pending() const { return messages_.size(); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  friend class Client;
  ClientSubscription(Client& client, std::uint64_t sid, std::string subject, std::string queue)
      : client_(client), sid_(sid), subject_(std::move(subject)), queue_(std::move(queue)) {}

  Client& client_;
  std::uint64_t sid_;
  std::string subject_;
  std::string queue_;
  std::deque<Message> messages_;
  std::uint64_t dropped_ = 0;
  WaitList waiters_;
  bool is_active_ = true;
  bool is_interrupted_ = false;
};

// A subject of one's own for the answers to a question. All inboxes of a client share one subscription, and are told apart
// by the subject of what comes; so they are not for pulls, whose messages come under the subject that they were stored
// with. On the stack of the task that waits.
class Inbox {
 public:
  explicit Inbox(Client& client);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  [[nodiscard]] const std::string& subject() const { return subject_; }
  // Suspends. nullopt at the deadline or when the client was closed.
  std::optional<Message> next(Instant deadline);

 private:
  friend class Client;
  Client& client_;
  std::string subject_;
  std::list<Message> messages_;  // costs nothing while it is empty
  WaitList waiters_;
};

struct Reply {
  enum class Kind : std::uint8_t {
    message,
    no_responders,  // the server says that nobody listens to the subject
    timeout,
    disconnected,  // it was not sent: the client is closed, or has no connection and no room to keep it
    refused,       // it was not sent: bad subject, too large, headers that the server does not know
  };
  Kind kind = Kind::timeout;
  Message message;
  std::string why;  // of the last two
};

class Client {
 public:
  Client(Env& env, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Starts the client and suspends until the first connection is there. Errors: timeout at the deadline (it goes on trying);
  // closed, when a server turned it away for good. To be called once.
  Status connect(Instant deadline);
  // Sends what is buffered if that takes no longer than a second, closes the connection and suspends until the client's
  // tasks have ended. Everything that waits returns.
  void close();

  // Suspends only while more than 1 MiB waits to be written. Errors: invalid_argument (subject), limit_reached (payload larger
  // than the server takes), no_space (reconnect buffer full), unsupported (headers, which the server has not), closed.
  Status publish(const MessageView& message);
  // A round trip: on success the server has processed everything that was published before, if the connection held.
  // Suspends. Errors: timeout, reset (the connection broke meanwhile), closed.
  Status flush(Instant deadline);
  // A subject that nobody else listens to.
  [[nodiscard]] std::string new_inbox();
  // Errors: invalid_argument, closed. Does not suspend: whether the server has it by a certain time is flush()'s business.
  Result<std::unique_ptr<ClientSubscription>> subscribe(std::string_view subject, std::string_view queue = {});
  // Suspends until an answer, at most to the deadline. As with nats.go a broken connection does not end the wait.
  Reply request(std::string_view subject, std::string_view payload, Instant deadline, std::string_view headers = {});

  [[nodiscard]] bool is_connected() const { return state_ == State::connected; }
  [[nodiscard]] bool is_closed() const { return state_ == State::closed; }
  [[nodiscard]] const ServerInfo& server() const { return server_; }
  // How many connections there have been.
  [[nodiscard]] std::uint64_t connections() const { return connections_; }
  // What ended the latest connection or attempt, or what the server complained of; empty: nothing yet.
  [[nodiscard]] const std::string& last_error() const { return last_error_; }
  [[nodiscard]] Env& env() { return env_; }

 private:
  friend class ClientSubscription;
  friend class Inbox;

  enum class State : std::uint8_t { idle, connecting, connected, reconnecting, closed };
  enum class Phase : std::uint8_t { info, pong, ready };  // of a connection's handshake
  struct PongWaiter {
    WaitList waiters;
    bool is_answered = false;
    bool is_lost = false;
  };

  // client.cc
  [[nodiscard]] Instant now() const;
  void remove(ClientSubscription& subscription);
  std::string take_inbox_subject(Inbox& inbox);
  void wake_everyone() noexcept;

  // client_link.cc: the connection, its reader, writer and pinger
  void run_link();
  Status hold_connection(const Address& server);
  Status shake_hands_and_read(Connection& connection, Instant deadline);
  Status handle(const Operation& operation);
  Status handle_error(std::string_view text);
  void become_connected();
  void become_disconnected(const Error& why);
  void deliver(const Operation& operation);
  bool pause_before_round();
  void run_writer();
  void run_pinger();
  [[nodiscard]] std::string connect_json() const;

  Env& env_;
  ClientOptions options_;
  Random random_;
  State state_ = State::idle;
  Phase phase_ = Phase::info;
  bool is_closing_ = false;
  bool is_refused_ = false;     // the server turned it away for good
  std::uint32_t refusals_ = 0;  // of credentials, in a row
  ServerInfo server_;
  std::uint64_t connections_ = 0;
  std::string last_error_;
  WaitList changes_;  // of state_ and is_closing_
  std::size_t tasks_running_ = 0;

  Connection* connection_ = nullptr;  // owned by hold_connection
  std::string out_;                   // to be written
  std::string handshake_;             // to be written before the connection counts
  bool is_writing_ = false;
  std::string reconnect_buffer_;
  WaitList output_;  // the writer: there is some
  WaitList room_;    // publishers: there is less
  WaitList idle_;    // the writer has nothing to do

  std::uint64_t last_sid_ = 1;  // 1 is the inboxes'
  std::map<std::uint64_t, ClientSubscription*> subscriptions_;
  std::string inbox_prefix_;                            // "_INBOX.<22>."
  std::map<std::string, Inbox*, std::less<>> inboxes_;  // by what follows the prefix
  std::deque<PongWaiter*> pongs_;                       // one for each PING, in order; nullptr: nobody waits
  std::uint32_t pings_out_ = 0;
};

}  // namespace windtunnel::core
