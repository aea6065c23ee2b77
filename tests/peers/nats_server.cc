#include "tests/peers/nats_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace windtunnel::tests {
namespace {

constexpr auto kStartMax = std::chrono::seconds{120};  // of a large store, on a slow machine
constexpr auto kPause = std::chrono::milliseconds{20};

std::string slurp(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// The client port out of the file that the server writes when it is ready; 0: not there yet.
std::uint16_t read_port(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".ports") continue;
    const auto ports = nlohmann::json::parse(slurp(entry.path().string()), nullptr, false);
    if (!ports.is_object() || ports.value("nats", nlohmann::json::array()).empty()) continue;
    const std::string url = ports.at("nats").at(0);
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }
  return 0;
}

[[noreturn]] void give_up(const std::string& what) { throw std::runtime_error(what); }

}  // namespace

std::unique_ptr<NatsServer> NatsServer::start(const std::string& program, const std::string& store, const std::string& scratch) {
  const std::string config = scratch + "/server.conf";
  auto server = std::unique_ptr<NatsServer>(new NatsServer);
  server->log_file_ = scratch + "/server.log";
  std::ofstream{config} << "listen: \"127.0.0.1:-1\"\nlog_file: \"" << server->log_file_ << "\"\nports_file_dir: \"" << scratch
                        << "\"\njetstream { store_dir: \"" << store << "\", max_memory_store: 64MB, max_file_store: 8GB }\n";
  server->pid_ = ::fork();
  if (server->pid_ < 0) give_up("no process for nats-server");
  if (server->pid_ == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    for (int descriptor = 0; descriptor < 3; ++descriptor) ::dup2(null, descriptor);
    ::execl(program.c_str(), program.c_str(), "-c", config.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  const auto limit = std::chrono::steady_clock::now() + kStartMax;
  while (std::chrono::steady_clock::now() < limit) {
    int status = 0;
    if (::waitpid(server->pid_, &status, WNOHANG) == server->pid_) {
      server->pid_ = -1;
      give_up("nats-server ended at once: " + server->log());
    }
    server->port_ = read_port(scratch);
    if (server->port_ != 0) return server;
    std::this_thread::sleep_for(kPause);
  }
  give_up("nats-server did not come up: " + server->log());
}

NatsServer::~NatsServer() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void NatsServer::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGINT);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string NatsServer::log() const { return slurp(log_file_); }

NatsClient::NatsClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("no connection to nats-server");
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
    if (put <= 0) give_up("nats-server closed the connection");
    done += static_cast<std::size_t>(put);
  }
}

void NatsClient::fill() {
  if (at_ > 0) buffer_.erase(0, std::exchange(at_, 0));
  std::string piece(256 * 1024, '\0');
  const ssize_t got = ::recv(socket_, piece.data(), piece.size(), 0);
  if (got <= 0) give_up("nats-server does not answer");
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

std::string NatsClient::request(const std::string& subject, const std::string& payload) {
  send("PUB " + subject + " inbox." + std::to_string(++requests_) + " " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n");
  return next_message().payload;
}

void NatsClient::publish(const std::string& subject, const std::string& payload, std::uint64_t count, std::uint64_t window) {
  const std::string command = "PUB " + subject + " inbox.p " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
  std::uint64_t sent = 0;
  std::uint64_t acked = 0;
  while (acked < count) {
    std::string batch;
    while (sent < count && sent - acked < window) {
      batch += command;
      ++sent;
    }
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

}  // namespace windtunnel::tests
