// serve as a process: real sockets, real files, real signals. Loopback only.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/cli/process.h"
#include "tests/support/serve_process.h"
#include "tests/support/tcp_peer.h"

namespace windtunnel::cli {
namespace {

struct Server : tests::ServeProcess {
  explicit Server(std::vector<std::string> options) : tests::ServeProcess(std::getenv("WINDTUNNEL_REAL"), std::move(options)) {}
  [[nodiscard]] std::string port_text() const { return std::to_string(port()); }
};

class Client {
 public:
  explicit Client(const Server& server) : peer_(server.port()) {
    send("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB box 1\r\nPING\r\n");
    wait_for("PONG\r\n");
  }

  void send(const std::string& text) { REQUIRE(peer_.send(text)); }
  // Everything up to those words.
  std::string wait_for(const std::string& words) {
    std::string text = peer_.wait_for(words);
    REQUIRE_MESSAGE(!text.empty(), words << " does not come after: " << peer_.received());
    return text;
  }
  std::string ask(const std::string& subject, const std::string& body, const std::string& until) {
    send("PUB " + subject + " box " + std::to_string(body.size()) + "\r\n" + body + "\r\n");
    return wait_for(until);
  }

 private:
  tests::TcpPeer peer_;
};

TEST_CASE("a stream outlives an orderly end and a kill") {
  const Folder folder;
  const std::string store = folder.path() + "/store";
  {
    Server server{{"--store", store, "--sync", "always"}};
    CHECK(server.line() == "listening on 127.0.0.1:" + server.port_text() + ", store " + store + "\n");
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
               "nats-leaf://127.0.0.1:" + std::to_string(hub.leaf_port())}};
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

TEST_CASE("what all streams hold together has a limit, as nats-server's max_file and max_mem") {
  Server server{{"--max-file", "1MiB", "--max-mem", "64KiB"}};
  Client client{server};
  struct Row {
    std::string storage;
    std::string refused;  // of a reservation
    std::size_t taken;    // messages of 5,000 bytes
  };
  const auto ask = [&](const std::string& subject, const std::string& body) { return client.ask(subject, body, "}\r\n"); };
  const auto has = [](const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; };
  // One message goes over the limit: what counts is what is held when the next one comes.
  for (const Row& row : {Row{"file", "\"err_code\":10047", 209}, Row{"memory", "\"err_code\":10028", 14}}) {
    CAPTURE(row.storage);
    const std::string storage = R"(,"storage":")" + row.storage + "\"}";
    CHECK(has(ask("$JS.API.STREAM.CREATE.BIG", R"({"name":"BIG","subjects":["big"],"max_bytes":2000000)" + storage), row.refused));
    CHECK(has(
        ask("$JS.API.STREAM.CREATE." + row.storage, R"({"name":")" + row.storage + R"(","subjects":[")" + row.storage + ".x\"]" + storage),
        "did_create"));
    const auto publish = [&] { return ask(row.storage + ".x", std::string(5000, 'x')); };
    const auto stored_at = [](std::size_t seq) { return "\"seq\":" + std::to_string(seq) + "}"; };
    std::size_t taken = 0;
    while (has(publish(), stored_at(taken + 1))) ++taken;
    CHECK(taken == row.taken);
    CHECK(has(publish(), R"({"error":{"code":503,"err_code":10023,"description":"insufficient resources"},"stream":")" + row.storage));
    // The account has no limits of its own.
    CHECK(has(ask("$JS.API.INFO", ""), R"("max_memory":-1,"max_storage":-1,)"));
    CHECK(has(ask("$JS.API.STREAM.PURGE." + row.storage, R"({"keep":10})"), "\"success\":true"));
    CHECK(has(publish(), stored_at(taken + 1)));
  }
}

TEST_CASE("it has the defects that it is told to have") {
  // A limit per subject that a stream gets later applies to what it has; not so with nats-6244.
  for (const bool is_fixed : {true, false}) {
    Server server{is_fixed ? std::vector<std::string>{} : std::vector<std::string>{"--defect", "nats-6244"}};
    Client client{server};
    client.ask("$JS.API.STREAM.CREATE.S", R"({"name":"S","subjects":["s.>"]})", "did_create");
    client.ask("s.a", "x", "\"seq\":1}");
    client.ask("s.a", "x", "\"seq\":2}");
    client.ask("$JS.API.STREAM.UPDATE.S", R"({"name":"S","subjects":["s.>"],"max_msgs_per_subject":1})", "stream_update_response");
    const std::string info = client.ask("$JS.API.STREAM.INFO.S", "", "\"ts\":");
    CAPTURE(is_fixed);
    CHECK(info.find(is_fixed ? "\"messages\":1," : "\"messages\":2,") != std::string::npos);
  }
}

TEST_CASE("what keeps it from starting is told, with status 2") {
  const Folder folder;
  Server first{{"--store", folder.path() + "/first"}};
  const Said taken = folder.run_real("serve --port " + first.port_text() + " --store second");
  CHECK(taken.status == 2);
  CHECK(taken.err.find("the server did not start: already_exists: listen on 127.0.0.1:" + first.port_text()) != std::string::npos);
  folder.write("file", "x");
  CHECK(folder.run_real("serve --port 0 --store file/below").status == 2);
  CHECK(folder.run_real("serve --port 0 --host no.such.host.invalid --store third").status == 2);
}

}  // namespace
}  // namespace windtunnel::cli
