#include "core/server/leaf_link.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/nats/subject.h"
#include "core/nats/writer.h"
#include "core/server/server_core.h"

namespace windtunnel::core {
namespace {

constexpr std::string_view kLoopPrefix = "$LDS.";
// More than any group has members; the choice of a member adds weights up.
constexpr std::uint32_t kWeightMax = 1'000'000;

constexpr EventName kClosed{"leaf.closed"};
constexpr EventName kLoop{"leaf.loop"};
constexpr EventName kDenied{"leaf.interest_denied"};
constexpr EventName kSlow{"leaf.slow_consumer"};

bool is_loop_subject(std::string_view subject) { return subject.starts_with(kLoopPrefix); }
bool is_exempt(std::string_view subject) { return is_loop_subject(subject) || subject.starts_with("_R_.") || subject.starts_with("_GR_."); }

}  // namespace

LeafLink::LeafLink(ServerCore& core, std::uint64_t id, std::unique_ptr<Connection> connection, const LeafRemote* remote)
    : Link(core, id, std::move(connection), ParserRole::leaf),
      remote_(remote),
      is_spoke_(remote != nullptr && !remote->is_hub),
      interest_(core.account().names()) {
  if (is_solicitor()) {
    set_read_deadline(after(core_.now(), core_.config().leaf_first_info_timeout));
  } else {
    parser().limits().is_connect_required = true;
    set_read_deadline(after(core_.now(), core_.config().auth_timeout));
  }
}

void LeafLink::handle(const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::info: handle_info(operation.text); break;
    case OperationKind::connect: handle_connect(operation.text); break;
    case OperationKind::ping: handle_ping(); break;
    case OperationKind::pong: handle_pong(); break;
    case OperationKind::err: handle_err(operation.text); break;
    case OperationKind::ok: break;
    case OperationKind::leaf_subscribe: handle_leaf_subscribe(operation); break;
    case OperationKind::leaf_unsubscribe: handle_leaf_unsubscribe(operation); break;
    case OperationKind::leaf_message: handle_leaf_message(operation); break;
    case OperationKind::publish:
    case OperationKind::subscribe:
    case OperationKind::unsubscribe:
    case OperationKind::message: WT_ASSERT(operation.kind == OperationKind::info); break;  // the parser's role rules them out
  }
}

void LeafLink::handle_leaf_subscribe(const Operation& operation) {
  note_input();
  ++heard_;
  if (!is_registered_) return close("Protocol Violation");
  if (!is_valid_subject(operation.subject)) {
    append_err(output(), "Invalid Subscription");
    return flush();
  }
  if (operation.subject == core_.loop_subject()) return break_loop();
  // A hub holds its spokes to their permissions; a spoke passes over what it may not send. Wildcards are let through: their
  // messages are filtered one by one.
  if (!is_exempt(operation.subject) && !has_wildcard(operation.subject) && !may_send(operation.subject)) {
    if (is_spoke_) return;
    core_.log().warn(kDenied, {{"cid", link_id()}, {"remote", remote_name_}, {"subject", operation.subject}});
    if (is_solicitor()) penalty_ = core_.config().leaf_penalty;
    return refuse("Permissions Violation for Subscription to \"" + std::string(operation.subject) + "\"", "Permissions Violation");
  }
  const std::uint32_t weight = std::clamp<std::uint32_t>(operation.weight, 1, kWeightMax);
  if (AccountSubscription* const known = core_.account().find(*this, operation.subject, operation.queue); known != nullptr) {
    if (!operation.queue.empty()) core_.account().set_weight(*known, weight);
    return;
  }
  AccountSubscription subscription;
  subscription.subject = operation.subject;
  subscription.queue = operation.queue;
  subscription.weight = operation.queue.empty() ? 1 : weight;
  subscription.leaf = this;
  subscription.place = static_cast<std::uint32_t>(subscriptions_.size());
  subscriptions_.push_back(&core_.account().add(std::move(subscription)));
}

void LeafLink::handle_leaf_unsubscribe(const Operation& operation) {
  note_input();
  ++heard_;
  AccountSubscription* const known = core_.account().find(*this, operation.subject, operation.queue);
  if (known == nullptr) return;
  forget(*known);
  core_.account().remove(*known);
}

// The last one takes its place.
void LeafLink::forget(AccountSubscription& subscription) {
  WT_ASSERT(subscription.place < subscriptions_.size() && subscriptions_[subscription.place] == &subscription);
  subscriptions_[subscription.place] = subscriptions_.back();
  subscriptions_[subscription.place]->place = subscription.place;
  subscriptions_.pop_back();
}

void LeafLink::handle_leaf_message(const Operation& operation) {
  note_input();
  if (!is_registered_) return close("Protocol Violation");
  MessageView message{operation.subject, operation.reply, operation.headers, operation.payload};
  const bool is_mapped = core_.mapping().map(operation.subject, mapped_);
  if (is_mapped) message.subject = mapped_;
  core_.account().route(message, RouteOrigin{.leaf = this, .is_mapped = is_mapped, .queues = operation.queues});
}

// Once it is registered: what is slow before that is closed (wire 12).
bool LeafLink::keeps_slow_peer() {
  if (!is_registered_) return false;
  core_.log().warn(kSlow, {{"cid", link_id()}, {"remote", remote_name_}, {"pending", pending()}});
  return true;
}

