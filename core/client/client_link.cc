// The client's connection: who dials it, reads from it, writes to it and pings.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/base/assert.h"
#include "core/base/json_writer.h"
#include "core/client/client.h"
#include "core/env/clock.h"
#include "core/env/log.h"
#include "core/nats/writer.h"

namespace windtunnel::core {
namespace {

constexpr std::string_view kInboxSid = "1";
constexpr std::size_t kReadMax = 32 * 1024;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

}  // namespace

// Round and round through the servers; before each round but the very first it pauses.
void Client::run_link() {
  // Also when the task is unwound: whoever destroys the client afterwards finds no task counted.
  struct AtEnd {
    Client& client;
    ~AtEnd() { --client.tasks_running_; }
  };
  {
    const AtEnd at_end{*this};
    bool is_first_round = true;
    while (!is_closing_ && !is_refused_) {
      if (!is_first_round && !pause_before_round()) break;
      is_first_round = false;
      for (std::size_t i = 0; i < options_.servers.size() && !is_closing_ && !is_refused_; ++i) {
        const Status ended = hold_connection(options_.servers[i]);
        become_disconnected(ended ? error(Errc::closed, "connection closed") : ended.error());
      }
    }
    state_ = State::closed;
    is_closing_ = true;
    env_.log.debug("client.closed", {{"client", options_.name}, {"why", last_error_}});
  }
  wake_everyone();
}

// False if the client was closed meanwhile.
bool Client::pause_before_round() {
  Duration jitter{0};
  if (options_.reconnect_jitter > Duration{0}) jitter = random_.between(Duration{0}, options_.reconnect_jitter - Duration{1});
  const Instant until = after(now(), options_.reconnect_wait + jitter);
  while (!is_closing_ && now() < until) changes_.wait(env_.tasks, "client reconnect", until);
  return !is_closing_;
}

// Dials, and returns when that failed or the connection has ended.
Status Client::hold_connection(const Address& server) {
  phase_ = Phase::info;
  const Instant deadline = after(now(), options_.connect_timeout);
  WT_TRY(const std::unique_ptr<Connection> connection, env_.network.connect(server, deadline));
  if (is_closing_) return error(Errc::closed, "client closed");
  // The writer may stand in a call of the connection: it must be out before the connection goes.
  struct Published {
    Client& client;
    Published(Client& c, Connection& connection) : client(c) { client.connection_ = &connection; }
    ~Published() { client.connection_ = nullptr; }
    Published(const Published&) = delete;
    Published& operator=(const Published&) = delete;
  };
  Status ended;
  {
    const Published published(*this, *connection);
    ended = shake_hands_and_read(*connection, deadline);
  }
  connection->close();
  while (is_writing_) idle_.wait(env_.tasks, "client writer");
  return ended;
}

Status Client::shake_hands_and_read(Connection& connection, Instant deadline) {
  Parser parser(ParserRole::client, {.max_control_line = kLongLineMax});
  std::string buffer(kReadMax, '\0');
  for (;;) {
    WT_TRY(const std::size_t count, connection.read(buffer, phase_ == Phase::ready ? kForever : deadline));
    if (count == 0) return error(Errc::closed, "the server closed the connection");
    parser.feed(std::string_view(buffer).substr(0, count));
    Operation operation;
    for (Parse parse = parser.next(operation); parse != Parse::need_more; parse = parser.next(operation)) {
      if (parse == Parse::violation) return error(Errc::protocol, "the server broke the protocol");
      WT_CHECK(handle(operation));
      if (is_closing_) return error(Errc::closed, "client closed");
    }
    if (phase_ == Phase::pong && !handshake_.empty()) {
      // The handshake's own bytes; the writer takes over when it is through.
      const std::string handshake = std::exchange(handshake_, {});
      WT_CHECK(connection.write(handshake, deadline));
    }
  }
}

std::string Client::connect_json() const {
  JsonWriter json;
  json.begin_object().field("verbose", false).field("pedantic", false).field("tls_required", false).field("name", options_.name);
  json.field("lang", "cpp")
      .field("version", "0.1.0")
      .field("protocol", 1)
      .field("echo", true)
      .field("headers", true)
      .field("no_responders", true);
  if (!options_.user.empty()) json.field("user", options_.user).field("pass", options_.password);
  json.end_object();
  return json.take();
}

Status Client::handle(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::info: {
      WT_TRY(ServerInfo info, parse_server_info(operation.text));
      server_ = std::move(info);
      if (phase_ != Phase::info) return {};
      if (server_.is_tls_required) {
        is_refused_ = true;
        return error(Errc::unsupported, "the server demands TLS");
      }
      append_connect(handshake_, connect_json());
      append_ping(handshake_);
      phase_ = Phase::pong;
      return {};
    }
    case OperationKind::ping:
      append_pong(phase_ == Phase::ready ? out_ : handshake_);
      output_.wake_all(env_.tasks);
      return {};
    case OperationKind::pong:
      if (phase_ == Phase::pong) {
        become_connected();
        return {};
      }
      pings_out_ = 0;
      if (pongs_.empty()) return {};
      if (PongWaiter* const waiter = pongs_.front(); waiter != nullptr) {
        waiter->is_answered = true;
        waiter->waiters.wake_all(env_.tasks);
      }
      pongs_.pop_front();
      return {};
    case OperationKind::message: deliver(operation); return {};
    case OperationKind::err: return handle_error(operation.text);
    default: return {};  // +OK
  }
}

