#include "core/server/client_link.h"

#include <algorithm>
#include <chrono>

#include "core/base/assert.h"
#include "core/nats/headers.h"
#include "core/nats/subject.h"
#include "core/nats/writer.h"
#include "core/server/server_core.h"

namespace windtunnel::core {
namespace {

constexpr Duration kFirstPing = std::chrono::seconds(2);
constexpr Duration kStall = std::chrono::milliseconds(2);
constexpr Duration kStallWhenFull = std::chrono::milliseconds(5);
constexpr Duration kStallMax = std::chrono::milliseconds(10);  // in one batch
constexpr std::string_view kSystemQueue = "_sys_";

constexpr EventName kConnected{"client.connected"};
constexpr EventName kRefused{"client.refused"};
constexpr EventName kClosed{"client.closed"};

bool is_reserved_subject(std::string_view subject) { return subject.starts_with("_GR_."); }
bool is_reserved_reply(std::string_view reply) {
  return reply.starts_with("_R_.") || reply.starts_with("$JS.ACK.") || reply.starts_with("_GR_.");
}

}  // namespace

ClientLink::ClientLink(ServerCore& core, std::uint64_t id, std::unique_ptr<Connection> connection)
    : Link(core, id, std::move(connection), ParserRole::server_of_client) {
  ParserLimits& limits = parser().limits();
  limits.max_control_line = core_.config().max_control_line;
  limits.max_payload = core_.config().max_payload;
  limits.has_headers = false;  // until CONNECT asks for them
  if (!core_.config().credentials.is_none()) {
    limits.is_connect_required = true;
    set_read_deadline(after(core_.now(), core_.config().auth_timeout));
  }
}

void ClientLink::greet() {
  append_info(output(), info_json(core_.client_info(link_id(), peer().host)));
  flush();
}

void ClientLink::announce_lame_duck() {
  if (connect_.protocol < 1 || !has_answered_ping_) return;
  InfoFields info = core_.client_info(link_id(), peer().host);
  info.is_lame_duck = true;
  append_info(output(), info_json(info));
  flush();
}

ClientInfo ClientLink::client_info() const {
  ClientInfo info = peer_info();
  info.name = connect_.name;
  info.lang = connect_.lang;
  info.version = connect_.version;
  info.kind = "Client";
  info.client_type = "nats";
  return info;
}

void ClientLink::handle(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::connect: handle_connect(operation.text); break;
    case OperationKind::publish: handle_publish(operation); break;
    case OperationKind::subscribe: handle_subscribe(operation); break;
    case OperationKind::unsubscribe: handle_unsubscribe(operation); break;
    case OperationKind::ping:
      handle_ping();
      if (is_connected_) has_answered_ping_ = true;
      break;
    case OperationKind::pong: handle_pong(); break;
    case OperationKind::err: close("Client Error"); break;
    case OperationKind::info:
    case OperationKind::ok: break;
    case OperationKind::message:
    case OperationKind::leaf_subscribe:
    case OperationKind::leaf_unsubscribe:
    case OperationKind::leaf_message: WT_ASSERT(operation.kind == OperationKind::info); break;  // the parser's role rules them out
  }
}

std::string_view ClientLink::objection() const {
  const Credentials& wanted = core_.config().credentials;
  if (!wanted.is_none() && (connect_.user != wanted.user || connect_.password != wanted.password)) {
    return connect_.has_foreign_credentials ? "token, nkey and JWT are not supported" : "wrong user or password";
  }
  if (!connect_.account.empty()) return "accounts other than $G are not supported";
  return {};
}

void ClientLink::handle_connect(std::string_view json) {
  if (const Status parsed = parse_client_connect(json, connect_); !parsed) return close("Protocol Violation");
  if (const std::string_view why = objection(); !why.empty()) {
    core_.log().warn(kRefused, {{"cid", link_id()}, {"peer", peer().host}, {"name", connect_.name}, {"why", why}});
    return refuse("Authorization Violation", "Authentication Failure");
  }
  parser().limits().is_connect_required = false;
  set_read_deadline(kForever);
  if (connect_.protocol < 0 || connect_.protocol > 1) return refuse("invalid client protocol", "Protocol Violation");
  if (connect_.wants_no_responders && !connect_.has_headers) {
    return refuse("no responders requires headers support", "No Responders Requires Headers");
  }
  parser().limits().has_headers = connect_.has_headers;
  if (!is_connected_) {
    is_connected_ = true;
    start_pings(kFirstPing);
    core_.log().debug(kConnected, {{"cid", link_id()}, {"peer", peer().host}, {"name", connect_.name}});
  }
  accept();
}

void ClientLink::handle_publish(const Operation& operation) {
  note_input();
  if (connect_.is_pedantic && !is_valid_literal(operation.subject)) complain("Invalid Publish Subject");
  MessageView message{operation.subject, operation.reply, operation.headers, operation.payload};
  const bool is_mapped = core_.mapping().map(operation.subject, mapped_);
  if (is_mapped) message.subject = mapped_;
  if (is_reserved_subject(message.subject)) {
    return complain("Permissions Violation for Publish to \"" + std::string(message.subject) + "\"");
  }
  if (is_reserved_reply(message.reply)) {
    return complain("Permissions Violation for Publish with Reply of \"" + std::string(message.reply) + "\"");
  }
  accept();
  core_.take_stall();  // what others have left behind
  const RouteOrigin origin{.client = this, .wants_echo = connect_.wants_echo, .is_mapped = is_mapped};
  const bool is_taken = core_.account().route(message, origin);
  stalled_ = std::min(stalled_ + core_.take_stall(), kStallMax);
  if (!is_taken && !message.reply.empty() && connect_.wants_no_responders) send_no_responders(message);
}

