// One message as it travels inside a server.
#pragma once

#include <string>
#include <string_view>

namespace windtunnel::core {

// Views of a message being routed; they live until the call that was handed them returns.
struct MessageView {
  std::string_view subject;  // what it is routed by
  std::string_view reply;    // empty: none
  std::string_view headers;  // the whole header block, "NATS/1.0\r\n...\r\n\r\n"; empty: none
  std::string_view payload;
  // A JetStream delivery is routed by the deliver subject (or pull inbox) but shows the stored subject to the receiver
  // (reference: wire 13.4, "Redirected deliveries"). Empty: show `subject`.
  std::string_view shown_subject = {};
};

// The same, owned.
struct Message {
  std::string subject;
  std::string reply;
  std::string headers;
  std::string payload;

  Message() = default;
  explicit Message(const MessageView& view)
      : subject(view.shown_subject.empty() ? view.subject : view.shown_subject),
        reply(view.reply),
        headers(view.headers),
        payload(view.payload) {}
};

}  // namespace windtunnel::core