// As nats.go sorts them: some end the connection, some end the client, some are for the application to know.
Status Client::handle_error(std::string_view text) {
  last_error_ = text;
  env_.log.debug("client.error", {{"client", options_.name}, {"text", text}});
  const std::string said = lower(text);
  const auto has = [&](std::string_view part) { return said.find(part) != std::string::npos; };
  if (has("permissions violation") || has("invalid subject") || has("maximum subscriptions")) return {};
  if (has("stale connection") || has("maximum connections exceeded") || has("server shutdown"))
    return error(Errc::reset, std::string(text));
  if (has("authorization violation") || has("authentication")) {
    is_refused_ = ++refusals_ >= 2;  // twice in a row: the credentials will not get better
    return error(Errc::refused, std::string(text));
  }
  is_refused_ = true;
  return error(Errc::protocol, std::string(text));
}

void Client::become_connected() {
  phase_ = Phase::ready;
  refusals_ = 0;
  pings_out_ = 0;
  ++connections_;
  // First the subscriptions, so that answers to what was kept find their way.
  append_subscribe(out_, inbox_prefix_ + "*", {}, kInboxSid);
  for (const auto& [sid, subscription] : subscriptions_)
    append_subscribe(out_, subscription->subject_, subscription->queue_, std::to_string(sid));
  out_.append(reconnect_buffer_);
  reconnect_buffer_.clear();
  state_ = State::connected;
  env_.log.debug("client.connected", {{"client", options_.name}, {"server", server_.server_name}, {"connections", connections_}});
  changes_.wake_all(env_.tasks);
  output_.wake_all(env_.tasks);
}

void Client::become_disconnected(const Error& why) {
  if (last_error_.empty() || why.code != Errc::closed) last_error_ = why.text();
  handshake_.clear();
  if (state_ != State::connected) return;
  state_ = State::reconnecting;
  env_.log.debug("client.disconnected", {{"client", options_.name}, {"why", why.text()}});
  out_.clear();
  for (PongWaiter* const waiter : pongs_) {
    if (waiter == nullptr) continue;
    waiter->is_lost = true;
    waiter->waiters.wake_all(env_.tasks);
  }
  pongs_.clear();
  for (const auto& [sid, subscription] : subscriptions_) {
    subscription->is_interrupted_ = true;
    subscription->waiters_.wake_all(env_.tasks);
  }
  changes_.wake_all(env_.tasks);
  room_.wake_all(env_.tasks);
}

void Client::deliver(const Operation& operation) {
  const MessageView view{
      .subject = operation.subject, .reply = operation.reply, .headers = operation.headers, .payload = operation.payload};
  if (operation.sid == kInboxSid) {
    if (operation.subject.substr(0, inbox_prefix_.size()) != inbox_prefix_) return;
    const auto found = inboxes_.find(operation.subject.substr(inbox_prefix_.size()));
    if (found == inboxes_.end()) return;  // nobody waits any more
    found->second->messages_.emplace_back(view);
    found->second->waiters_.wake_all(env_.tasks);
    return;
  }
  std::uint64_t sid = 0;
  const char* const end = operation.sid.data() + operation.sid.size();
  if (const auto [stop, failure] = std::from_chars(operation.sid.data(), end, sid); failure != std::errc{} || stop != end) return;
  const auto found = subscriptions_.find(sid);
  if (found == subscriptions_.end()) return;
  ClientSubscription& subscription = *found->second;
  if (subscription.messages_.size() >= options_.pending_max) {
    ++subscription.dropped_;
    return;
  }
  subscription.messages_.emplace_back(view);
  subscription.waiters_.wake_one(env_.tasks);
}

// Writes what has gathered, in one piece.
void Client::run_writer() {
  struct AtEnd {
    Client& client;
    ~AtEnd() {
      --client.tasks_running_;
      client.is_writing_ = false;
    }
  };
  {
    const AtEnd at_end{*this};
    std::string chunk;
    while (!is_closing_) {
      // Still connected, for a connection that has ended while a write stood in it: whoever holds it waits for us.
      const bool can_write = state_ == State::connected && connection_ != nullptr;
      if (!can_write || out_.empty()) {
        idle_.wake_all(env_.tasks);
        output_.wait(env_.tasks, "client writer");
        continue;
      }
      chunk.swap(out_);
      Connection& connection = *connection_;
      is_writing_ = true;
      room_.wake_all(env_.tasks);
      const Status written = connection.write(chunk, after(now(), options_.write_timeout));
      is_writing_ = false;
      idle_.wake_all(env_.tasks);
      chunk.clear();
      // The reader learns of it, and ends the connection. It may have done so already.
      if (!written && connection_ == &connection) connection.close();
    }
  }
  wake_everyone();
}

void Client::run_pinger() {
  struct AtEnd {
    Client& client;
    ~AtEnd() { --client.tasks_running_; }
  };
  {
    const AtEnd at_end{*this};
    std::uint64_t connection = 0;
    Instant due = kForever;
    while (!is_closing_) {
      if (state_ == State::connected && connection != connections_) {
        connection = connections_;
        due = after(now(), options_.ping_interval);
      }
      if (state_ != State::connected) due = kForever;
      if (due > now()) {
        changes_.wait(env_.tasks, "client pinger", due);
        continue;
      }
      due = after(now(), options_.ping_interval);
      if (++pings_out_ > options_.pings_out_max) {
        last_error_ = "stale connection";
        env_.log.debug("client.stale", {{"client", options_.name}});
        if (connection_ != nullptr) connection_->close();
        continue;
      }
      pongs_.push_back(nullptr);
      append_ping(out_);
      output_.wake_all(env_.tasks);
    }
  }
  wake_everyone();
}

}  // namespace windtunnel::core
