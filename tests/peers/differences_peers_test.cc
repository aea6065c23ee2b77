// Where ours is meant to be unlike nats-server 2.10.27, which loses something there: what each of them does (docs/fidelity.md, "Purges and
// limits" and "Consumers and updates"). A newer nats-server that does as ours is a reason to strike the paragraph out.
#include <doctest/doctest.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tests/peers/live_server.h"
#include "tests/peers/peer_client.h"
#include "tests/support/temporary_directory.h"

using namespace windtunnel;
using namespace windtunnel::tests;
using nlohmann::json;

namespace {

// A server with a stream S, and a client of it.
class Server {
 public:
  explicit Server(const ServerProgram& program)
      : program_(program),
        scratch_(std::make_unique<TemporaryDirectory>()),
        server_(LiveServer::start(program_, store_.path(), scratch_->path())),
        client_(std::make_unique<PeerClient>(server_->port())) {}
  // By SIGKILL.
  void restart() {
    server_->kill();
    scratch_ = std::make_unique<TemporaryDirectory>();
    server_ = LiveServer::start(program_, store_.path(), scratch_->path());
    client_ = std::make_unique<PeerClient>(server_->port());
  }

  json ask(const std::string& verb, const json& body = nullptr) { return client_->ask("$JS.API." + verb, body); }

  void create(const json& subjects) {
    REQUIRE_FALSE(ask("STREAM.CREATE.S", json{{"name", "S"}, {"subjects", subjects}, {"allow_direct", true}}).contains("error"));
  }
  json update(json config) {
    config["name"] = "S";
    return ask("STREAM.UPDATE.S", config);
  }
  json add_consumer(json config) {
    config["durable_name"] = "k";
    json made = ask("CONSUMER.DURABLE.CREATE.S.k", json{{"stream_name", "S"}, {"config", config}});
    CAPTURE(made.dump());
    REQUIRE_FALSE(made.contains("error"));
    return made;
  }

  // Publishes, and awaits each ack: to the subjects of one letter each.
  void publish(std::string_view letters) {
    for (const char letter : letters) REQUIRE(client_->ask(std::string{letter}, "x").contains("seq"));
  }
  json publish_to(const std::string& subject, const std::string& header = {}) {
    client_->publish(subject, "x", client_->inbox() + ".ack", header.empty() ? header : "NATS/1.0\r\n" + header + "\r\n\r\n");
    const auto answer = client_->next();
    return answer && !answer->payload.empty() ? json::parse(answer->payload) : json(nullptr);
  }

  // What a pull gets; nullopt: there is nothing now.
  std::optional<PeerClient::Message> fetch() {
    client_->publish("$JS.API.CONSUMER.MSG.NEXT.S.k", R"({"batch":1,"no_wait":true})", client_->inbox() + ".next");
    auto message = client_->next();
    return message && message->reply.starts_with("$JS.ACK.") ? std::move(message) : std::nullopt;
  }
  // The subjects of what a pull consumer hands out, one pull after another, until it has no more.
  std::string fetch_all() {
    std::string out;
    while (const auto message = fetch()) out += (out.empty() ? "" : " ") + message->subject;
    return out;
  }
  void answer(const PeerClient::Message& message, const std::string& answer) { REQUIRE(client_->request(message.reply, answer)); }

  // First and last sequence and the number of messages. What a server does in the background is given time to happen.
  std::string state() {
    ::usleep(200'000);
    const json now = ask("STREAM.INFO.S").at("state");
    return now.at("first_seq").dump() + ".." + now.at("last_seq").dump() + " " + now.at("messages").dump();
  }
  [[nodiscard]] bool is_answered(const std::string& subject, const std::string& payload) {
    const auto answer = client_->request(subject, payload);
    return answer && answer->headers.find(" 503") == std::string::npos;
  }

 private:
  const ServerProgram program_;
  TemporaryDirectory store_;
  std::unique_ptr<TemporaryDirectory> scratch_;
  std::unique_ptr<LiveServer> server_;
  std::unique_ptr<PeerClient> client_;
};

// Plays the same on both, or, without a nats-server, nothing.
template <typename Play>
void on_both(Play play) {
  const std::optional<ServerProgram> theirs = ServerProgram::or_skipped();
  if (!theirs) return;
  Server nats_server(*theirs);
  play(nats_server, /*is_ours=*/false);
  Server ours({.kind = ServerProgram::Kind::windtunnel, .path = WT_BINARY});
  play(ours, /*is_ours=*/true);
}

}  // namespace

TEST_CASE("a consumer with filters of which one begins another") {
  for (const char* second : {"c.*", "c.1"}) {
    on_both([&](Server& server, bool is_ours) {
      CAPTURE(is_ours);
      CAPTURE(second);
      server.create({"c", "c.*"});
      server.publish("c");
      REQUIRE(server.publish_to("c.1").contains("seq"));
      server.publish("c");
      const json made = server.add_consumer({{"filter_subjects", {"c", second}}, {"ack_policy", "explicit"}});
      CHECK(made.at("num_pending") == (is_ours ? 3 : 1));
      CHECK(server.fetch_all() == (is_ours ? "c c.1 c" : "c"));
    });
  }
}

TEST_CASE("a consumer whose filter is taken away") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    server.create({"a", "b"});
    server.add_consumer({{"filter_subject", "a"}, {"ack_policy", "explicit"}});
    server.add_consumer({{"ack_policy", "explicit"}});
    server.publish("ab");
    CHECK(server.ask("CONSUMER.INFO.S.k").at("num_pending") == (is_ours ? 2 : 0));
    CHECK(server.fetch_all() == (is_ours ? "a b" : ""));
  });
}

