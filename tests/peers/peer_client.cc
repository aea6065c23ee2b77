#include "tests/peers/peer_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace windtunnel::tests {
namespace {

constexpr auto kAnswerMax = std::chrono::seconds{10};  // of PING

[[noreturn]] void give_up(const std::string& what) { throw std::runtime_error(what); }

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream in{line};
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace

PeerClient::PeerClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  static std::uint64_t clients = 0;
  inbox_ = "_INBOX." + std::to_string(::getpid()) + "x" + std::to_string(++clients);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    give_up("no connection to the server");
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  send(R"(CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"lang":"test","version":"1","protocol":1})"
       "\r\nSUB " +
       inbox_ + ".> 0\r\n");
  flush();
}

PeerClient::~PeerClient() { ::close(socket_); }

void PeerClient::send(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (put <= 0) give_up("the server closed the connection");
    done += static_cast<std::size_t>(put);
  }
}

bool PeerClient::fill(Clock::time_point limit) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - Clock::now()).count();
  pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, static_cast<int>(std::max<decltype(left)>(left, 0))) <= 0) return false;
  std::string piece(64 * 1024, '\0');
  const ssize_t got = ::recv(socket_, piece.data(), piece.size(), 0);
  if (got <= 0) give_up("the server closed the connection");
  buffer_.append(piece, 0, static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> PeerClient::read_line(Clock::time_point limit) {
  for (;;) {
    if (const std::size_t end = buffer_.find("\r\n"); end != std::string::npos) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      return line;
    }
    if (!fill(limit)) return std::nullopt;
  }
}

bool PeerClient::take(const std::string& line, const std::string& word) {
  if (line == "PING") send("PONG\r\n");
  if (line.starts_with("-ERR")) give_up(line);
  if (!line.starts_with("MSG ") && !line.starts_with("HMSG ")) return line == word;
  // MSG subject sid [reply] size, HMSG subject sid [reply] header-size size
  const std::vector<std::string> words = words_of(line);
  const bool has_headers = words.front() == "HMSG";
  const std::size_t size = std::stoul(words.back());
  const std::size_t headers = has_headers ? std::stoul(words[words.size() - 2]) : 0;
  while (buffer_.size() < size + 2) {
    if (!fill(Clock::now() + kAnswerMax)) give_up("a message without an end");
  }
  Message message;
  message.subject = words[1];
  if (words.size() > (has_headers ? 5u : 4u)) message.reply = words[3];
  message.headers = buffer_.substr(0, headers);
  message.payload = buffer_.substr(headers, size - headers);
  buffer_.erase(0, size + 2);
  messages_.push_back(std::move(message));
  return false;
}

void PeerClient::flush() {
  send("PING\r\n");
  for (;;) {
    const std::optional<std::string> line = read_line(Clock::now() + kAnswerMax);
    if (!line) give_up("the server does not answer");
    if (take(*line, "PONG")) return;
  }
}

std::string PeerClient::subscribe(const std::string& subject, const std::string& queue) {
  std::string sid = std::to_string(++subscribed_);
  send("SUB " + subject + " " + (queue.empty() ? "" : queue + " ") + sid + "\r\n");
  flush();
  return sid;
}

void PeerClient::unsubscribe(const std::string& sid) {
  send("UNSUB " + sid + "\r\n");
  flush();
}

void PeerClient::publish(const std::string& subject, const std::string& payload, const std::string& reply, const std::string& headers) {
  const std::string head = subject + (reply.empty() ? "" : " " + reply);
  const std::string size = std::to_string(headers.size() + payload.size());
  if (headers.empty()) {
    send("PUB " + head + " " + size + "\r\n" + payload + "\r\n");
  } else {
    send("HPUB " + head + " " + std::to_string(headers.size()) + " " + size + "\r\n" + headers + payload + "\r\n");
  }
}

// The oldest with this subject; "": that is no answer.
std::optional<PeerClient::Message> PeerClient::pop(const std::string& subject) {
  const auto is_meant = [&](const Message& each) {
    return subject.empty() ? !each.subject.starts_with(inbox_ + ".ask.") : each.subject == subject;
  };
  const auto found = std::find_if(messages_.begin(), messages_.end(), is_meant);
  if (found == messages_.end()) return std::nullopt;
  Message message = std::move(*found);
  messages_.erase(found);
  return message;
}

std::optional<PeerClient::Message> PeerClient::next(Patience patience) {
  const Clock::time_point limit = Clock::now() + patience;
  for (;;) {
    if (std::optional<Message> message = pop({})) return message;
    const std::optional<std::string> line = read_line(limit);
    if (!line) return std::nullopt;
    take(*line, {});
  }
}

std::optional<PeerClient::Message> PeerClient::request(const std::string& subject, const std::string& payload, Patience patience) {
  const std::string reply = inbox_ + ".ask." + std::to_string(++asked_);
  const Clock::time_point limit = Clock::now() + patience;
  publish(subject, payload, reply);
  for (;;) {
    if (std::optional<Message> message = pop(reply)) return message;
    const std::optional<std::string> line = read_line(limit);
    if (!line) return std::nullopt;
    take(*line, {});
  }
}

nlohmann::json PeerClient::ask(const std::string& subject, const nlohmann::json& body, Patience patience) {
  const std::optional<Message> answer = request(subject, body.is_null() ? "" : body.dump(), patience);
  if (!answer) return nullptr;
  nlohmann::json parsed = nlohmann::json::parse(answer->payload, nullptr, false);
  if (parsed.is_discarded()) return nullptr;
  return parsed;
}

}  // namespace windtunnel::tests
