// LeafPermissions: what may cross one leaf connection, seen from this side (reference: wire 13.5, 14.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::core {

// One direction. An empty `allow` allows everything; `deny` wins.
struct LeafSubjects {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
};

struct LeafPermissions {
  LeafSubjects publish;    // messages that we may send to the other side
  LeafSubjects subscribe;  // interest that we may announce to the other side

  // Whether a message on this literal subject may be sent.
  [[nodiscard]] bool may_send(std::string_view subject) const;
  // Whether interest in this subject or pattern may be announced. A pattern wider than a rule is: its messages are
  // filtered one by one by the sender.
  [[nodiscard]] bool may_announce(std::string_view subject) const;

  // The rules that keep two JetStreams apart, installed on both sides when the connection is registered.
  // `own_domain` and `remote_domain` may be empty.
  void deny_jetstream(std::string_view own_domain, std::string_view remote_domain, bool has_jetstream);
};

}  // namespace windtunnel::core
