#include "core/nats/writer.h"

#include <doctest/doctest.h>

#include "core/nats/headers.h"
#include "tests/support/parser_log.h"

namespace windtunnel::core {
namespace {

const std::string kBlock = "NATS/1.0\r\nA: 1\r\n\r\n";

template <typename Append>
std::string written(Append append) {
  std::string out;
  append(out);
  return out;
}

TEST_CASE("lines are written byte for byte as nats-server writes them") {
  CHECK(written([](std::string& o) { append_info(o, "{}"); }) == "INFO {} \r\n");
  CHECK(written([](std::string& o) { append_connect(o, "{}"); }) == "CONNECT {}\r\n");
  CHECK(written([](std::string& o) { append_ping(o), append_pong(o), append_ok(o); }) == "PING\r\nPONG\r\n+OK\r\n");
  CHECK(written([](std::string& o) { append_err(o, "Invalid Subject"); }) == "-ERR 'Invalid Subject'\r\n");
  CHECK(written([](std::string& o) { append_publish(o, {"a", "", "", "hi"}); }) == "PUB a 2\r\nhi\r\n");
  CHECK(written([](std::string& o) { append_publish(o, {"a", "r", kBlock, "hi"}); }) == "HPUB a r 18 20\r\n" + kBlock + "hi\r\n");
  CHECK(written([](std::string& o) { append_subscribe(o, "a", "", "1"), append_subscribe(o, "a", "q", "2"); }) ==
        "SUB a 1\r\nSUB a q 2\r\n");
  CHECK(written([](std::string& o) { append_unsubscribe(o, "1"), append_unsubscribe(o, "2", 7); }) == "UNSUB 1\r\nUNSUB 2 7\r\n");
  CHECK(written([](std::string& o) { append_message(o, "1", {"a", "", "", "hi"}); }) == "MSG a 1 2\r\nhi\r\n");
  CHECK(written([](std::string& o) {
          append_message(o, "7", {"_INBOX.x.1", "", status_block(503), ""});
        }) == "HMSG _INBOX.x.1 7 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
  CHECK(written([](std::string& o) {
          append_message(o, "7", {"box", "ack", "", "x", "ORDERS.new"});
        }) == "MSG ORDERS.new 7 ack 1\r\nx\r\n");
  CHECK(written([](std::string& o) { append_leaf_subscribe(o, "a"), append_leaf_subscribe(o, "a", "q", 3); }) == "LS+ a\r\nLS+ a q 3\r\n");
  CHECK(written([](std::string& o) { append_leaf_unsubscribe(o, "a"), append_leaf_unsubscribe(o, "a", "q"); }) == "LS- a\r\nLS- a q\r\n");
}

TEST_CASE("leaf messages carry queues behind a marker and the shown subject behind the reply") {
  const std::string_view queues[] = {"q1", "q2"};
  CHECK(written([](std::string& o) { append_leaf_message(o, {"a", "", "", "hi"}, {}); }) == "LMSG a 2\r\nhi\r\n");
  CHECK(written([](std::string& o) { append_leaf_message(o, {"a", "r", "", "hi"}, {}); }) == "LMSG a r 2\r\nhi\r\n");
  CHECK(written([&](std::string& o) { append_leaf_message(o, {"a", "r", "", "hi"}, queues); }) == "LMSG a + r q1 q2 2\r\nhi\r\n");
  CHECK(written([&](std::string& o) {
          append_leaf_message(o, {"a", "", kBlock, "hi"}, queues);
        }) == "HMSG a | q1 q2 18 20\r\n" + kBlock + "hi\r\n");
  CHECK(written([](std::string& o) {
          append_leaf_message(o, {"box", "$JS.ACK.S.C.1.1.1.1.0", "", "x", "orders.new"}, {});
        }) == "LMSG box $JS.ACK.S.C.1.1.1.1.0@orders.new 1\r\nx\r\n");
  // Without a reply there is nothing to carry it: heartbeats show the subject by which they are routed.
  CHECK(written([](std::string& o) { append_leaf_message(o, {"box", "", "", "x", "orders.new"}, {}); }) == "LMSG box 1\r\nx\r\n");
}

TEST_CASE("what is written is what is parsed") {
  const std::string_view queues[] = {"q1", "q2"};
  std::string to_server;
  append_publish(to_server, {"a.b", "r", kBlock, "payload"});
  append_subscribe(to_server, "a.>", "q", "17");
  CHECK(tests::parse_pieces(ParserRole::server_of_client, {}, {to_server}) ==
        std::vector<std::string>{"publish has_headers subject=a.b reply=r headers=" + kBlock + " payload=payload",
                                 "subscribe subject=a.> queue=q sid=17"});
  std::string to_leaf;
  append_leaf_message(to_leaf, {"a.b", "r", kBlock, "payload"}, queues);
  CHECK(
      tests::parse_pieces(ParserRole::leaf, {}, {to_leaf}) ==
      std::vector<std::string>{"leaf_message has_headers subject=a.b reply=r headers=" + kBlock + " payload=payload queues=q1 queues=q2"});
}

}  // namespace
}  // namespace windtunnel::core
