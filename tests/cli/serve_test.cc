// serve as a process: real sockets, real files, real signals. Loopback only.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace windtunnel::cli {
namespace {

constexpr int kPatienceMs = 20'000;

// Reads until `enough` says so; fails the test if nothing more comes.
template <typename Enough>
std::string read_until(int fd, std::string already, Enough enough) {
  while (!enough(already)) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    REQUIRE_MESSAGE(::poll(&waiting, 1, kPatienceMs) == 1, "nothing more after: " << already);
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    REQUIRE_MESSAGE(got > 0, "it ended after: " << already);
    already.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return already;
}

class Server {
 public:
  explicit Server(std::vector<std::string> options) {
    std::array<int, 2> out{};
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
      options.insert(options.begin(), {"windtunnel", "serve", "--port", "0"});
      std::vector<char*> arguments;
      for (std::string& option : options) arguments.push_back(option.data());
      arguments.push_back(nullptr);
      ::execv(std::getenv("WINDTUNNEL_REAL"), arguments.data());
      ::_exit(127);
    }
    ::close(out[1]);
    line_ = read_until(out[0], "", [](const std::string& text) { return text.find('\n') != std::string::npos; });
    ::close(out[0]);
  }
  ~Server() {
    if (pid_ > 0) end(SIGKILL);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The exit status; 128 + signal if it died of one.
  int end(int signal) {
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  [[nodiscard]] const std::string& line() const { return line_; }
  [[nodiscard]] std::string port() const { return port_after("listening on 127.0.0.1:"); }
  [[nodiscard]] std::string leaf_port() const { return port_after("for leaf nodes on 127.0.0.1:"); }

 private:
  [[nodiscard]] std::string port_after(const std::string& words) const {
    const std::size_t at = line_.find(words);
    REQUIRE(at != std::string::npos);
    const std::size_t begin = at + words.size();
    return line_.substr(begin, line_.find_first_not_of("0123456789", begin) - begin);
  }

  pid_t pid_ = -1;
  std::string line_;
};

class Client {
 public:
  explicit Client(const Server& server) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(server.port())));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    send("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB box 1\r\nPING\r\n");
    wait_for("PONG\r\n");
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& text) { REQUIRE(::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size())); }
  // Everything up to those words.
  std::string wait_for(const std::string& words) {
    received_ = read_until(fd_, received_, [&](const std::string& text) { return text.find(words) != std::string::npos; });
    const std::size_t end = received_.find(words) + words.size();
    std::string out = received_.substr(0, end);
    received_.erase(0, end);
    return out;
  }
  std::string ask(const std::string& subject, const std::string& body, const std::string& until) {
    send("PUB " + subject + " box " + std::to_string(body.size()) + "\r\n" + body + "\r\n");
    return wait_for(until);
  }

 private:
  int fd_;
  std::string received_;
};

TEST_CASE("a stream outlives an orderly end and a kill") {
  const Folder folder;
  const std::string store = folder.path() + "/store";
  {
    Server server{{"--store", store, "--sync", "always"}};
    CHECK(server.line() == "listening on 127.0.0.1:" + server.port() + ", store " + store + "\n");
    Client client{server};
    client.ask("$JS.API.STREAM.CREATE.S", R"({"name":"S","subjects":["s.>"]})", "stream_create_response");
    client.ask("s.a", "one", "\"seq\":1}\r\n");
    CHECK(server.end(SIGTERM) == 0);
  }
  {
    Server server{{"--store", store}};
    Client client{server};
    client.ask("s.a", "two", "\"seq\":2}\r\n");
    CHECK(server.end(SIGKILL) == 128 + SIGKILL);
  }
  Server server{{"--store", store}};
  Client client{server};
  const std::string info = client.ask("$JS.API.STREAM.INFO.S", "", "\"ts\":");
  CHECK(info.find("\"messages\":2") != std::string::npos);
  CHECK(folder.run_real("inspect store").status == 0);
}

TEST_CASE("without a store it makes one, and takes it away") {
  Server server{{}};
  CHECK(server.line().ends_with(", store temporary\n"));
  Client client{server};
  client.ask("$JS.API.STREAM.CREATE.S", R"({"name":"S","subjects":["s.>"]})", "stream_create_response");
  CHECK(server.end(SIGINT) == 0);
}

TEST_CASE("lame duck tells its clients before it goes") {
  const Folder folder;
  Server server{{"--store", folder.path()}};
  {
    Client client{server};
    client.send("PING\r\n");
    client.wait_for("PONG\r\n");
  }
  CHECK(server.end(SIGUSR2) == 0);
}

TEST_CASE("a leaf's messages reach its hub, and JetStream is asked across domains") {
  const Folder folder;
  Server hub{{"--store", folder.path() + "/hub", "--domain", "hub", "--leaf-port", "0", "--name", "hub"}};
  Server leaf{{"--store", folder.path() + "/leaf", "--domain", "leaf", "--name", "leaf", "--leaf-remote",
               "nats-leaf://127.0.0.1:" + hub.leaf_port()}};
  Client at_hub{hub};
  at_hub.ask("$JS.API.STREAM.CREATE.S", R"({"name":"S","subjects":["s.>"]})", "stream_create_response");
  Client at_leaf{leaf};
  // Until the leaf connection stands nobody answers.
  std::string answer;
  for (int i = 0; i < 200 && answer.find("stream_info_response") == std::string::npos; ++i) {
    if (i > 0) ::usleep(50'000);
    at_leaf.send("PUB $JS.hub.API.STREAM.INFO.S box 0\r\n\r\nPING\r\n");
    answer = at_leaf.wait_for("PONG\r\n");
    const bool has_no_answer = answer.find("503") == std::string::npos && answer.find("stream_info_response") == std::string::npos;
    if (has_no_answer) answer += at_leaf.wait_for("stream_info_response");
  }
  REQUIRE(answer.find("stream_info_response") != std::string::npos);
  at_leaf.send("PUB s.a box 5\r\nhello\r\n");
  CHECK(at_leaf.wait_for("\"seq\":1}").find("\"domain\":\"hub\"") != std::string::npos);
}

TEST_CASE("what keeps it from starting is told, with status 2") {
  const Folder folder;
  Server first{{"--store", folder.path() + "/first"}};
  const Said taken = folder.run_real("serve --port " + first.port() + " --store second");
  CHECK(taken.status == 2);
  CHECK(taken.err.find("the server did not start: already_exists: listen on 127.0.0.1:" + first.port()) != std::string::npos);
  folder.write("file", "x");
  CHECK(folder.run_real("serve --port 0 --store file/below").status == 2);
  CHECK(folder.run_real("serve --port 0 --host no.such.host.invalid --store third").status == 2);
}

}  // namespace
}  // namespace windtunnel::cli
