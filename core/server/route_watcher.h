// RouteWatcher: for whoever watches from outside how a server passes messages on: a harness, a test. It hears of each message, and
// may ask who should have had it and who got it. What it is told is found without the matching that the server itself uses.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/nats/bus.h"

namespace windtunnel::core {

// One message, once it was routed.
struct RoutedMessage {
  // A subscription whose subject matches, as it was when the message came.
  struct Candidate {
    SubscriptionId id = SubscriptionId::none;
    std::string queue;
    std::uint64_t leaf = 0;    // the leaf connection that announced it; 0: a client's, or one of this server's own
    bool is_sender = false;    // it is where the message came from: no echo
    bool is_permitted = true;  // of a leaf: the message may be sent there
    bool is_gone = false;      // it was removed while the message was routed
    std::uint32_t taken = 0;   // how often it was handed the message; leafs: see sent
  };
  struct Sent {
    std::uint64_t leaf = 0;
    std::vector<std::string> queues;
  };

  std::uint64_t from_leaf = 0;      // the leaf connection that it came over; 0: none
  bool is_mapped = false;           // its subject was changed on arrival
  std::vector<std::string> queues;  // from a leaf: the groups that this server was to serve
  std::vector<Candidate> candidates;
  std::vector<Sent> sent;  // to leaf connections, in order
};

class RouteWatcher {
 public:
  // A message is about to be routed. True: on_routed() is wanted for it, which costs a look at every subscription.
  virtual bool on_message(const MessageView& message, std::uint64_t from_leaf) = 0;
  virtual void on_routed(const MessageView& message, const RoutedMessage& routed) = 0;

 protected:
  ~RouteWatcher() = default;
};

}  // namespace windtunnel::core
