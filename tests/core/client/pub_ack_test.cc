#include "core/client/pub_ack.h"

#include <doctest/doctest.h>

#include <optional>

namespace windtunnel::core {
namespace {

TEST_CASE("an ack says the same however it is written") {
  struct Row {
    const char* text;
    std::optional<PubAck> expected;  // nullopt: it is no ack
  };
  const PubAck plain{"ORDERS", "", Seq{7}, false};
  const PubAck full{"ORDERS", "hub", Seq{18446744073709551615u}, true};
  const Row rows[] = {
      // As nats-server writes it, which is read without a JSON parser.
      {R"({"stream":"ORDERS", "seq":7})", plain},
      {R"({"stream":"ORDERS","seq":7})", plain},
      {R"({"stream":"ORDERS", "domain":"hub", "seq":18446744073709551615,"duplicate": true})", full},
      {R"({"stream":"ORDERS","domain":"hub","seq":18446744073709551615,"duplicate":true})", full},
      // In other ways.
      {R"({ "stream": "ORDERS", "seq": 7 })", plain},
      {R"({"seq":7,"stream":"ORDERS"})", plain},
      {R"({"stream":"\u004fRDERS","seq":7})", plain},
      {R"({"stream":"ORDERS","domain":"","seq":7})", plain},
      {R"({"stream":"ORDERS","seq":7,"duplicate":false})", plain},
      {R"({"stream":"ORDERS","seq":7,"batch":"x"})", plain},
      {R"({"stream":"ORDERS","seq":3,"seq":7})", plain},
      // No acks.
      {R"({"stream":"","seq":7})", std::nullopt},
      {R"({"stream":"ORDERS"})", std::nullopt},
      {R"({"stream":"ORDERS","seq":7)", std::nullopt},
      {R"({"stream":"ORDERS","seq":07})", std::nullopt},
      {R"({"stream":"ORDERS","seq":-7})", std::nullopt},
      {R"({"stream":"ORDERS","seq":7.5})", std::nullopt},
      {R"({"stream":"ORDERS","seq":"7"})", std::nullopt},
      {R"({"stream":"ORDERS","seq":[7]})", std::nullopt},
      {R"({"stream":"ORDERS","seq":7}})", std::nullopt},
      {R"({"stream":"OR)", std::nullopt},
      {"", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Result<PubAnswer> answer = parse_pub_ack(row.text);
    const bool is_ack = answer && !answer->failure;
    REQUIRE(is_ack == row.expected.has_value());
    if (is_ack) CHECK((answer->ack == *row.expected));
  }
}

TEST_CASE("a refusal names the stream and why") {
  const Result<PubAnswer> answer =
      parse_pub_ack(R"({"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"},"stream":"ORDERS","seq":0})");
  REQUIRE(answer);
  REQUIRE(answer->failure);
  CHECK(answer->ack.stream == "ORDERS");
  CHECK(answer->failure->err_code == 10071);
  CHECK(answer->failure->description == "wrong last sequence: 3");
  const Result<PubAnswer> deep =
      parse_pub_ack(R"({"error":{"code":400,"why":{"code":500,"err_code":9},"err_code":10071},"stream":"ORDERS"})");
  REQUIRE(deep);
  REQUIRE(deep->failure);
  CHECK(deep->failure->code == 400);
  CHECK(deep->failure->err_code == 10071);
}

}  // namespace
}  // namespace windtunnel::core
