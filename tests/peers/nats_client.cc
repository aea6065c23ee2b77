#include "tests/peers/nats_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace windtunnel::tests {
namespace {

constexpr auto kPause = std::chrono::milliseconds{5};

[[noreturn]] void give_up(const std::string& what) { throw std::runtime_error(what); }

}  // namespace

NatsClient::NatsClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("no connection to the server");
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval limit{30, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  (void)read_line();  // INFO
  send(
      "CONNECT "
      "{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,\"lang\":\"test\",\"version\":\"1\",\"protocol\":1}"
      "\r\n"
      "SUB inbox.> 1\r\n");
}

NatsClient::~NatsClient() { ::close(socket_); }

void NatsClient::send(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (put <= 0) give_up("the server closed the connection");
    done += static_cast<std::size_t>(put);
  }
}

void NatsClient::fill() {
  if (at_ > 0) buffer_.erase(0, std::exchange(at_, 0));
  std::string piece(256 * 1024, '\0');
  const ssize_t got = ::recv(socket_, piece.data(), piece.size(), 0);
  if (got <= 0) give_up("the server does not answer");
  buffer_.append(piece, 0, static_cast<std::size_t>(got));
}

std::string NatsClient::read_line() {
  for (;;) {
    const std::size_t end = buffer_.find("\r\n", at_);
    if (end != std::string::npos) {
      const std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 2;
      return line;
    }
    fill();
  }
}

NatsClient::Message NatsClient::next_message() {
  for (;;) {
    const std::string line = read_line();
    if (line == "PING") send("PONG\r\n");
    if (line.starts_with("-ERR")) give_up(line);
    if (!line.starts_with("MSG ") && !line.starts_with("HMSG ")) continue;
    // MSG subject sid [reply] size, HMSG subject sid [reply] header-size size
    std::vector<std::string> words;
    for (std::istringstream in{line}; in;) {
      std::string word;
      if (in >> word) words.push_back(std::move(word));
    }
    const bool has_headers = words.front() == "HMSG";
    const std::size_t size = std::stoul(words.back());
    const std::size_t headers = has_headers ? std::stoul(words[words.size() - 2]) : 0;
    Message message{.subject = words[1], .reply = words.size() > (has_headers ? 5u : 4u) ? words[3] : "", .payload = {}};
    while (buffer_.size() - at_ < size + 2) fill();
    message.payload = buffer_.substr(at_ + headers, size - headers);
    at_ += size + 2;
    return message;
  }
}

std::string NatsClient::request(const std::string& subject, const std::string& payload, const std::string& headers) {
  const std::string reply = "inbox." + std::to_string(++requests_);
  if (headers.empty()) {
    send("PUB " + subject + " " + reply + " " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n");
  } else {
    const std::string block = "NATS/1.0\r\n" + headers + "\r\n";
    send("HPUB " + subject + " " + reply + " " + std::to_string(block.size()) + " " + std::to_string(block.size() + payload.size()) +
         "\r\n" + block + payload + "\r\n");
  }
  return next_message().payload;
}

void NatsClient::publish(const std::string& subject, const std::string& payload, std::uint64_t count, std::uint64_t window) {
  publish_all([&](std::uint64_t) { return subject; }, payload, count, window);
}

void NatsClient::publish_each(const std::string& prefix, const std::string& payload, std::uint64_t count, std::uint64_t window) {
  publish_all([&](std::uint64_t i) { return prefix + std::to_string(i); }, payload, count, window);
}

void NatsClient::publish_all(const std::function<std::string(std::uint64_t)>& subject, const std::string& payload, std::uint64_t count,
                             std::uint64_t window) {
  const std::string tail = " inbox.p " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
  std::uint64_t sent = 0;
  std::uint64_t acked = 0;
  while (acked < count) {
    std::string batch;
    for (; sent < count && sent - acked < window; ++sent) batch += "PUB " + subject(sent) + tail;
    send(batch);
    // Half of the window at a time, so that commands go out in batches.
    const std::uint64_t until = sent == count ? count : acked + (window + 1) / 2;
    for (; acked < until; ++acked) {
      const std::string ack = next_message().payload;
      if (ack.find("\"seq\":") == std::string::npos) give_up("not stored: " + ack);
    }
  }
}

void NatsClient::request_many(const std::string& subject, const std::function<std::string(std::uint64_t)>& payload, std::uint64_t count,
                              std::uint64_t window) {
  std::uint64_t sent = 0;
  for (std::uint64_t answered = 0; answered < count;) {
    std::string batch;
    for (; sent < count && sent - answered < window; ++sent) {
      const std::string each = payload(sent);
      batch += "PUB " + subject + " inbox.q " + std::to_string(each.size()) + "\r\n" + each + "\r\n";
    }
    send(batch);
    const std::uint64_t until = sent == count ? count : answered + (window + 1) / 2;
    for (; answered < until; ++answered) {
      if (next_message().payload.find("\"error\"") != std::string::npos) give_up("refused: " + subject);
    }
  }
}

void NatsClient::drain(const std::string& stream, const std::string& consumer, std::uint64_t count, std::uint64_t batch) {
  const std::string pull = "{\"batch\":" + std::to_string(batch) + ",\"expires\":10000000000}";
  for (std::uint64_t done = 0; done < count;) {
    send("PUB $JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer + " inbox.d " + std::to_string(pull.size()) + "\r\n" + pull + "\r\n");
    std::string acks;
    const std::uint64_t until = std::min(count, done + batch);
    for (; done < until; ++done) {
      const Message message = next_message();
      if (!message.reply.starts_with("$JS.ACK.")) give_up("no message to acknowledge");
      acks += "PUB " + message.reply + " 4\r\n+ACK\r\n";
    }
    send(acks);
  }
  // All acknowledgements are in when the queue is empty.
  while (request("$JS.API.STREAM.INFO." + stream, "").find("\"messages\":0,") == std::string::npos) std::this_thread::sleep_for(kPause);
}

void NatsClient::republish(const std::string& stream, const std::string& consumer, std::uint64_t count, std::uint64_t batch) {
  const std::string pull = "{\"batch\":" + std::to_string(batch) + ",\"expires\":10000000000}";
  constexpr std::string_view kConfirmed = "inbox.c.";
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t until = std::min(count, done + batch);
    send("PUB $JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer + " inbox.d " + std::to_string(pull.size()) + "\r\n" + pull + "\r\n");
    std::string out;
    while (done < until) {
      const Message message = next_message();
      if (message.reply.starts_with("$JS.ACK.")) {
        payload_of_[message.subject] = message.payload;
        out += "PUB " + message.reply + " " + std::string{kConfirmed} + message.subject + " 4\r\n+ACK\r\n";
      } else if (message.subject.starts_with(kConfirmed)) {
        const std::string subject = message.subject.substr(kConfirmed.size());
        const std::string& payload = payload_of_.at(subject);
        out += "PUB " + subject + " inbox.p " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
      } else if (message.subject == "inbox.p") {
        if (message.payload.find("\"seq\":") == std::string::npos) give_up("not stored: " + message.payload);
        ++done;
      } else {
        give_up("unexpected: " + message.subject + " " + message.payload);
      }
      if (is_drained()) send(std::exchange(out, {}));
    }
    send(out);
  }
}

}  // namespace windtunnel::tests