ClientInfo LeafLink::client_info() const {
  // As 2.10.27 has it: only one that dialled us has said who it is, and only one that dials is of a cluster.
  ClientInfo info = peer_info();
  info.server = remote_name_;
  if (is_solicitor()) {
    info.cluster = core_.cluster();
  } else {
    info.name = remote_name_;
    info.version = remote_version_;
  }
  info.kind = "Leafnode";
  return info;
}

void LeafLink::deliver(const MessageView& message, std::span<const std::string_view> queues) {
  WT_ASSERT(is_registered_);
  // Not bounded: a dead link swallows messages until it is found dead, as nats-server's does (wire 12).
  if (message.headers.empty() || has_headers_) {
    append_leaf_message(output(), message, queues);
  } else {
    MessageView bare = message;
    bare.headers = {};
    append_leaf_message(output(), bare, queues);
  }
  flush();
}

bool LeafLink::is_forwarded(const AccountSubscription& subscription) const {
  if (!subscription.is_leaf()) return true;
  const LeafReceiver& from = *subscription.leaf;
  if (&from == this) return false;
  const bool is_same_cluster = !from.remote_cluster().empty() && from.remote_cluster() == remote_cluster_;
  if (is_same_cluster) return false;
  // A spoke passes on what its own spokes want, never what another hub of its does. Loops are found either way.
  return !is_spoke_ || !from.is_spoke_side() || is_loop_subject(subscription.subject);
}

void LeafLink::on_interest(const AccountSubscription& subscription, std::int64_t delta) {
  if (!is_forwarded(subscription)) return;
  if (delta < 0 && core_.env().defects.is_on(Defect::break_leaf_interest)) return;
  // In both directions: what was kept back was not counted. (nats-server counts it down all the same, and so a node in a chain
  // withdraws its own $JS.API.> when its hub goes, which announces the same.)
  if (!is_exempt(subscription.subject) && !permissions_.may_announce(subscription.subject)) return;
  interest_.change(subscription.name, delta, output());
  flush();
}

// The first burst: everything that is wanted here, or behind this node.
void LeafLink::send_all_interest() {
  InterestNames& names = core_.account().names();
  const auto add = [&](std::string_view subject, std::string_view queue, std::int64_t count) {
    const InterestNames::Id name = names.take(subject, queue);
    interest_.add(name, count);
    names.release(name);
  };
  core_.account().each([&](const AccountSubscription& subscription) {
    if (!is_forwarded(subscription)) return;
    if (!is_exempt(subscription.subject) && !permissions_.may_announce(subscription.subject)) return;
    add(subscription.subject, subscription.queue, subscription.count());
  });
  // The API itself and the subjects that are mapped to it are no subscriptions, but taken all the same. A hub announces
  // them whatever the permissions say (wire 14.2).
  const auto add_api = [&](std::string_view subject) {
    if (!is_spoke_ || permissions_.may_announce(subject)) add(subject, {}, 1);
  };
  if (core_.config().jetstream) add_api("$JS.API.>");
  for (const std::string& source : core_.mapping().sources()) add_api(source);
  add(core_.loop_subject(), {}, 1);
  interest_.append_all(output());
  flush();
}

InterestReading::Link LeafLink::read() const {
  InterestReading::Link link;
  link.id = link_id();
  link.remote_id = remote_id_;
  link.remote_name = remote_name_;
  link.remote_cluster = remote_cluster_;
  link.is_solicitor = is_solicitor();
  link.is_spoke = is_spoke_;
  const InterestNames& names = core_.account().names();
  for (const InterestNames::Id name : interest_.all()) {
    const std::string_view queue = names.queue(name);
    link.announced.push_back({std::string{names.subject(name)}, std::string{queue}, queue.empty() ? 1 : interest_.count(name)});
  }
  link.said = interest_.said();
  for (const AccountSubscription* known : subscriptions_) link.known.push_back({known->subject, known->queue, known->count()});
  std::sort(link.known.begin(), link.known.end());
  link.heard = heard_;
  return link;
}

void LeafLink::break_loop() {
  core_.log().warn(kLoop, {{"cid", link_id()}, {"remote", remote_name_}});
  if (is_solicitor()) penalty_ = core_.config().leaf_penalty;
  refuse("Loop detected for leafnode account=\"$G\". Delaying attempt to reconnect for 30s", "Loop");
}

void LeafLink::handle_err(std::string_view text) {
  const bool is_loop = text.find("Loop detected") != std::string_view::npos;
  const bool is_same_cluster = text.find("remote leafnode has same cluster name") != std::string_view::npos;
  constexpr EventName kErr{"leaf.remote_error"};
  core_.log().warn(kErr, {{"cid", link_id()}, {"remote", remote_name_}, {"text", text}});
  if (!is_solicitor() || !(is_loop || is_same_cluster)) return;  // the peer decides about closing
  penalty_ = core_.config().leaf_penalty;
  if (is_loop) close("Loop");
}

void LeafLink::on_close(std::string_view reason) {
  if (is_registered_) core_.account().remove_leaf(*this);
  // In order of creation, so that what other leaf nodes are told is the same in every run.
  std::vector<AccountSubscription*> gone = std::move(subscriptions_);
  subscriptions_.clear();
  std::sort(gone.begin(), gone.end(), [](const AccountSubscription* a, const AccountSubscription* b) { return a->order < b->order; });
  for (AccountSubscription* const subscription : gone) core_.account().remove(*subscription);
  core_.log().info(
      kClosed, {{"cid", link_id()}, {"remote", remote_name_}, {"peer", peer().host}, {"solicited", is_solicitor()}, {"reason", reason}});
  core_.remove_leaf(link_id());
}

}  // namespace windtunnel::core
