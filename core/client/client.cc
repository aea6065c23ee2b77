#include "core/client/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/assert.h"
#include "core/env/clock.h"
#include "core/nats/headers.h"
#include "core/nats/subject.h"
#include "core/nats/writer.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kOutputMax = 1u << 20;  // beyond it publishers wait for the writer
constexpr Duration kCloseFlush = std::chrono::seconds{1};

}  // namespace

Client::Client(Env& env, ClientOptions options)
    : env_(env), options_(std::move(options)), random_(env.random.child("client/" + options_.name)) {
  WT_ASSERT(!options_.servers.empty());
  inbox_prefix_ = new_inbox() + ".";
}

std::string Client::new_inbox() {
  std::array<char, 32> buffer{};
  return "_INBOX." + std::string(random_.token(22, buffer));
}

Client::~Client() {
  WT_ASSERT(tasks_running_ == 0);
  WT_ASSERT(inboxes_.empty());
}

Instant Client::now() const { return env_.clock.now(); }

Status Client::connect(Instant deadline) {
  WT_ASSERT(state_ == State::idle);
  state_ = State::connecting;
  tasks_running_ = 3;
  env_.tasks.spawn("client link", [this] { run_link(); });
  env_.tasks.spawn("client writer", [this] { run_writer(); });
  env_.tasks.spawn("client pinger", [this] { run_pinger(); });
  while (state_ == State::connecting) {
    if (changes_.wait(env_.tasks, "client connect", deadline) == Wake::timed_out && state_ == State::connecting) {
      return error(Errc::timeout, last_error_.empty() ? std::string("connect") : last_error_);
    }
  }
  if (state_ == State::closed) return error(Errc::closed, last_error_);
  return {};
}

void Client::close() {
  if (state_ == State::idle) state_ = State::closed;
  const Instant deadline = after(now(), kCloseFlush);
  while (state_ == State::connected && (!out_.empty() || is_writing_)) {
    if (idle_.wait(env_.tasks, "client close", deadline) == Wake::timed_out) break;
  }
  is_closing_ = true;
  if (connection_ != nullptr) connection_->close();
  wake_everyone();
  while (tasks_running_ > 0) changes_.wait(env_.tasks, "client close");
}

void Client::wake_everyone() noexcept {
  changes_.wake_all(env_.tasks);
  output_.wake_all(env_.tasks);
  room_.wake_all(env_.tasks);
  idle_.wake_all(env_.tasks);
  for (const auto& [sid, subscription] : subscriptions_) subscription->waiters_.wake_all(env_.tasks);
  for (const auto& [token, inbox] : inboxes_) inbox->waiters_.wake_all(env_.tasks);
}

Status Client::publish(const MessageView& message) {
  if (state_ == State::closed || is_closing_) return error(Errc::closed, "the client was closed");
  if (!is_valid_literal(message.subject))
    return error(Errc::invalid_argument, "cannot publish to \"" + std::string(message.subject) + "\"");
  if (!message.reply.empty() && !is_valid_literal(message.reply)) {
    return error(Errc::invalid_argument, "bad reply subject \"" + std::string(message.reply) + "\"");
  }
  const std::size_t size = message.headers.size() + message.payload.size();
  if (server_.max_payload >= 0 && size > static_cast<std::uint64_t>(server_.max_payload)) {
    return error(Errc::limit_reached, std::to_string(size) + " bytes; the server takes " + std::to_string(server_.max_payload));
  }
  if (connections_ > 0 && !message.headers.empty() && !server_.has_headers) return error(Errc::unsupported, "the server knows no headers");

  if (state_ == State::connected) {
    append_publish(out_, message);
    output_.wake_all(env_.tasks);
    while (state_ == State::connected && out_.size() > kOutputMax) room_.wait(env_.tasks, "client publish");
    return {};
  }
  const std::size_t before = reconnect_buffer_.size();
  append_publish(reconnect_buffer_, message);
  if (reconnect_buffer_.size() <= options_.reconnect_buffer.value) return {};
  reconnect_buffer_.resize(before);
  return error(Errc::no_space, "not connected, and the reconnect buffer is full");
}

