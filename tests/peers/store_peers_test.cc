// A real nats-server opens what our store code wrote, after an orderly stop and after a kill, and tells of the same streams,
// messages and consumers as `inspect` does.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/json_writer.h"
#include "core/base/time_text.h"
#include "reports/inspect.h"
#include "tests/peers/live_server.h"
#include "tests/peers/nats_client.h"
#include "tests/peers/our_store.h"
#include "tests/support/temporary_directory.h"

using namespace windtunnel;
using namespace windtunnel::tests;
using core::ConsumerState;
using core::Seq;
using nlohmann::json;

namespace {

std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

struct Server {
  const char* variable;
  const char* version;  // what its INFO begins with; "": any
};
constexpr Server kServers[] = {{"WINDTUNNEL_NATS_SERVER", "2.10.27"}, {"WINDTUNNEL_NATS_SERVER_NEXT", ""}};

std::optional<std::string> program_of(const Server& server) {
  const char* path = std::getenv(server.variable);
  if (path != nullptr && *path != '\0') return path;
  std::printf("SKIPPED: no %s (tests/peers/fetch-nats-server)\n", server.variable);
  return std::nullopt;
}

constexpr std::string_view kOrders = R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file"})";

void put_many(OurStore& store, int count, std::size_t size = 40) {
  for (int i = 0; i < count; ++i)
    store.put("orders." + std::to_string(i % 7), std::string(size, static_cast<char>('a' + i % 26)) + std::to_string(i));
}

void remove(OurStore& store, std::uint64_t seq, bool erase = false) { REQUIRE(store.stream().remove(Seq{seq}, erase).value()); }

// A consumer with acknowledgements out of order: up to `floor`, `delivered` handed out, of the rest some pending.
ConsumerState consumer_state(std::uint64_t floor, std::uint64_t delivered, const std::vector<std::uint64_t>& pending, std::int64_t now) {
  ConsumerState state;
  state.ack_floor = {floor, Seq{floor}};
  state.delivered = {delivered, Seq{delivered}};
  for (const std::uint64_t seq : pending) state.pending[Seq{seq}] = {seq, core::WallTime{now}};
  return state;
}

struct Case {
  const char* what;
  std::string config;
  std::function<void(OurStore& store, std::int64_t now)> write;
};

// Blocks of 32,000 bytes, so that some hundred messages make several.
std::string small_blocks(const std::string& more = "") {
  return R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file","max_bytes":120000)" + more + "}";
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"plain messages", std::string(kOrders), [](OurStore& s, std::int64_t) { put_many(s, 50); }},
      {"never used", std::string(kOrders), [](OurStore&, std::int64_t) {}},
      {"headers, empty payloads, odd bytes", std::string(kOrders),
       [](OurStore& s, std::int64_t) {
         s.put("orders.a", "", "NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n");
         s.put("orders.b", std::string("\0\xff\r\n", 4));
         s.put("orders.c", "");
         s.put("orders.d", "x", "NATS/1.0\r\nNats-Msg-Id: one\r\n\r\n");
       }},
      {"interior deletes", std::string(kOrders),
       [](OurStore& s, std::int64_t) {
         put_many(s, 60);
         for (const std::uint64_t seq : {3u, 4u, 9u, 30u, 59u}) remove(s, seq);
       }},
      {"the first and the last deleted", std::string(kOrders),
       [](OurStore& s, std::int64_t) {
         put_many(s, 20);
         for (const std::uint64_t seq : {1u, 2u, 20u, 19u}) remove(s, seq);
       }},
      {"secure erase", std::string(kOrders),
       [](OurStore& s, std::int64_t) {
         put_many(s, 20);
         remove(s, 5, true);
         remove(s, 20, true);
       }},
      {"several blocks with tombstones of earlier ones", small_blocks(),
       [](OurStore& s, std::int64_t) {
         put_many(s, 300, 300);
         for (std::uint64_t seq = 10; seq < 290; seq += 13) remove(s, seq);
         put_many(s, 10, 300);
       }},
      {"a bad sector at the end of a block", std::string(kOrders),
       [](OurStore& s, std::int64_t) {
         put_many(s, 100, 100);
         remove(s, 98);
         s.spoil_end(1);
         REQUIRE_FALSE(s.stream().append({"orders.lost", "", "refused"}, core::WallTime{1}));
         put_many(s, 20, 100);
         remove(s, 97);
         remove(s, 3);
       }},
      {"a whole block deleted in the middle", small_blocks(),
       [](OurStore& s, std::int64_t) {
         put_many(s, 250, 300);
         for (std::uint64_t seq = 80; seq <= 200; ++seq) remove(s, seq);
       }},
      {"purged", std::string(kOrders),
       [](OurStore& s, std::int64_t) {
         put_many(s, 30);
         REQUIRE(s.stream().purge({}));
       }},
      {"purged, and used again", std::string(kOrders),
       [](OurStore& s, std::int64_t) {
         put_many(s, 30);
         REQUIRE(s.stream().purge({}));
         put_many(s, 5);
       }},
      {"purged of a subject", small_blocks(),
       [](OurStore& s, std::int64_t) {
         put_many(s, 200, 300);
         REQUIRE(s.stream().purge({.filter = "orders.3", .below = Seq{0}, .keep = 0}));
       }},
      {"purged but for the newest", small_blocks(),
       [](OurStore& s, std::int64_t) {
         put_many(s, 200, 300);
         REQUIRE(s.stream().purge({.filter = "", .below = Seq{0}, .keep = 7}));
       }},
      {"purged below a sequence", small_blocks(),
       [](OurStore& s, std::int64_t) {
         put_many(s, 200, 300);
         REQUIRE(s.stream().purge({.filter = "", .below = Seq{123}, .keep = 0}));
       }},
      {"limits by number, bytes and subject", small_blocks(R"(,"max_msgs":150,"max_msgs_per_subject":25)"),
       [](OurStore& s, std::int64_t) { put_many(s, 400, 300); }},
      {"compacted", small_blocks(),
       [](OurStore& s, std::int64_t) {
         put_many(s, 200, 300);
         REQUIRE(s.stream().compact(Seq{77}));
       }},
      {"compressed", small_blocks(R"(,"compression":"s2")"),
       [](OurStore& s, std::int64_t) {
         put_many(s, 250, 300);
         remove(s, 40);
         s.run_background();
         s.kill();
         s.reopen();
         put_many(s, 20, 300);
         remove(s, 50);
       }},
      {"rolled up", R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file","allow_rollup_hdrs":true})",
       [](OurStore& s, std::int64_t) {
         put_many(s, 30);
         s.put("orders.3", "sum", "NATS/1.0\r\nNats-Rollup: sub\r\n\r\n");
         REQUIRE(s.stream().purge({.filter = "orders.3", .below = Seq{0}, .keep = 1}));
       }},
      {"skipped sequences", std::string(kOrders),
       [](OurStore& s, std::int64_t now) {
         put_many(s, 5);
         REQUIRE(s.stream().skip_through(Seq{20}, core::WallTime{now}));
         put_many(s, 5);
       }},
      {"skipped before the first", std::string(kOrders),
       [](OurStore& s, std::int64_t now) {
         REQUIRE(s.stream().skip_through(Seq{20}, core::WallTime{now}));
         put_many(s, 5);
       }},
      {"reopened and written to", small_blocks(),
       [](OurStore& s, std::int64_t) {
         put_many(s, 100, 300);
         remove(s, 50);
         s.stop();
         s.reopen();
         put_many(s, 100, 300);
         s.kill();
         s.reopen();
         put_many(s, 10, 300);
       }},
      {"consumers with pending and redelivered messages", std::string(kOrders),
       [](OurStore& s, std::int64_t now) {
         put_many(s, 40);
         s.consumer("acks", R"({"durable_name":"acks","ack_policy":"explicit","ack_wait":3600000000000,"deliver_policy":"all"})",
                    consumer_state(5, 20, {6, 9, 17}, now));
         ConsumerState redelivered = consumer_state(2, 10, {3, 8}, now);
         redelivered.redelivered[Seq{3}] = 2;
         s.consumer("again", R"({"durable_name":"again","ack_policy":"explicit","ack_wait":3600000000000,"deliver_policy":"all"})",
                    redelivered);
         s.consumer("filtered",
                    R"({"durable_name":"filtered","ack_policy":"explicit","ack_wait":3600000000000,"filter_subject":"orders.2"})",
                    consumer_state(0, 0, {}, now));
       }},
      {"a work queue half done", R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file","retention":"workqueue"})",
       [](OurStore& s, std::int64_t now) {
         put_many(s, 40);
         for (const std::uint64_t seq : {1u, 2u, 3u, 5u, 7u}) remove(s, seq);
         s.consumer("w", R"({"durable_name":"w","ack_policy":"explicit","ack_wait":3600000000000})",
                    consumer_state(3, 9, {4, 6, 8, 9}, now));
       }},
      {"a work queue drained", R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file","retention":"workqueue"})",
       [](OurStore& s, std::int64_t now) {
         put_many(s, 40);
         for (std::uint64_t seq = 1; seq <= 40; ++seq) remove(s, seq);
         s.consumer("w", R"({"durable_name":"w","ack_policy":"explicit","ack_wait":3600000000000})", consumer_state(40, 40, {}, now));
       }},
  };
  return all;
}

