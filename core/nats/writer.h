// Appends protocol lines to an output buffer (reference: wire 2 to 8, 13.3, 13.4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/nats/message.h"

namespace windtunnel::core {

// As nats-server writes it: "INFO {...} \r\n", with a space before the end.
void append_info(std::string& out, std::string_view json);
void append_connect(std::string& out, std::string_view json);
void append_ping(std::string& out);
void append_pong(std::string& out);
void append_ok(std::string& out);
void append_err(std::string& out, std::string_view text);  // -ERR 'text'

// PUB, or HPUB if the message has headers.
void append_publish(std::string& out, const MessageView& message);
void append_subscribe(std::string& out, std::string_view subject, std::string_view queue, std::string_view sid);
void append_unsubscribe(std::string& out, std::string_view sid, std::uint32_t max_msgs = 0);

// MSG, or HMSG if the message has headers. Shows `shown_subject` if there is one.
void append_message(std::string& out, std::string_view sid, const MessageView& message);

void append_leaf_subscribe(std::string& out, std::string_view subject);
void append_leaf_subscribe(std::string& out, std::string_view subject, std::string_view queue, std::uint32_t weight);
void append_leaf_unsubscribe(std::string& out, std::string_view subject, std::string_view queue = {});

// LMSG, or HMSG if the message has headers; `queues` are the queue groups that the receiver must serve. A
// `shown_subject` travels as "@subject" behind the reply.
void append_leaf_message(std::string& out, const MessageView& message, std::span<const std::string_view> queues);

}  // namespace windtunnel::core