Status Client::flush(Instant deadline) {
  while (state_ == State::connecting || state_ == State::reconnecting) {
    if (changes_.wait(env_.tasks, "client flush", deadline) == Wake::timed_out && state_ != State::connected) {
      return error(Errc::timeout, "flush: not connected");
    }
  }
  if (state_ != State::connected || is_closing_) return error(Errc::closed, "flush");
  // Leaves the queue of pongs with the stack, whichever way this returns.
  struct Registered {
    std::deque<PongWaiter*>& pongs;
    PongWaiter waiter;
    explicit Registered(std::deque<PongWaiter*>& p) : pongs(p) { pongs.push_back(&waiter); }
    ~Registered() { std::replace(pongs.begin(), pongs.end(), &waiter, static_cast<PongWaiter*>(nullptr)); }
    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;
  } registered{pongs_};
  PongWaiter& pong = registered.waiter;
  append_ping(out_);
  output_.wake_all(env_.tasks);
  while (!pong.is_answered) {
    if (pong.is_lost) return error(is_closing_ ? Errc::closed : Errc::reset, "flush: the connection broke");
    if (pong.waiters.wait(env_.tasks, "client flush", deadline) == Wake::timed_out && !pong.is_answered && !pong.is_lost) {
      return error(Errc::timeout, "flush");
    }
  }
  return {};
}

Result<std::unique_ptr<ClientSubscription>> Client::subscribe(std::string_view subject, std::string_view queue) {
  if (state_ == State::closed || is_closing_) return error(Errc::closed, "the client was closed");
  if (!is_valid_subject(subject)) return error(Errc::invalid_argument, "cannot subscribe to \"" + std::string(subject) + "\"");
  if (queue.find_first_of(" \t\r\n") != std::string_view::npos)
    return error(Errc::invalid_argument, "bad queue group \"" + std::string(queue) + "\"");
  const std::uint64_t sid = ++last_sid_;
  std::unique_ptr<ClientSubscription> made(new ClientSubscription(*this, sid, std::string(subject), std::string(queue)));
  subscriptions_.emplace(sid, made.get());
  if (state_ == State::connected) {
    append_subscribe(out_, subject, queue, std::to_string(sid));
    output_.wake_all(env_.tasks);
  }
  return made;
}

Reply Client::request(std::string_view subject, std::string_view payload, Instant deadline, std::string_view headers) {
  Inbox inbox(*this);
  if (const Status sent = publish({.subject = subject, .reply = inbox.subject(), .headers = headers, .payload = payload}); !sent) {
    const Errc code = sent.error().code;
    const bool is_offline = code == Errc::closed || code == Errc::no_space;
    return {is_offline ? Reply::Kind::disconnected : Reply::Kind::refused, {}, sent.error().text()};
  }
  std::optional<Message> answer = inbox.next(deadline);
  if (!answer) return {Reply::Kind::timeout, {}, {}};  // or the client was closed: the same to know
  const std::optional<HeaderStatus> status = header_status(answer->headers);
  if (status && status->code == 503 && answer->payload.empty()) return {Reply::Kind::no_responders, std::move(*answer), {}};
  return {Reply::Kind::message, std::move(*answer), {}};
}

// ---- subscriptions and inboxes ----

void Client::remove(ClientSubscription& subscription) { subscriptions_.erase(subscription.sid_); }

ClientSubscription::~ClientSubscription() {
  if (is_active_) client_.remove(*this);
}

void ClientSubscription::unsubscribe() {
  if (!is_active_) return;
  is_active_ = false;
  client_.remove(*this);
  waiters_.wake_all(client_.env_.tasks);
  if (client_.state_ != Client::State::connected) return;
  append_unsubscribe(client_.out_, std::to_string(sid_));
  client_.output_.wake_all(client_.env_.tasks);
}

std::optional<Message> ClientSubscription::next(Instant deadline, bool until_disconnect) {
  while (messages_.empty()) {
    if (!is_active_ || (until_disconnect && is_interrupted_) || client_.is_closing_ || client_.is_closed()) return std::nullopt;
    if (waiters_.wait(client_.env_.tasks, "client message", deadline) == Wake::timed_out && messages_.empty()) return std::nullopt;
  }
  std::optional<Message> message{std::move(messages_.front())};
  messages_.pop_front();
  return message;
}

std::string Client::take_inbox_subject(Inbox& inbox) {
  for (;;) {
    std::array<char, 32> buffer{};
    const std::string_view token = random_.token(8, buffer);
    if (!inboxes_.emplace(token, &inbox).second) continue;
    std::string subject;
    subject.reserve(inbox_prefix_.size() + token.size());
    return subject.append(inbox_prefix_).append(token);
  }
}

Inbox::Inbox(Client& client) : client_(client), subject_(client.take_inbox_subject(*this)) {}

Inbox::~Inbox() { client_.inboxes_.erase(subject_.substr(client_.inbox_prefix_.size())); }

std::optional<Message> Inbox::next(Instant deadline) {
  while (messages_.empty()) {
    if (client_.is_closing_ || client_.is_closed()) return std::nullopt;
    if (waiters_.wait(client_.env_.tasks, "client answer", deadline) == Wake::timed_out && messages_.empty()) return std::nullopt;
  }
  std::optional<Message> message{std::move(messages_.front())};
  messages_.pop_front();
  return message;
}

}  // namespace windtunnel::core