// Instead of the 503: what is published here is the hub's affair, says a leaf whose hub is not there.
bool ClientLink::makes_up_ack(std::string_view subject) const {
  const Defects& defects = core_.env().defects;
  if (defects.is_on(Defect::break_silent_no_responders)) return true;
  return defects.is_on(Defect::nats_4148) && !core_.config().remotes.empty() && !core_.account().has_hub() && !subject.starts_with('$');
}

// Only a plain subscription of the same connection gets it, and it counts for no auto-unsubscribe.
void ClientLink::send_no_responders(const MessageView& message) {
  if (is_closed()) return;
  const std::string_view reply = message.reply;
  const AccountSubscription* const subscription = core_.account().plain_of(*this, reply);
  if (subscription == nullptr) return;
  if (makes_up_ack(message.subject)) {
    const std::string ack = core_.made_up_ack();
    append_message(output(), subscription->local->sid, MessageView{reply, {}, {}, ack});
  } else {
    const std::string status = status_block(503);
    append_message(output(), subscription->local->sid, MessageView{reply, {}, status, {}});
  }
  flush();
}

void ClientLink::handle_subscribe(const Operation& operation) {
  note_input();
  if (operation.queue == kSystemQueue) {
    return complain("Permissions Violation for Subscription to \"" + std::string(operation.subject) + "\" using queue \"" +
                    std::string(operation.queue) + "\"");
  }
  const std::uint32_t limit = core_.config().max_subscriptions;
  if (limit != 0 && subscriptions_.size() >= limit) return complain("maximum subscriptions exceeded");
  if (!subscriptions_.contains(operation.sid)) {
    if (!is_valid_subject(operation.subject)) return complain("Invalid Subject");
    AccountSubscription subscription;
    subscription.subject = operation.subject;
    subscription.queue = operation.queue;
    subscription.client = this;
    subscription.local = std::make_unique<LocalSubscription>();
    subscription.local->sid = operation.sid;
    AccountSubscription& added = core_.account().add(std::move(subscription));
    subscriptions_.emplace(operation.sid, &added);
  }
  accept();
}

void ClientLink::handle_unsubscribe(const Operation& operation) {
  note_input();
  const auto found = subscriptions_.find(operation.sid);
  if (found != subscriptions_.end()) {
    AccountSubscription& subscription = *found->second;
    subscription.local->max_msgs = operation.max_msgs;
    if (operation.max_msgs <= subscription.local->delivered) unsubscribe(found);
  }
  accept();
}

void ClientLink::unsubscribe(std::map<std::string, AccountSubscription*, std::less<>>::iterator at) {
  AccountSubscription& subscription = *at->second;
  subscriptions_.erase(at);
  core_.account().remove(subscription);
}

bool ClientLink::deliver(const AccountSubscription& subscription, const MessageView& message) {
  if (is_closed()) return false;
  if (message.headers.empty() || connect_.has_headers) {
    append_message(output(), subscription.local->sid, message);
  } else {
    MessageView bare = message;
    bare.headers = {};
    append_message(output(), subscription.local->sid, bare);
  }
  const std::uint64_t limit = core_.config().max_pending.value;
  if (pending() > limit) {
    close("Slow Consumer (Pending Bytes)", Manner::cut);
    return true;  // as the message before it: on its way, and lost with the connection
  }
  if (pending() > limit / 4 * 3) core_.ask_to_stall(pending() >= limit ? kStallWhenFull : kStall);
  flush();
  return true;
}

void ClientLink::on_auto_unsubscribed(const AccountSubscription& subscription) {
  if (const auto found = subscriptions_.find(subscription.local->sid); found != subscriptions_.end()) subscriptions_.erase(found);
}

void ClientLink::after_batch() {
  // What it asked for itself counts as well: PONG, +OK, -ERR, "no responders".
  if (pending() > core_.config().max_pending.value) return close("Slow Consumer (Pending Bytes)", Manner::cut);
  if (stalled_ == Duration{}) return;
  const Duration stall = std::exchange(stalled_, Duration{});
  core_.tasks().sleep_until(after(core_.now(), stall));
}

void ClientLink::on_read_deadline() { refuse("Authentication Timeout", "Authentication Timeout"); }

void ClientLink::on_close(std::string_view reason) {
  while (!subscriptions_.empty()) unsubscribe(subscriptions_.begin());
  const bool is_slow = reason.starts_with("Slow Consumer");
  core_.log().event(is_slow ? LogLevel::warn : LogLevel::debug, kClosed, {{"cid", link_id()}, {"name", connect_.name}, {"reason", reason}});
  core_.remove_client(link_id());
}

void ClientLink::accept() {
  if (!connect_.is_verbose) return;
  append_ok(output());
  flush();
}

void ClientLink::complain(std::string_view err) {
  append_err(output(), err);
  flush();
}

}  // namespace windtunnel::core
