#include "core/server/leaf_solicitor.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/server/leaf_link.h"
#include "core/server/server_core.h"

namespace windtunnel::core {
namespace {

constexpr std::size_t kAddressesMax = 64;  // of one remote, whatever it announces

constexpr EventName kDialFailed{"leaf.dial_failed"};

// "host:port". A host that stands for any address says nothing to somebody else.
std::optional<Address> parse_url(std::string_view url) {
  const std::size_t colon = url.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string_view host = url.substr(0, colon);
  const std::string_view digits = url.substr(colon + 1);
  Address address{std::string(host), 0};
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (failure != std::errc{} || end != digits.data() + digits.size() || address.port == 0) return std::nullopt;
  if (host == "0.0.0.0" || host == "[::]" || host == "::") return std::nullopt;
  return address;
}

}  // namespace

LeafSolicitor::LeafSolicitor(ServerCore& core, const LeafRemote& remote, Random random)
    : core_(core), remote_(remote), random_(random), addresses_{remote.address}, lost_at_(core.now()) {}

LeafSolicitor::~LeafSolicitor() = default;

void LeafSolicitor::run() {
  while (!core_.is_stopping()) {
    const Duration delay = connect_once();
    core_.stopping().wait("leaf: waiting to dial again", after(core_.now(), delay));
  }
}

Duration LeafSolicitor::connect_once() {
  const Address address = addresses_.front();
  Result<std::unique_ptr<Connection>> dialled = core_.env().network.connect(address, after(core_.now(), core_.config().leaf_dial_timeout));
  if (core_.is_stopping()) return {};
  const Duration reconnect = core_.config().leaf_reconnect;
  if (!dialled) {
    ++attempts_;
    const std::string why = dialled.error().text();
    core_.log().warn(kDialFailed, {{"remote", address.text()}, {"attempt", attempts_}, {"why", why}});
    addresses_.pop_front();
    addresses_.push_back(address);
    const Duration jitter = random_.between(Duration{0}, reconnect);
    return reconnect + jitter;
  }
  link_ = std::make_shared<LeafLink>(core_, core_.next_link_id(), std::move(*dialled), &remote_);
  core_.add(link_);
  link_->read_loop();
  const std::shared_ptr<LeafLink> ended = std::move(link_);
  take_announced_addresses(*ended);
  if (ended->is_registered()) {
    remote_name_ = ended->remote_name();
    lost_at_ = core_.now();
    attempts_ = 0;
  } else {
    ++attempts_;
  }
  return reconnect + ended->penalty();
}

// The announced addresses and the configured one. Whatever became of the link, the next one is dialled next (reference: wire 13.7): one
// that takes connections and does not answer must not keep a leaf from the others.
void LeafSolicitor::take_announced_addresses(const LeafLink& link) {
  const Address current = addresses_.front();
  std::deque<Address> all;
  const auto add = [&](const Address& address) {
    if (all.size() < kAddressesMax && std::find(all.begin(), all.end(), address) == all.end()) all.push_back(address);
  };
  for (const std::string& url : link.announced_urls()) {
    if (const std::optional<Address> address = parse_url(url)) add(*address);
  }
  add(remote_.address);
  // The rest of an older list stays known while nobody has announced another one.
  if (link.announced_urls().empty()) {
    for (const Address& address : addresses_) add(address);
  }
  if (std::find(all.begin(), all.end(), current) == all.end()) all.push_front(current);
  std::rotate(all.begin(), std::find(all.begin(), all.end(), current) + 1, all.end());
  addresses_ = std::move(all);
}

LeafStatus LeafSolicitor::status() const {
  LeafStatus status;
  status.is_solicited = true;
  status.address = remote_.address;
  status.attempts = attempts_;
  status.remote_name = remote_name_;
  status.since = lost_at_;
  if (link_ != nullptr && link_->is_registered() && !link_->is_closed()) {
    status.remote_name = link_->remote_name();
    status.is_connected = true;
    status.attempts = 0;
    status.since = link_->registered_at();
  }
  return status;
}

}  // namespace windtunnel::core
