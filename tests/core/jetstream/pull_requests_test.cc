#include "core/jetstream/pull_requests.h"

#include <doctest/doctest.h>

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{100s};

TEST_CASE("the body of a pull request says how much, for how long, and how") {
  struct Row {
    const char* body;
    std::int64_t batch;
    Instant expires;
    bool no_wait;
    std::uint64_t max_bytes;
  };
  const Row rows[] = {
      {"", 1, kForever, false, 0},
      {"  \r\n", 1, kForever, false, 0},
      {"5", 5, kForever, false, 0},
      {" 7 ", 7, kForever, false, 0},
      {"0", 0, kForever, false, 0},
      {"-3", -3, kForever, false, 0},
      {"five", 1, kForever, false, 0},  // as nats-server: what is no number is one message
      {"{}", 0, kForever, false, 0},
      {R"({"batch":0})", 0, kForever, false, 0},
      {R"({"batch":-1})", -1, kForever, false, 0},
      {R"({"batch":10,"expires":2000000000})", 10, kNow + 2s, false, 0},
      {R"({"batch":10,"no_wait":true})", 10, kForever, true, 0},
      {R"({"max_bytes":60})", 0, kForever, false, 60},
      {R"({"max_bytes":-1})", 0, kForever, false, 0},
      {R"({"Batch":2,"EXPIRES":-1})", 2, kNow - 1ns, false, 0},
      {R"({"id":"x","batch":3})", 3, kForever, false, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    const Result<PullRequest> request = parse_pull_request(row.body, kNow);
    REQUIRE(request);
    CHECK(request->batch == row.batch);
    CHECK(request->expires == row.expires);
    CHECK(request->has_expires == (row.expires != kForever));
    CHECK(request->no_wait == row.no_wait);
    CHECK(request->max_bytes == row.max_bytes);
    CHECK(request->has_max_bytes == (row.max_bytes > 0));
    CHECK(request->received == kNow);
  }
}

TEST_CASE("a heartbeat may be at most half of the time that the request waits") {
  const Result<PullRequest> good = parse_pull_request(R"({"expires":1000000000,"idle_heartbeat":500000000})", kNow);
  REQUIRE(good);
  CHECK(good->next_heartbeat == kNow + 500ms);
  for (const char* body : {R"({"expires":1000000000,"idle_heartbeat":500000001})", R"({"idle_heartbeat":1})"}) {
    CAPTURE(body);
    const Result<PullRequest> bad = parse_pull_request(body, kNow);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().detail == "heartbeat value too large");
  }
}

TEST_CASE("a body that is no JSON is refused in Go's words, one with wrong types all the same") {
  CHECK(parse_pull_request("{bad", kNow).error().detail == "invalid character 'b' looking for beginning of object key string");
  CHECK_FALSE(parse_pull_request(R"({"batch":"ten"})", kNow));
}

PullRequest asking(const char* reply, std::int64_t batch, Instant expires = kForever) {
  PullRequest request;
  request.reply = reply;
  request.batch = batch;
  request.expires = expires;
  return request;
}

TEST_CASE("demand is the sum of what all requests still want") {
  PullRequests requests;
  CHECK(requests.demand() == 0);
  requests.add(asking("a", 3));
  requests.add(asking("b", 4));
  CHECK(requests.demand() == 7);
}

TEST_CASE("the next event is the earliest expiry or heartbeat") {
  PullRequests requests;
  CHECK(requests.next_event() == kForever);
  requests.add(asking("a", 1, kNow + 10s));
  PullRequest beating = asking("b", 1, kNow + 20s);
  beating.next_heartbeat = kNow + 5s;
  requests.add(beating);
  CHECK(requests.next_event() == kNow + 5s);
}

TEST_CASE("requests that are taken out by a condition leave the others in their order") {
  PullRequests requests;
  for (const char* reply : {"a", "b", "c", "d"}) requests.add(asking(reply, 1));
  const std::vector<PullRequest> taken = requests.take_if([](const PullRequest& r) { return r.reply == "a" || r.reply == "c"; });
  REQUIRE(taken.size() == 2);
  CHECK(taken[1].reply == "c");
  CHECK(requests.take_front().reply == "b");
  CHECK(requests.take_front().reply == "d");
  CHECK(requests.is_empty());
}

}  // namespace
}  // namespace windtunnel::core
