#include "core/nats/parser.h"

#include <doctest/doctest.h>

#include "tests/support/parser_log.h"

namespace windtunnel::core {
namespace {

using Log = std::vector<std::string>;

Log parse(ParserRole role, std::string_view stream, const ParserLimits& limits = {}) { return tests::parse_pieces(role, limits, {stream}); }

// Each stream whole, in two pieces at every place, and byte by byte.
void check_every_split(ParserRole role, std::string_view stream, const Log& expected, const ParserLimits& limits = {}) {
  CAPTURE(stream);
  CHECK(parse(role, stream, limits) == expected);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    CHECK(tests::parse_pieces(role, limits, {stream.substr(0, cut), stream.substr(cut)}) == expected);
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < stream.size(); ++i) bytes.push_back(stream.substr(i, 1));
  CHECK(tests::parse_pieces(role, limits, bytes) == expected);
}

TEST_CASE("what a client sends is the same however it is cut up") {
  check_every_split(
      ParserRole::server_of_client,
      "CONNECT {\"verbose\":false}\r\nPING\r\nSUB foo.* 1\r\nsub work grp 2\nUNSUB 1\r\nUnsub 2 5\r\n"
      "PUB foo 5\r\nhello\r\nPUB foo my.reply 0\r\n\r\nHPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"
      "HPUB foo r 12 12\r\nNATS/1.0\r\n\r\n\r\nPUB\tfoo \t 2 \r\n\r\n\r\nPONG\r\n+OK\r\n-ERR 'Stale Connection'\r\nINFO {} \r\n",
      {"connect text={\"verbose\":false}", "ping", "subscribe subject=foo.* sid=1", "subscribe subject=work queue=grp sid=2",
       "unsubscribe sid=1", "unsubscribe max_msgs=5 sid=2", "publish subject=foo payload=hello", "publish subject=foo reply=my.reply",
       "publish has_headers subject=foo headers=NATS/1.0\r\n\r\n payload=hi",
       "publish has_headers subject=foo reply=r headers=NATS/1.0\r\n\r\n", "publish subject=foo payload=\r\n", "pong", "ok",
       "err text=Stale Connection", "info text={}"});
}

TEST_CASE("what a leaf sends is the same however it is cut up") {
  check_every_split(
      ParserRole::leaf,
      "INFO {\"a\":1} \r\nCONNECT {}\r\nLS+ foo.>\r\nLS+ foo grp 3\r\nLS- foo grp\r\nLS- foo.>\r\nLMSG foo 2\r\nhi\r\nLMSG foo r "
      "2\r\nhi\r\n"
      "LMSG foo + r q1 q2 2\r\nhi\r\nLMSG foo | q1 2\r\nhi\r\nLMSG foo + r 2\r\nhi\r\nHMSG foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHMSG foo r "
      "12 12\r\nNATS/1.0\r\n\r\n\r\n"
      "HMSG foo + r q 12 12\r\nNATS/1.0\r\n\r\n\r\nHMSG foo | q1 q2 12 12\r\nNATS/1.0\r\n\r\n\r\nPING\r\nPONG\r\n-ERR 'Loop detected'\r\n",
      {"info text={\"a\":1}", "connect text={}", "leaf_subscribe subject=foo.>", "leaf_subscribe weight=3 subject=foo queue=grp",
       "leaf_unsubscribe subject=foo queue=grp", "leaf_unsubscribe subject=foo.>", "leaf_message subject=foo payload=hi",
       "leaf_message subject=foo reply=r payload=hi", "leaf_message subject=foo reply=r payload=hi queues=q1 queues=q2",
       "leaf_message subject=foo payload=hi queues=q1", "leaf_message subject=foo reply=r payload=hi",
       "leaf_message has_headers subject=foo headers=NATS/1.0\r\n\r\n payload=hi",
       "leaf_message has_headers subject=foo reply=r headers=NATS/1.0\r\n\r\n",
       "leaf_message has_headers subject=foo reply=r headers=NATS/1.0\r\n\r\n queues=q",
       "leaf_message has_headers subject=foo headers=NATS/1.0\r\n\r\n queues=q1 queues=q2", "ping", "pong", "err text=Loop detected"});
}

TEST_CASE("what a server sends to a client is the same however it is cut up") {
  check_every_split(
      ParserRole::client,
      "INFO {\"server_id\":\"N\"} \r\n+OK\r\nMSG foo 1 5\r\nhello\r\nMSG foo 1 my.reply 0\r\n\r\nHMSG foo 7 16 16\r\nNATS/1.0 "
      "503\r\n\r\n\r\n"
      "HMSG foo 7 r 12 13\r\nNATS/1.0\r\n\r\nx\r\nPING\r\nPONG\r\n-ERR 'Invalid Subject'\r\n",
      {"info text={\"server_id\":\"N\"}", "ok", "message subject=foo sid=1 payload=hello", "message subject=foo reply=my.reply sid=1",
       "message has_headers subject=foo sid=7 headers=NATS/1.0 503\r\n\r\n",
       "message has_headers subject=foo reply=r sid=7 headers=NATS/1.0\r\n\r\n payload=x", "ping", "pong", "err text=Invalid Subject"});
}

TEST_CASE("each violation has its -ERR, or none, after the operations before it") {
  struct Row {
    const char* what;
    ParserRole role;
    std::string stream;
    const char* end;
  };
  const char* const unknown = "-ERR 'Unknown Protocol Operation'";
  const ParserRole client = ParserRole::server_of_client;
  const ParserRole leaf = ParserRole::leaf;
  const Row rows[] = {
      {"no operation", client, "NONSENSE\r\n", unknown},
      {"refused at its first wrong byte", client, "PX", unknown},
      {"no blank after SUB", client, "SUB\r\n", unknown},
      {"no blank after PUB", client, "PUBfoo 1\r\n", unknown},
      {"MSG to a server", client, "MSG a 1 1\r\n", unknown},
      {"leaf operation from a client", client, "LS+ a\r\n", unknown},
      {"route operation from a client", client, "RS+ a\r\n", unknown},
      {"payload too long", client, "PUB foo 3\r\nabcd", unknown},
      {"CR without LF behind the payload", client, "PUB foo 3\r\nabc\rx", unknown},
      {"too few arguments", client, "PUB foo\r\n", "closed"},
      {"too many arguments", client, "PUB a b c 1\r\n", "closed"},
      {"no arguments", client, "PUB \r\n", "closed"},
      {"negative size", client, "PUB foo -1\r\n\r\n", "closed"},
      {"size with a sign", client, "PUB foo +1\r\n\r\n", "closed"},
      {"ten digits", client, "PUB foo 0000000001\r\n", "closed"},
      {"header larger than total", client, "HPUB foo 12 5\r\n", "closed"},
      {"bad header size", client, "HPUB foo x 5\r\n", "closed"},
      {"HPUB with too few arguments", client, "HPUB foo 5\r\n", "closed"},
      {"SUB with one argument", client, "SUB foo\r\n", "closed"},
      {"SUB with four arguments", client, "SUB a b c d\r\n", "closed"},
      {"UNSUB with three arguments", client, "UNSUB 1 2 3\r\n", "closed"},
      {"over max_payload, before the payload", client, "PUB foo 1048577\r\n", "-ERR 'Maximum Payload Violation'"},
      {"over max_payload with headers", client, "HPUB foo 12 1048577\r\n", "-ERR 'Maximum Payload Violation'"},
      {"over max_control_line", client, "PUB " + std::string(4097, 'x'), "-ERR 'maximum control line exceeded'"},
      {"LS+ with two arguments", leaf, "LS+ foo q\r\n", "closed"},
      {"LS+ with four arguments", leaf, "LS+ foo q 1 2\r\n", "closed"},
      {"LMSG with one argument", leaf, "LMSG foo\r\n", "closed"},
      {"LMSG with a bad marker", leaf, "LMSG foo x q 2\r\n", "closed"},
      {"LMSG with a bad size", leaf, "LMSG foo 2x\r\n", "closed"},
      {"HMSG with two arguments", leaf, "HMSG foo 12\r\n", "closed"},
      {"HMSG with a bad marker", leaf, "HMSG foo reply q 12 12\r\n", "closed"},
      {"PUB from a leaf", leaf, "PUB foo 1\r\n", unknown},
      {"MSG with two arguments", ParserRole::client, "MSG foo 1\r\n", "closed"},
      {"HMSG with three arguments", ParserRole::client, "HMSG foo 1 12\r\n", "closed"},
      {"PUB to a client", ParserRole::client, "PUB foo 1\r\n", unknown},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    check_every_split(row.role, "PING\r\n" + row.stream, {"ping", row.end});
  }
}

TEST_CASE("limits are inclusive") {
  const std::string longest(4096 - 2, 'x');
  CHECK(parse(ParserRole::server_of_client, "SUB " + longest + " 1\r\n") == Log{"subscribe subject=" + longest + " sid=1"});
  CHECK(parse(ParserRole::server_of_client, "SUB x" + longest + " 1\r\n") == Log{"-ERR 'maximum control line exceeded'"});
  ParserLimits limits;
  limits.max_payload = Bytes{5};
  check_every_split(ParserRole::server_of_client, "PUB a 5\r\nhello\r\n", {"publish subject=a payload=hello"}, limits);
  check_every_split(ParserRole::server_of_client, "PUB a 6\r\nhello!\r\n", {"-ERR 'Maximum Payload Violation'"}, limits);
  limits.max_control_line = Bytes{3};
  check_every_split(ParserRole::server_of_client, "SUB a 1\r\n", {"subscribe subject=a sid=1"}, limits);
  check_every_split(ParserRole::server_of_client, "SUB aa 1\r\n", {"-ERR 'maximum control line exceeded'"}, limits);
  // A leaf's message is taken whatever its size: its sender has checked.
  check_every_split(ParserRole::leaf, "LMSG a 6\r\nhello!\r\n", {"leaf_message subject=a payload=hello!"}, limits);
}

TEST_CASE("a server's line to a client may be longer than the client's own may be") {
  const std::string subject(4090, 'x');
  const std::string stream = "MSG " + subject + " 123456789 1\r\n!\r\n";
  CHECK(parse(ParserRole::client, stream, Parser::limits_of(ParserRole::client)) ==
        Log{"message subject=" + subject + " sid=123456789 payload=!"});
  CHECK(Parser::limits_of(ParserRole::server_of_client).max_control_line == Bytes{4096});
}

TEST_CASE("HPUB without header support closes silently, before the payload") {
  ParserLimits limits;
  limits.has_headers = false;
  check_every_split(ParserRole::server_of_client, "HPUB foo 12 12\r\n", {"closed"}, limits);
}

TEST_CASE("while credentials are awaited only CONNECT may come") {
  ParserLimits limits;
  limits.is_connect_required = true;
  check_every_split(ParserRole::server_of_client, "CONNECT {}\r\n", {"connect text={}"}, limits);
  CHECK(parse(ParserRole::server_of_client, "P", limits) == Log{"-ERR 'Authorization Violation'"});
  CHECK(parse(ParserRole::server_of_client, "XX", limits) == Log{"-ERR 'Authorization Violation'"});
}

TEST_CASE("a CR that does not end the line is kept, and separates arguments") {
  check_every_split(ParserRole::server_of_client, "SUB a\rb\r\nCONNECT \r\rx\r\r\n", {"subscribe subject=a sid=b", "connect text=\r\rx\r"});
}

TEST_CASE("blanks, tabs and CRs part arguments wherever they stand, and no other byte does") {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (c == '\n') continue;
    const bool is_parting = c == ' ' || c == '\t' || c == '\r';
    for (std::size_t size = 3; size < 20; ++size) {
      for (std::size_t place = 1; place + 1 < size; ++place) {
        std::string argument(size, '!');  // the lowest byte that is no blank and no control
        argument[place] = c;
        const std::string line = "SUB " + argument + "\r\n";
        const std::string parted = "subscribe subject=" + argument.substr(0, place) + " sid=" + argument.substr(place + 1);
        const std::string whole = "subscribe subject=" + argument + " sid=\x1f";
        const Log log =
            is_parting ? parse(ParserRole::server_of_client, line) : parse(ParserRole::server_of_client, "SUB " + argument + " \x1f\r\n");
        REQUIRE(log == Log{is_parting ? parted : whole});
      }
    }
  }
}

TEST_CASE("an UNSUB count that cannot be read is none") {
  CHECK(parse(ParserRole::server_of_client, "UNSUB 1 x\r\n") == Log{"unsubscribe sid=1"});
}

TEST_CASE("a stream that ends inside an operation can be told from one that ends between two") {
  Parser parser{ParserRole::server_of_client};
  Operation operation;
  CHECK(parser.is_between_operations());
  parser.feed("PI");
  CHECK(parser.next(operation) == Parse::need_more);
  CHECK_FALSE(parser.is_between_operations());
  parser.feed("NG\r");
  CHECK(parser.next(operation) == Parse::need_more);
  CHECK_FALSE(parser.is_between_operations());
  parser.feed("\n");
  CHECK(parser.next(operation) == Parse::operation);
  CHECK(parser.is_between_operations());
}

}  // namespace
}  // namespace windtunnel::core