// What ours says, of the files as they lie there.
struct Ours {
  json stream;
  std::map<std::uint64_t, core::StoredMessage> messages;
};

Ours ours(const std::string& root) {
  auto disk = core::PosixDisk::open(root, core::PosixDisk::Access::read_only);
  REQUIRE(disk);
  std::string out;
  const reports::InspectOptions options{.at = core::WallTime{wall_ns()}, .with_messages = false, .with_consumers = true};
  const auto writer = reports::inspect_json([&](std::string_view text) { out += text; }, options, "test");
  REQUIRE(reports::inspect(**disk, "jetstream", "jetstream", options, *writer));
  Ours all;
  all.stream = json::parse(out).at("streams").at(0);
  const std::string directory = "jetstream/$G/streams/ORDERS";
  core::StreamStoreOptions store;
  store.name = "ORDERS";
  store.directory = directory;
  const auto config = core::parse_stream_config(all.stream.at("config").dump());
  REQUIRE(config);
  store.limits = core::store_limits(*config);
  auto inspection = core::StreamInspection::open(**disk, store, options.at);
  REQUIRE(inspection);
  REQUIRE((*inspection)
              ->for_each_message([&](const core::StoredMessage& message) { all.messages[message.seq.value] = message; },
                                 [](const core::Problem& problem) { FAIL(problem.what); }));
  return all;
}

