// Clients that mean no good, or are just broken, against `windtunnel serve`: it does not crash or leak (under ASan its exit status
// says so), its memory stays bounded, descriptors come back, and all the while it serves others.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "tests/support/hostile_bytes.h"
#include "tests/support/sanitized.h"
#include "tests/support/serve_process.h"
#include "tests/support/tcp_peer.h"
#include "tests/support/temporary_directory.h"

namespace windtunnel::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kServedWithin = 10s;  // generous: the machine may be busy and sanitizers are slow
constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kPendingMax = 64 * kMiB;  // nats-server's max_pending, of one client
constexpr const char* kConnect = "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n";

// A client that does nothing wrong, and notices how it is served.
class Bystander {
 public:
  explicit Bystander(std::uint16_t port) : peer_(port) {
    peer_.send(std::string(kConnect) + "SUB bystander.> 1\r\n");
    ask();
  }
  // A message to itself, and a request to JetStream, are answered in time.
  void ask() {
    const std::string mark = "m" + std::to_string(++asked_);
    peer_.send("PUB bystander.echo " + std::to_string(mark.size()) + "\r\n" + mark + "\r\nPUB $JS.API.INFO bystander.api 0\r\n\r\n");
    CHECK(!peer_.wait_for(mark + "\r\n", kServedWithin).empty());
    CHECK(!peer_.wait_for("account_info_response", kServedWithin).empty());
    if (peer_.received().find("PING\r\n") != std::string::npos) peer_.send("PONG\r\n");
  }
  std::string request(const std::string& subject, const std::string& body) {
    peer_.hear();
    peer_.send("PUB " + subject + " bystander.reply " + std::to_string(body.size()) + "\r\n" + body + "\r\n");
    return peer_.wait_for("}\r\n", kServedWithin);
  }

 private:
  TcpPeer peer_;
  int asked_ = 0;
};

struct Target {
  TemporaryDirectory directory;
  ServeProcess server{WT_BINARY, {"--store", directory.path() + "/store"}, directory.path() + "/log"};
  Bystander bystander{server.port()};
  std::size_t descriptors = 0;  // at the beginning
  std::uint64_t memory = 0;

  Target() { begin(); }
  // What it has now it may have at the end.
  void begin() {
    descriptors = server.descriptors();
    memory = server.resident();
  }
  [[nodiscard]] std::string log() const {
    std::ostringstream text;
    text << std::ifstream{directory.path() + "/log"}.rdbuf();
    return text.str();
  }
  void expect_descriptors_back() const {
    for (const auto limit = Clock::now() + kServedWithin; server.descriptors() > descriptors && Clock::now() < limit;) ::usleep(10'000);
    CHECK(server.descriptors() <= descriptors);
  }
  void expect_memory_below(std::uint64_t more) const {
    if (!kIsSanitized) CHECK(server.peak_resident() < memory + more);
  }
  void expect_good_end() {
    bystander.ask();
    REQUIRE(server.is_running());
    CHECK(server.end(SIGTERM) == 0);  // of a leak as well the sanitizer makes another status
    CHECK(log().find("Sanitizer") == std::string::npos);
  }
};

// A stream of bytes on its way, in pieces.
struct Attack {
  TcpPeer peer;
  std::string bytes;
  core::Random random;

