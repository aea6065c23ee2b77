// How a leaf connection comes to be: INFO, CONNECT, INFO, interest (reference: wire 13.2, 14.2).
#include <algorithm>

#include "core/base/assert.h"
#include "core/nats/writer.h"
#include "core/server/leaf_link.h"
#include "core/server/server.h"
#include "core/server/server_core.h"

namespace windtunnel::core {
namespace {

constexpr Duration kFirstPing = std::chrono::seconds(1);
constexpr std::size_t kNonceSize = 15;

constexpr EventName kConnected{"leaf.connected"};
constexpr EventName kRefused{"leaf.refused"};
constexpr EventName kReplaced{"leaf.replaced"};

std::string make_nonce(Random& random) {
  std::array<char, 32> buffer{};
  return std::string(random.token(kNonceSize, buffer));
}

bool has_blank(std::string_view text) { return text.find_first_of(" \t\r\n") != std::string_view::npos; }

}  // namespace

void LeafLink::greet() {
  if (is_solicitor()) return;
  nonce_ = make_nonce(core_.nonce_random());
  append_info(output(), info_json(core_.leaf_info(link_id(), nonce_)));
  flush();
}

void LeafLink::handle_info(std::string_view json) {
  if (!is_solicitor()) return;  // only an older or clustered peer would send it
  Result<LeafInfo> parsed = parse_leaf_info(json);
  if (!parsed) return close("Protocol Violation");
  const LeafInfo& info = *parsed;
  if (!is_first_info_seen_) return handle_first_info(info);
  if (info.leaf_urls) announced_urls_ = *info.leaf_urls;
  if (!info.is_connect_info || is_registered_) return;
  remote_account_ = info.remote_account;
  // What the acceptor lets us publish and subscribe to, on top of our own rules.
  const auto merge = [](LeafSubjects& into, const LeafSubjects& from) {
    into.allow.insert(into.allow.end(), from.allow.begin(), from.allow.end());
    into.deny.insert(into.deny.end(), from.deny.begin(), from.deny.end());
  };
  merge(permissions_.publish, info.export_rules);
  merge(permissions_.subscribe, info.import_rules);
  register_with_account();
}

void LeafLink::handle_first_info(const LeafInfo& info) {
  is_first_info_seen_ = true;
  std::string_view objection;
  if (info.client_id == 0 || !info.leaf_urls) objection = "attempted to connect to wrong port";
  if (info.is_tls_required) objection = "the remote requires TLS, which is not supported";
  if (!objection.empty()) {
    core_.log().error(kRefused, {{"cid", link_id()}, {"remote", info.server_name}, {"why", objection}});
    return close("Wrong Port");
  }
  remote_name_ = info.server_name;
  remote_id_ = info.client_id;
  remote_cluster_ = info.cluster;
  remote_domain_ = info.domain;
  has_headers_ = info.has_headers;
  announced_urls_ = *info.leaf_urls;
  send_connect();
  if (info.is_info_on_connect) {
    set_read_deadline(after(core_.now(), core_.config().leaf_second_info_timeout));
  } else {
    register_with_account();
  }
}

void LeafLink::send_connect() {
  LeafConnect connect;
  connect.user = remote_->credentials.user;
  connect.password = remote_->credentials.password;
  connect.server_id = core_.id();
  connect.domain = core_.config().domain;
  connect.name = core_.config().name;
  connect.is_hub = remote_->is_hub;
  connect.cluster = core_.cluster();
  connect.has_headers = has_headers_;
  connect.has_jetstream = core_.config().jetstream;
  connect.deny_pub = remote_->deny_imports;
  connect.remote_account = "$G";
  append_connect(output(), leaf_connect_json(connect));
  flush();
}

void LeafLink::handle_connect(std::string_view json) {
  if (is_solicitor() || is_connect_seen_) return close("Protocol Violation");
  const Result<LeafConnect> parsed = parse_leaf_connect(json);
  if (!parsed) return close("Protocol Violation");
  const LeafConnect& connect = *parsed;
  if (!is_welcome(connect)) return;
  is_connect_seen_ = true;
  parser().limits().is_connect_required = false;
  is_spoke_ = connect.is_hub;
  has_headers_ = connect.has_headers;
  remote_name_ = connect.name;
  remote_version_ = connect.version;
  remote_cluster_ = connect.cluster;
  remote_domain_ = connect.domain;
  remote_account_ = connect.remote_account;
  permissions_.publish.deny = connect.deny_pub;
  evict_duplicates();
  InfoFields info = core_.leaf_info(link_id(), nonce_);
  info.is_connect_info = true;
  append_info(output(), info_json(info));
  register_with_account();
}

// Refuses the connection if not.
bool LeafLink::is_welcome(const LeafConnect& connect) {
  const auto refuse_with = [&](std::string_view err, std::string_view reason, std::string_view why) {
    core_.log().warn(kRefused, {{"cid", link_id()}, {"remote", connect.name}, {"peer", peer().host}, {"why", why}});
    refuse(err, reason);
    return false;
  };
  if (!connect.lang.empty()) {
    constexpr std::string_view kErr = "attempted to connect to leaf node port";
    return refuse_with(kErr, "Wrong Port", kErr);
  }
  const Credentials& wanted = core_.config().leaf_credentials;
  if (!wanted.is_none() && (connect.user != wanted.user || connect.password != wanted.password)) {
    return refuse_with("Authorization Violation", "Authentication Failure", "wrong user or password");
  }
  if (has_blank(connect.cluster)) {
    constexpr std::string_view kErr = "cluster name cannot contain spaces or new lines";
    return refuse_with(kErr, "Protocol Violation", kErr);
  }
  if (!connect.cluster.empty() && connect.cluster == core_.cluster()) {
    constexpr std::string_view kErr = "remote leafnode has same cluster name";
    return refuse_with(kErr, "Cluster Name Conflict", kErr);
  }
  return true;
}

// The same server over a new connection: the old one is dead, only not yet found so. The new one wins.
void LeafLink::evict_duplicates() {
  if (remote_name_.empty() || remote_account_.empty()) return;  // an older server says neither
  std::vector<std::shared_ptr<LeafLink>> old;
  for (const auto& [id, other] : core_.leaf_links()) {
    if (other.get() == this || other->is_solicitor() || !other->is_registered()) continue;
    if (other->remote_name_ != remote_name_ || other->remote_cluster_ != remote_cluster_ || other->remote_account_ != remote_account_)
      continue;
    old.push_back(other);
  }
  for (const std::shared_ptr<LeafLink>& other : old) {
    core_.log().warn(kReplaced, {{"cid", other->link_id()}, {"by", link_id()}, {"remote", remote_name_}});
    other->refuse("Duplicate Remote LeafNode Connection", "Duplicate Remote LeafNode Connection");
  }
}

// Whether a spoke of ours is of the cluster that we have dialled: messages would go round (wire 13.6).
bool LeafLink::is_dialling_own_spoke() const {
  const auto& links = core_.leaf_links();
  return is_solicitor() && !remote_cluster_.empty() && std::any_of(links.begin(), links.end(), [&](const auto& entry) {
           const LeafLink& other = *entry.second;
           return !other.is_solicitor() && !other.is_spoke_ && other.is_registered() && other.remote_cluster_ == remote_cluster_;
         });
}

void LeafLink::register_with_account() {
  WT_ASSERT(!is_registered_);
  if (is_dialling_own_spoke()) return break_loop();
  if (is_solicitor()) {
    const auto append = [](std::vector<std::string>& into, const std::vector<std::string>& from) {
      into.insert(into.end(), from.begin(), from.end());
    };
    append(permissions_.publish.deny, remote_->deny_exports);
    append(permissions_.subscribe.deny, remote_->deny_imports);
  }
  permissions_.deny_jetstream(core_.config().domain, remote_domain_, core_.config().jetstream);
  set_read_deadline(kForever);
  is_registered_ = true;
  registered_at_ = core_.now();
  core_.account().add_leaf(*this);
  core_.note_remote_domain(remote_domain_);
  send_all_interest();
  start_pings(kFirstPing);
  core_.log().info(kConnected, {{"cid", link_id()},
                                {"remote", remote_name_},
                                {"domain", remote_domain_},
                                {"peer", peer().host},
                                {"solicited", is_solicitor()},
                                {"spoke", is_spoke_}});
  core_.account().announce_leaf();
}

void LeafLink::on_read_deadline() {
  if (!is_solicitor()) return refuse("Authentication Timeout", "Authentication Timeout");
  refuse("Stale Leaf Node Connection - Closing", "Stale Connection");
}

}  // namespace windtunnel::core