void check_state(const json& state, const json& expected) {
  for (const char* name : {"messages", "bytes", "first_seq", "last_seq"}) {
    CAPTURE(name);
    CHECK(state.at(name) == expected.at(name));
  }
  // Of a stream that was never used the server counts one deleted sequence: 0 - 0 + 1.
  const bool is_used = expected.at("last_seq") != 0u;
  if (is_used) CHECK(state.value("num_deleted", 0u) == expected.at("num_deleted").get<std::uint64_t>());
  CHECK(state.value("num_subjects", 0u) == expected.at("num_subjects").get<std::uint64_t>());
  CHECK_FALSE(state.contains("lost"));
}

void check_messages(NatsClient& client, const Ours& expected, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t seq = std::max<std::uint64_t>(first, 1); seq <= last; ++seq) {
    CAPTURE(seq);
    const json reply = json::parse(client.request("$JS.API.STREAM.MSG.GET.ORDERS", "{\"seq\":" + std::to_string(seq) + "}"));
    const auto found = expected.messages.find(seq);
    REQUIRE(reply.contains("message") == (found != expected.messages.end()));
    if (found == expected.messages.end()) continue;
    const json& message = reply.at("message");
    CHECK(message.at("subject") == found->second.subject);
    CHECK(message.value("data", "") == core::base64(found->second.payload));
    CHECK(message.value("hdrs", "") == core::base64(found->second.headers));
    CHECK(core::parse_rfc3339(message.at("time").get<std::string>()) == found->second.time);
  }
}

