// Work queues and streams kept by interest as origins across a leaf link, between ours and real servers: everything arrives once, and
// leaves its origin. Ours acknowledges what it has stored; a real one asks for a consumer without acknowledgements, and what is handed
// to its link is gone (docs/hazards.md, workqueue-or-interest-origin).
#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/peers/leaf_steps.h"

using namespace windtunnel::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const ServerProgram kOurs{.kind = ServerProgram::Kind::windtunnel, .path = WT_BINARY};

struct Pair {
  std::vector<ServerProgram> programs;
  std::size_t origin = 0;
  [[nodiscard]] std::size_t reader() const { return 1 - origin; }
};

void create_origins(LeafChain& chain, std::size_t node) {
  create(chain, node, {{"name", "JOBS"}, {"subjects", {"jobs.>"}}, {"retention", "workqueue"}});
  create(chain, node, {{"name", "TASKS"}, {"subjects", {"tasks.>"}}, {"retention", "workqueue"}});
  create(chain, node, {{"name", "NEWS"}, {"subjects", {"news.>"}}, {"retention", "interest"}});
}

void create_readers(LeafChain& chain, std::size_t node, std::size_t far) {
  create(chain, node, {{"name", "ALL"}, {"sources", {origin("JOBS", far)}}, {"allow_direct", true}});
  create(chain, node, {{"name", "MIRROR"}, {"mirror", origin("TASKS", far)}, {"allow_direct", true}});
  create(chain, node, {{"name", "PAPER"}, {"sources", {origin("NEWS", far)}}, {"allow_direct", true}});
}

bool publish_to_all(PeerClient& client, int from, int count) {
  return publish_many(client, "jobs.a", from, count) && publish_many(client, "tasks.a", from, count) &&
         publish_many(client, "news.a", from, count);
}

bool has_arrived(LeafChain& chain, const Pair& pair, int count) {
  for (const char* stream : {"ALL", "MIRROR", "PAPER"}) {
    if (messages_of(chain.client(pair.reader()), stream) != count) return false;
  }
  for (const char* stream : {"JOBS", "TASKS", "NEWS"}) {
    if (messages_of(chain.client(pair.origin), stream) != 0) return false;
  }
  return true;
}

void check_all(LeafChain& chain, const Pair& pair, int count) {
  for (const char* stream : {"ALL", "MIRROR", "PAPER"}) {
    CAPTURE(stream);
    CHECK(contents(chain.client(pair.reader()), stream) == numbers(count));
  }
  for (const char* stream : {"JOBS", "TASKS", "NEWS"}) {
    CAPTURE(stream);
    CHECK(messages_of(chain.client(pair.origin), stream) == 0);
  }
}

// Interest in NEWS is there once its reader has a consumer.
bool has_reader(LeafChain& chain, const Pair& pair) {
  return chain.client(pair.origin).ask("$JS.API.STREAM.INFO.NEWS")["state"].value("consumer_count", 0) > 0;
}

}  // namespace

TEST_CASE("ours copies a real server's work queues and interest streams whole, and empties them, also through an outage of either") {
  struct Run {
    Pair pair;
    std::size_t victim;
    std::unique_ptr<LeafChain> chain;
    bool is_done = false;
  };
  std::vector<Run> runs;
  for (const ServerProgram& real : real_servers()) {
    for (const Pair& pair : {Pair{{real, kOurs}, 0}, Pair{{kOurs, real}, 1}}) {
      for (const std::size_t victim : {std::size_t{0}, std::size_t{1}})
        runs.push_back({pair, victim, std::make_unique<LeafChain>(pair.programs)});
    }
  }
  for (Run& run : runs) {
    create_origins(*run.chain, run.pair.origin);
    create_readers(*run.chain, run.pair.reader(), run.pair.origin);
  }
  for (Run& run : runs) {
    REQUIRE(comes_true(20s, [&] { return has_reader(*run.chain, run.pair); }));
    CHECK(publish_to_all(run.chain->client(run.pair.origin), 0, 10));
    CHECK(comes_true(20s, [&] { return has_arrived(*run.chain, run.pair, 10); }));
  }
  for (Run& run : runs) {
    run.chain->kill(run.victim);
    if (run.victim == run.pair.reader()) {
      // What is published meanwhile waits: the consumer is a durable one.
      CHECK(publish_to_all(run.chain->client(run.pair.origin), 10, 5));
      CHECK(messages_of(run.chain->client(run.pair.origin), "NEWS") == 5);
    }
  }
  for (Run& run : runs) run.chain->start(run.victim);
  for (Run& run : runs) {
    const bool was_away = run.victim == run.pair.reader();
    CHECK(publish_to_all(run.chain->client(run.pair.origin), was_away ? 15 : 10, was_away ? 5 : 10));
  }
  CHECK(comes_true(70s, [&] {
    bool are_all = true;
    for (Run& run : runs) {
      run.is_done = run.is_done || has_arrived(*run.chain, run.pair, 20);
      are_all = are_all && run.is_done;
    }
    return are_all;
  }));
  for (Run& run : runs) {
    const std::string text = run.chain->text();
    CAPTURE(text);
    CAPTURE(run.victim);
    check_all(*run.chain, run.pair, 20);
    // An origin that was killed comes back with an older state of its consumers, of which the copy complains, and asks anew.
    if (run.victim != run.pair.origin) CHECK(run.chain->complaints() == "");
  }
}