TEST_CASE("an update refused for its subject transform") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    server.create({"a", "b.*"});
    server.publish("a");
    const json refused = server.update({{"subjects", {"b.*"}}, {"subject_transform", {{"src", "b.*"}, {"dest", "x.{{wildcard(2)}}"}}}});
    CHECK(refused.at("error").at("err_code") == 10069);
    // The configuration stays on both, but not everywhere what it says.
    CHECK(server.ask("STREAM.INFO.S").at("config").at("subjects") == json{"a", "b.*"});
    CHECK(server.ask("STREAM.INFO.S").at("config").at("allow_direct") == true);
    CHECK(server.is_answered("a", "x") == is_ours);
    CHECK(server.is_answered("$JS.API.DIRECT.GET.S", R"({"seq":1})") == is_ours);
  });
}

TEST_CASE("a stream that becomes an interest stream") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    server.create({"a", "b"});
    server.publish("abab");
    server.add_consumer({{"filter_subject", "a"}, {"ack_policy", "none"}});
    REQUIRE_FALSE(server.update({{"subjects", {"a", "b"}}, {"retention", "interest"}}).contains("error"));
    CHECK(server.state() == (is_ours ? "1..4 2" : "1..4 4"));
    CHECK(server.fetch_all() == "a a");
    CHECK(server.state() == (is_ours ? "5..4 0" : "1..4 4"));
  });
}

TEST_CASE("a consumer of an interest stream that wants what is new, and acknowledges nothing") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    REQUIRE_FALSE(server.ask("STREAM.CREATE.S", json{{"name", "S"}, {"subjects", {"a"}}, {"retention", "interest"}}).contains("error"));
    server.add_consumer({{"ack_policy", "explicit"}});
    server.publish("a");
    const json other = {{"stream_name", "S"}, {"config", {{"durable_name", "n"}, {"ack_policy", "none"}, {"deliver_policy", "new"}}}};
    REQUIRE_FALSE(server.ask("CONSUMER.DURABLE.CREATE.S.n", other).contains("error"));
    const auto message = server.fetch();
    REQUIRE(message);
    server.answer(*message, "+ACK");
    CHECK(server.state() == (is_ours ? "2..1 0" : "1..1 1"));
  });
}

TEST_CASE("a limit of messages per subject given to a stream that had none") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    server.create({"a", "b"});
    server.publish("aabbb");
    REQUIRE_FALSE(server.update({{"subjects", {"a", "b"}}, {"max_msgs_per_subject", 1}}).contains("error"));
    CHECK(server.state() == (is_ours ? "2..5 2" : "1..5 5"));
    server.publish("a");
    CHECK(server.state() == (is_ours ? "5..6 2" : "3..6 4"));
  });
}

TEST_CASE("a purge up to the first sequence") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    server.create({"a", "b"});
    server.publish("aab");
    CHECK(server.ask("STREAM.PURGE.S", json{{"seq", 1}}).at("purged") == (is_ours ? 0 : 3));
    CHECK(server.state() == (is_ours ? "1..3 3" : "4..3 0"));
  });
}

TEST_CASE("a purge of what was delivered after a message that is still pending, and a nak of that one") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    server.create({"a", "b"});
    server.publish("ab");
    server.add_consumer({{"ack_policy", "explicit"}});
    const auto first = server.fetch();
    REQUIRE(first);
    REQUIRE(server.fetch());
    REQUIRE(server.ask("STREAM.PURGE.S", json{{"filter", "b"}}).at("purged") == 1);
    server.answer(*first, "-NAK");
    CHECK(server.fetch_all() == (is_ours ? "a" : ""));
  });
}

TEST_CASE("the last message of a subject, after the one that was it has been deleted") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    server.create({"a", "b"});
    server.publish("aaabab");
    REQUIRE(server.ask("STREAM.MSG.DELETE.S", json{{"seq", 5}}).at("success") == true);
    const json last = server.ask("STREAM.MSG.GET.S", json{{"last_by_subj", "a"}});
    const json stored = server.publish_to("a", "Nats-Expected-Last-Subject-Sequence: 0");
    CAPTURE(last.dump());
    CAPTURE(stored.dump());
    if (is_ours) {
      CHECK(last.at("message").at("seq") == 3);
      CHECK(stored.at("error").at("err_code") == 10071);
    } else {
      CHECK(last.at("error").at("err_code") == 10037);
      CHECK(stored.at("seq") == 7);
    }
  });
}

TEST_CASE("a message id after a restart, when the last message was erased") {
  on_both([](Server& server, bool is_ours) {
    CAPTURE(is_ours);
    server.create({"a"});
    REQUIRE(server.publish_to("a", "Nats-Msg-Id: one").at("seq") == 1);
    REQUIRE(server.publish_to("a", "Nats-Msg-Id: two").at("seq") == 2);
    REQUIRE(server.ask("STREAM.MSG.DELETE.S", json{{"seq", 2}}).at("success") == true);
    server.restart();
    const json again = server.publish_to("a", "Nats-Msg-Id: one");
    CHECK(again.value("duplicate", false) == is_ours);
    CHECK(again.at("seq") == (is_ours ? 1 : 3));
  });
}