void check_consumers(NatsClient& client, const Ours& expected) {
  for (const json& consumer : expected.stream.at("consumers")) {
    const std::string name = consumer.at("name");
    CAPTURE(name);
    const json info = json::parse(client.request("$JS.API.CONSUMER.INFO.ORDERS." + name, ""));
    CAPTURE(info.dump());
    REQUIRE(info.contains("delivered"));
    for (const char* figure : {"stream_seq", "consumer_seq"}) {
      CAPTURE(figure);
      CHECK(info.at("delivered").at(figure) == consumer.at("delivered").at(figure));
      CHECK(info.at("ack_floor").at(figure) == consumer.at("ack_floor").at(figure));
    }
    for (const char* figure : {"num_ack_pending", "num_redelivered", "num_pending"}) {
      CAPTURE(figure);
      CHECK(info.at(figure) == consumer.at(figure));
    }
  }
}

// The lines of a log that warn or complain.
std::string warnings(const std::string& log) {
  std::string out;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = std::min(log.find('\n', at), log.size());
    const std::string line = log.substr(at, end - at);
    if (line.find("[WRN]") != std::string::npos || line.find("[ERR]") != std::string::npos || line.find("[FTL]") != std::string::npos)
      out += line + "\n";
    at = end + 1;
  }
  return out;
}

void check_case(const Case& each, const std::string& program, bool is_graceful) {
  const TemporaryDirectory directory;
  const std::string root = directory.path() + "/store";
  const std::string scratch = directory.path() + "/server";
  std::filesystem::create_directories(root);
  std::filesystem::create_directories(scratch);
  const std::int64_t now = wall_ns();
  {
    OurStore store{root, each.config, core::WallTime{now}};
    each.write(store, now);
    if (is_graceful) {
      store.stop();
    } else {
      store.kill();
    }
  }
  const Ours expected = ours(root);
  for (const json& problem : expected.stream.at("problems")) CHECK(problem.at("severity") == "note");
  const json& blocks = expected.stream.at("blocks");
  CHECK(std::any_of(blocks.begin(), blocks.end(), [](const json& block) { return block.at("compressed").get<bool>(); }) ==
        (std::string_view(each.what) == "compressed"));
  const auto server = LiveServer::start({.kind = ServerProgram::Kind::nats_server, .path = program}, root, scratch);
  NatsClient client{server->port()};
  const json info = json::parse(client.request("$JS.API.STREAM.INFO.ORDERS", R"({"deleted_details":true,"subjects_filter":">"})"));
  CAPTURE(server->log());
  REQUIRE(info.contains("state"));
  const json& state = info.at("state");
  check_state(state, expected.stream.at("state"));
  if (state.contains("deleted") && state.at("messages") > 0u) {
    std::vector<std::uint64_t> gaps;
    for (const json& gap : expected.stream.at("gaps")) {
      for (std::uint64_t seq = gap.at("first"); seq <= gap.at("last").get<std::uint64_t>(); ++seq) gaps.push_back(seq);
    }
    CHECK(state.at("deleted").get<std::vector<std::uint64_t>>() == gaps);
  }
  check_messages(client, expected, state.at("first_seq"), state.at("last_seq"));
  check_consumers(client, expected);
  if (is_graceful) CHECK(warnings(server->log()) == "");
  server->stop();
}

void check_all(const Server& which, bool is_graceful) {
  const auto program = program_of(which);
  if (!program) return;
  for (const Case& each : cases()) {
    CAPTURE(std::string(each.what));
    check_case(each, *program, is_graceful);
  }
}

}  // namespace

TEST_CASE("nats-server 2.10.27 opens what ours left after an orderly stop") { check_all(kServers[0], true); }
TEST_CASE("nats-server 2.10.27 opens what ours left when it was killed") { check_all(kServers[0], false); }
TEST_CASE("a newer nats-server opens what ours left after an orderly stop") { check_all(kServers[1], true); }
TEST_CASE("a newer nats-server opens what ours left when it was killed") { check_all(kServers[1], false); }
