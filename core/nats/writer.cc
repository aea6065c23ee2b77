#include "core/nats/writer.h"

#include <array>
#include <charconv>

namespace windtunnel::core {
namespace {

constexpr std::string_view kEnd = "\r\n";

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// " [header_size] total\r\n headers payload \r\n"
void append_body(std::string& out, const MessageView& message) {
  if (!message.headers.empty()) {
    out.push_back(' ');
    append_number(out, message.headers.size());
  }
  out.push_back(' ');
  append_number(out, message.headers.size() + message.payload.size());
  out.append(kEnd).append(message.headers).append(message.payload).append(kEnd);
}

}  // namespace

void append_info(std::string& out, std::string_view json) { out.append("INFO ").append(json).append(" \r\n"); }
void append_connect(std::string& out, std::string_view json) { out.append("CONNECT ").append(json).append(kEnd); }
void append_ping(std::string& out) { out.append("PING\r\n"); }
void append_pong(std::string& out) { out.append("PONG\r\n"); }
void append_ok(std::string& out) { out.append("+OK\r\n"); }
void append_err(std::string& out, std::string_view text) { out.append("-ERR '").append(text).append("'\r\n"); }

void append_publish(std::string& out, const MessageView& message) {
  out.append(message.headers.empty() ? "PUB " : "HPUB ").append(message.subject);
  if (!message.reply.empty()) out.append(" ").append(message.reply);
  append_body(out, message);
}

void append_subscribe(std::string& out, std::string_view subject, std::string_view queue, std::string_view sid) {
  out.append("SUB ").append(subject);
  if (!queue.empty()) out.append(" ").append(queue);
  out.append(" ").append(sid).append(kEnd);
}

void append_unsubscribe(std::string& out, std::string_view sid, std::uint32_t max_msgs) {
  out.append("UNSUB ").append(sid);
  if (max_msgs != 0) {
    out.push_back(' ');
    append_number(out, max_msgs);
  }
  out.append(kEnd);
}

void append_message(std::string& out, std::string_view sid, const MessageView& message) {
  out.append(message.headers.empty() ? "MSG " : "HMSG ").append(message.shown_subject.empty() ? message.subject : message.shown_subject);
  out.append(" ").append(sid);
  if (!message.reply.empty()) out.append(" ").append(message.reply);
  append_body(out, message);
}

void append_leaf_subscribe(std::string& out, std::string_view subject) { out.append("LS+ ").append(subject).append(kEnd); }

void append_leaf_subscribe(std::string& out, std::string_view subject, std::string_view queue, std::uint32_t weight) {
  out.append("LS+ ").append(subject).append(" ").append(queue).append(" ");
  append_number(out, weight);
  out.append(kEnd);
}

void append_leaf_unsubscribe(std::string& out, std::string_view subject, std::string_view queue) {
  out.append("LS- ").append(subject);
  if (!queue.empty()) out.append(" ").append(queue);
  out.append(kEnd);
}

void append_leaf_message(std::string& out, const MessageView& message, std::span<const std::string_view> queues) {
  out.append(message.headers.empty() ? "LMSG " : "HMSG ").append(message.subject);
  if (!queues.empty()) out.append(message.reply.empty() ? " |" : " +");
  if (!message.reply.empty()) {
    out.append(" ").append(message.reply);
    if (!message.shown_subject.empty()) out.append("@").append(message.shown_subject);
  }
  for (const std::string_view queue : queues) out.append(" ").append(queue);
  append_body(out, message);
}

}  // namespace windtunnel::core