TEST_CASE("a real server copies our work queues and interest streams, which count a message as done when it is sent") {
  for (const ServerProgram& real : real_servers()) {
    for (const Pair& pair : {Pair{{kOurs, real}, 0}, Pair{{real, kOurs}, 1}}) {
      LeafChain chain{pair.programs};
      const std::string text = chain.text() + " " + real.path;
      CAPTURE(text);
      create_origins(chain, pair.origin);
      PeerClient& client = chain.client(pair.origin);
      client.subscribe("$JS.API.CONSUMER.CREATE.JOBS");
      client.subscribe("$JS.API.CONSUMER.CREATE.JOBS.>");
      CHECK(publish_many(client, "jobs.a", 0, 5));
      CHECK(publish_many(client, "tasks.a", 0, 5));
      create_readers(chain, pair.reader(), pair.origin);
      // It has no acknowledgements, whatever the origin is.
      const auto asked = client.next(10s);
      REQUIRE(asked);
      const json request = json::parse(asked->payload, nullptr, false);
      CHECK(request["config"]["ack_policy"] == "none");
      CHECK(request["config"]["direct"] == true);
      CHECK(request["config"]["deliver_policy"] == "all");
      CHECK(comes_true(20s, [&] { return messages_of(chain.client(pair.reader()), "ALL") == 5; }));
      CHECK(comes_true(20s, [&] { return messages_of(chain.client(pair.reader()), "MIRROR") == 5; }));
      // An interest stream keeps what a direct consumer wants as well.
      CHECK(comes_true(20s, [&] {
        return publish_acked(chain.client(pair.origin), "news.a", std::to_string(0)).contains("seq") &&
               messages_of(chain.client(pair.reader()), "PAPER") > 0;
      }));
      CHECK(publish_many(client, "jobs.a", 5, 5));
      CHECK(publish_many(client, "tasks.a", 5, 5));
      CHECK(comes_true(20s, [&] {
        return messages_of(chain.client(pair.reader()), "ALL") == 10 && messages_of(chain.client(pair.reader()), "MIRROR") == 10;
      }));
      CHECK(contents(chain.client(pair.reader()), "ALL") == numbers(10));
      CHECK(contents(chain.client(pair.reader()), "MIRROR") == numbers(10));
      for (const char* stream : {"JOBS", "TASKS", "NEWS"}) {
        CAPTURE(stream);
        CHECK(comes_true(5s, [&] { return messages_of(chain.client(pair.origin), stream) == 0; }));
      }
      CHECK(chain.complaints() == "");
    }
  }
}

// As a power loss does it; here by putting back what it had before.
TEST_CASE("ours finds out that a real server's stream has lost messages and grown again, though it was killed itself") {
  namespace fs = std::filesystem;
  for (const ServerProgram& real : real_servers()) {
    LeafChain chain{{kOurs, real}};
    CAPTURE(real.path);
    create(chain, 1, {{"name", "EDGE"}, {"subjects", {"edge.>"}}});
    create(chain, 0, {{"name", "ALL"}, {"sources", {origin("EDGE", 1)}}, {"allow_direct", true}});
    const auto has = [&](int count) { return comes_true(30s, [&] { return messages_of(chain.client(0), "ALL") == count; }); };
    CHECK(publish_many(chain.client(1), "edge.a", 0, 5));
    CHECK(has(5));
    const std::string saved = chain.store(1) + ".saved";
    chain.kill(1);
    fs::copy(chain.store(1), saved, fs::copy_options::recursive);
    chain.start(1);
    REQUIRE(comes_true(30s, [&] { return chain.client(0).ask("$JS.d1.API.INFO").is_object(); }));
    CHECK(publish_many(chain.client(1), "edge.a", 5, 5));
    CHECK(has(10));
    chain.kill(0);
    chain.kill(1);
    fs::remove_all(chain.store(1));
    fs::rename(saved, chain.store(1));
    chain.start(0);
    chain.start(1);
    // Before the link is up.
    CHECK(publish_many(chain.client(1), "edge.a", 10, 8));
    CHECK(has(18));
    CHECK(contents(chain.client(0), "ALL") == numbers(18));
  }
}
