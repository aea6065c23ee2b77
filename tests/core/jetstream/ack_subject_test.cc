#include "core/jetstream/ack_subject.h"

#include <doctest/doctest.h>

namespace windtunnel::core {
namespace {

TEST_CASE("an ack subject has nine tokens, in the order of version 1") {
  const AckInfo info{"ORDERS", "C1", 2, Seq{42}, 7, WallTime{1714557600123456789}, 3};
  CHECK(ack_subject(info) == "$JS.ACK.ORDERS.C1.2.42.7.1714557600123456789.3");
}

TEST_CASE("an ack subject reads back as what was written") {
  const AckInfo info{"S", "c", 1, Seq{UINT64_MAX}, UINT64_MAX - 1, WallTime{-5}, 0};
  const std::string subject = ack_subject(info);  // what is read refers to it
  const auto read = parse_ack_subject(subject);
  REQUIRE(read);
  CHECK(read->stream == "S");
  CHECK(read->consumer == "c");
  CHECK(read->deliveries == 1);
  CHECK(read->stream_seq == Seq{UINT64_MAX});
  CHECK(read->consumer_seq == UINT64_MAX - 1);
  CHECK(read->time == WallTime{-5});
  CHECK(read->pending == 0);
}

TEST_CASE("what is no ack subject is told apart") {
  struct Row {
    const char* what;
    const char* subject;
  };
  const Row rows[] = {
      {"nothing", ""},
      {"an inbox", "_INBOX.a.b"},
      {"eight tokens", "$JS.ACK.S.c.1.2.3.4"},
      {"ten tokens, neither version", "$JS.ACK.S.c.1.2.3.4.5.6"},
      {"flow control", "$JS.FC.S.c.1.2.3.4.5"},
      {"another prefix", "JS.ACK.S.c.1.2.3.4.5"},
      {"a word for a number", "$JS.ACK.S.c.one.2.3.4.5"},
      {"an empty number", "$JS.ACK.S.c.1..3.4.5"},
      {"a sign", "$JS.ACK.S.c.+1.2.3.4.5"},
      {"a negative sequence", "$JS.ACK.S.c.1.-2.3.4.5"},
      {"more than 64 bits", "$JS.ACK.S.c.1.18446744073709551616.3.4.5"},
      {"a number with a tail", "$JS.ACK.S.c.1.2x.3.4.5"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK_FALSE(parse_ack_subject(row.subject));
  }
}

}  // namespace
}  // namespace windtunnel::core