  // False when it has come to its end.
  bool go_on() {
    peer.receive();
    peer.received().clear();
    const std::size_t piece = random.below(4) == 0 ? 1 + random.below(4) : 1 + random.below(16'384);
    const std::size_t sent = peer.send_some(std::string_view{bytes}.substr(0, piece));
    bytes.erase(0, sent);
    if (!bytes.empty() && !peer.is_closed()) return true;
    switch (random.below(3)) {
      case 0: peer.reset(); break;
      case 1:
        if (!peer.is_closed()) ::shutdown(peer.descriptor(), SHUT_WR);  // it would still listen
        break;
      default: peer.close(); break;
    }
    return false;
  }
};

TEST_CASE("10,000 streams of bytes that no honest client sends") {
  constexpr std::size_t kStreams = kIsSanitized ? 2'000 : 10'000;
  constexpr std::size_t kAtOnce = 50;
  constexpr std::size_t kLinger = 100;  // those that ended last are still there
  Target target;
  CHECK(target.bystander
            .request("$JS.API.STREAM.CREATE.H", R"({"name":"H","subjects":["hostile.*"],"max_bytes":1048576,"allow_rollup_hdrs":true})")
            .find("did_create") != std::string::npos);
  target.bystander.request("$JS.API.CONSUMER.DURABLE.CREATE.H.c",
                           R"({"stream_name":"H","config":{"durable_name":"c","ack_policy":"explicit"}})");
  target.begin();
  const core::Random root{core::Seed{20'261'121}};
  std::vector<Attack> running;
  std::deque<TcpPeer> ended;
  for (std::size_t begun = 0; begun < kStreams || !running.empty();) {
    while (begun < kStreams && running.size() < kAtOnce) {
      core::Random random = root.child("stream/" + std::to_string(begun));
      std::string bytes = hostile_bytes(random, "H", "c");
      running.push_back({TcpPeer{target.server.port()}, std::move(bytes), random});
      if (++begun % 250 == 0) target.bystander.ask();
    }
    std::vector<Attack> left;
    for (Attack& attack : running) {
      if (attack.go_on()) {
        left.push_back({std::move(attack.peer), std::move(attack.bytes), attack.random});
      } else {
        ended.push_back(std::move(attack.peer));
      }
    }
    running.swap(left);
    while (ended.size() > kLinger) ended.pop_front();
    REQUIRE(target.server.is_running());
  }
  ended.clear();
  target.expect_descriptors_back();
  target.expect_memory_below(64 * kMiB);
  target.expect_good_end();
}

TEST_CASE("clients that connect and say nothing, or stop in the middle") {
  Target target;
  {
    std::vector<TcpPeer> silent;
    for (const std::string& start :
         {std::string{}, std::string{"CONN"}, std::string{"CONNECT {\"verbose\":"}, std::string{kConnect} + "PUB a 100\r\nxx"}) {
      for (int i = 0; i < 100; ++i) {
        silent.emplace_back(target.server.port());
        silent.back().send(start);
      }
      target.bystander.ask();
    }
    for (TcpPeer& peer : silent) CHECK(peer.line().starts_with("INFO {"));
    CHECK(target.server.descriptors() >= target.descriptors + silent.size());
    target.bystander.ask();
  }
  target.expect_descriptors_back();
  target.expect_memory_below(32 * kMiB);
  target.expect_good_end();
}

TEST_CASE("1,000 clients at once") {
  const rlimit wanted{4096, 4096};
  rlimit now{};
  ::getrlimit(RLIMIT_NOFILE, &now);
  if (now.rlim_cur < wanted.rlim_cur) {
    now.rlim_cur = std::min(now.rlim_max, wanted.rlim_cur);
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  constexpr std::size_t kClients = 1000;
  Target target;
  {
    std::vector<TcpPeer> clients;
    for (std::size_t i = 0; i < kClients; ++i) {
      clients.emplace_back(target.server.port());
      clients.back().send(std::string(kConnect) + "SUB all 1\r\nSUB own." + std::to_string(i) + " 2\r\nPING\r\n");
    }
    for (TcpPeer& client : clients) CHECK(!client.wait_for("PONG\r\n").empty());
    target.bystander.ask();
    // Each hears what one says to all, and what another says to it.
    clients.front().send("PUB all 5\r\nhello\r\n");
    for (std::size_t i = 0; i < kClients; ++i) clients[i].send("PUB own." + std::to_string((i + 1) % kClients) + " 3\r\nyou\r\n");
    for (std::size_t i = 0; i < kClients; ++i) {
      const std::string heard = clients[i].wait_for("hello\r\n");
      CHECK(!heard.empty());
      if (heard.find("MSG own.") == std::string::npos) CHECK(!clients[i].wait_for("MSG own.").empty());
    }
    target.bystander.ask();
    CHECK(target.server.descriptors() == target.descriptors + kClients);
  }
  target.expect_descriptors_back();
  target.expect_memory_below(64 * kMiB);
  target.expect_good_end();
}

// Sends until the server cuts the client off, at most `most` bytes. The answers are not read.
bool is_cut_off(TcpPeer& peer, const std::string& piece, std::uint64_t most) {
  for (std::uint64_t sent = 0; sent < most && peer.send(piece, 5s); sent += piece.size()) {
  }
  return peer.is_closed();
}

TEST_CASE("a subscriber that does not read is cut off, and the others get everything") {
  constexpr std::size_t kPayload = 65'536;
  constexpr std::size_t kMessages = 2 * kPendingMax / kPayload;
  Target target;
  TcpPeer slow{target.server.port(), 4096};
  slow.send(std::string(kConnect) + "SUB much 1\r\nPING\r\n");
  CHECK(!slow.wait_for("PONG\r\n").empty());
  // This one gets less than may be pending: it is cut off because nothing of it goes out for ten seconds.
  TcpPeer stuck{target.server.port(), 4096};
  stuck.send(std::string(kConnect) + "SUB some 1\r\nPING\r\n");
  CHECK(!stuck.wait_for("PONG\r\n").empty());
  const auto stuck_since = Clock::now();

  TcpPeer reader{target.server.port()};
  reader.send(std::string(kConnect) + "SUB much 1\r\nPING\r\n");
  CHECK(!reader.wait_for("PONG\r\n").empty());
  TcpPeer writer{target.server.port()};
  writer.send(kConnect);
  const std::string message = " 65536\r\n" + std::string(kPayload, 'x') + "\r\n";
  for (int i = 0; i < 128; ++i) CHECK(writer.send("PUB some" + message));
  std::size_t read = 0;
  for (std::size_t i = 0; i < kMessages; ++i) {
    REQUIRE(writer.send("PUB much" + message));
    while (reader.receive()) read += std::exchange(reader.received(), {}).size();
    if (i % 100 == 0) target.bystander.ask();
  }
  const std::size_t expected = kMessages * (std::string{"MSG much 1"}.size() + message.size());
  while (read < expected && reader.receive(10s)) read += std::exchange(reader.received(), {}).size();
  // Beside the messages there is a PING now and then.
  CHECK(read >= expected);
  CHECK((read - expected) % std::string_view{"PING\r\n"}.size() == 0);
  CHECK(read < expected + 60);
  CHECK(target.log().find("Slow Consumer (Pending Bytes)") != std::string::npos);
  // What it has not read yet was in the sockets.
  for (const auto limit = Clock::now() + kServedWithin; !slow.is_closed() && Clock::now() < limit; slow.received().clear())
    slow.receive(100ms);
  CHECK(slow.is_closed());

  while (Clock::now() - stuck_since < 30s && target.log().find("Slow Consumer (Write Deadline)") == std::string::npos) {
    ::usleep(200'000);
    target.bystander.ask();
  }
  CHECK(target.log().find("Slow Consumer (Write Deadline)") != std::string::npos);
  for (TcpPeer* const peer : {&slow, &stuck, &reader, &writer}) peer->close();
  target.expect_descriptors_back();
  target.expect_memory_below(4 * kPendingMax);
  target.expect_good_end();
}

TEST_CASE("a client that does not read its answers is cut off as well") {
  struct Row {
    std::string what;
    std::string asks;
  };
  std::string pings;
  for (int i = 0; i < 10'000; ++i) pings += "PING\r\n";
  std::string verbose;
  for (int i = 0; i < 10'000; ++i) verbose += "PUB a 0\r\n\r\n";
  std::string forbidden;
  for (int i = 0; i < 2'000; ++i) forbidden += "PUB _GR_.x 0\r\n\r\n";
  std::string nobody;
  for (int i = 0; i < 2'000; ++i) nobody += "PUB nobody box 0\r\n\r\n";
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += "PUB $JS.API.STREAM.LIST box 0\r\n\r\n";
  Target target;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "S" + std::to_string(i);
    target.bystander.request("$JS.API.STREAM.CREATE." + name,
                             R"({"storage":"memory","name":")" + name + R"(","subjects":[")" + name + "\"]}");
  }
  target.begin();
  for (const Row& row : {Row{"PONG", pings}, Row{"+OK", verbose}, Row{"-ERR", forbidden}, Row{"503", nobody}, Row{"requests", requests}}) {
    if (kIsSanitized && row.asks.size() < 50'000) continue;  // the more it asks, the sooner it is over
    CAPTURE(row.what);
    TcpPeer client{target.server.port(), 4096};
    client.send("CONNECT {\"verbose\":" + std::string(row.what == "+OK" ? "true" : "false") +
                ",\"headers\":true,\"no_responders\":true}\r\nSUB box 1\r\n");
    const bool is_cut = is_cut_off(client, row.asks, 1024 * kMiB);
    CHECK(is_cut);
    target.bystander.ask();
  }
  target.expect_descriptors_back();
  target.expect_memory_below(4 * kPendingMax);
  target.expect_good_end();
}

}  // namespace
}  // namespace windtunnel::tests
