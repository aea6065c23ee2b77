// The schema for editors and the loader say the same. To write the file anew after a change of the language:
// WINDTUNNEL_UPDATE=1 build/tests/scenarios/scenarios_test
#include "scenarios/language/schema.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "faults/fault.h"
#include "scenarios/language/load.h"
#include "scenarios/language/tables.h"
#include "tests/scenarios/language/json_schema.h"
#include "tests/scenarios/language/sample.h"

namespace windtunnel::scenarios {
namespace {

constexpr const char* kSchemaFile = "scenarios/scenario.schema.json";

std::string read(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

const nlohmann::json& schema() {
  static const nlohmann::json parsed = nlohmann::json::parse(read(kSchemaFile));
  return parsed;
}

// Why the schema refuses the text; empty if it does not.
std::string refusal(const std::string& text) {
  Diagnostics diagnostics;
  const auto tree = parse_yaml(text, "s.yaml", diagnostics);
  REQUIRE(tree.has_value());
  return violation(schema(), to_json(*tree));
}

TEST_CASE("the schema file is what the loader's tables say") {
  if (std::getenv("WINDTUNNEL_UPDATE") != nullptr) std::ofstream{kSchemaFile, std::ios::binary} << json_schema();
  CHECK(read(kSchemaFile) == json_schema());
}

TEST_CASE("what the loader takes, the schema takes") {
  CHECK(refusal(sample()) == "");
  for (const char* folder : {"scenarios/catalog", "scenarios/examples"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator{folder}) {
      if (entry.path().extension() != ".yaml") continue;
      CAPTURE(entry.path().string());
      CHECK(refusal(read(entry.path().string())) == "");
    }
  }
}

TEST_CASE("a wrong key, type, unit, word or combination is refused by both") {
  struct Row {
    std::size_t line;
    std::string_view from;
    std::string_view to;
  };
  for (const Row& row : std::vector<Row>{{1, "sample", "hub outage"},
                                         {3, "7", "seven"},
                                         {3, "7", "-1"},
                                         {3, "7", "\"7\""},
                                         {4, "2m", "120"},
                                         {4, "2m", "2min"},
                                         {5, "nodes", "ndoes"},
                                         {6, "8MiB", "8MB"},
                                         {6, "8MiB", "8388608"},
                                         {6, "always", "never"},
                                         {6, "\"1\"", "1"},
                                         {7, "[nats-6981]", "nats-6981"},
                                         {7, "nats-6981", "nats-1"},
                                         {7, "leaf_of", "leafof"},
                                         {8, "edge", "e.dge"},
                                         {10, "[hub, leaf]", "[hub]"},
                                         {10, "latency", "latncy"},
                                         {10, "10MiB/s", "10MiB"},
                                         {12, "file", "fiel"},
                                         {12, "ORDERS", "a.b"},
                                         {12, "orders.>", "orders.>.x"},
                                         {12, "orders.>", "orders..x"},
                                         {12, "1h", "soon"},
                                         {12, "max_age", "max-age"},
                                         {12, "a: b", "a: 5"},
                                         {12, "max_age: 1h", "allow_msg_ttl: true"},
                                         {13, "domain", "domian"},
                                         {14, "workqueue", "queue"},
                                         {16, "explicit", "maybe"},
                                         {16, "[1s, 2000000000]", "1s"},
                                         {18, "20/s", "20"},
                                         {18, "msg_id: true", "msg_id: 1"},
                                         {18, "max: 3", "max: forever"},
                                         {18, "orders.new", "orders.*"},
                                         {18, "for: 60s, ", ""},
                                         {18, "rate: 20/s, ", ""},
                                         {19, "10B..1KiB", "10..20"},
                                         {20, "batch: 5", "batch: 0"},
                                         {20, "consume: ORDERS", "publish: a, consume: ORDERS"},
                                         {23, "SIGABRT", "SIGABORT"},
                                         {23, "signal", "signl"},
                                         {23, "at: 20s..25s, ", ""},
                                         {23, "at: 20s", "after: 1s, at: 20s"},
                                         {23, "{ node: hub, name: SIGABRT }", "hub"},
                                         {24, ", start: hub", ""},
                                         {25, "ordered", "some"},
                                         {26, "fsync", "fsink"},
                                         {26, "3rd", "third"},
                                         {28, "black_hole", "hole"},
                                         {32, "-5m", "-5"},
                                         {33, "expect", "expects"},
                                         {34, "mirror-is-prefix", "config-error-surfaced"},
                                         {34, "mirror-is-prefix", "nothing"},
                                         {35, "at_least", "atleast"},
                                         {35, "errors: { at_least: 1 }, lost: 0 ", ""},
                                         {35, "lost: 0", "lost: -1"},
                                         {36, ", lag: 0", ""},
                                         {36, "lag: 0", "lag: 0, reported_lag: 0"},
                                         {36, "last_fault", "start"},
                                         {39, "messages: { at_least: 1 }", "messages: {}"}}) {
    CAPTURE(row.line);
    CAPTURE(row.to);
    const std::string text = sample_with(row.line, row.from, row.to);
    REQUIRE_FALSE(text.empty());
    CHECK_FALSE(load_text(text, "s.yaml").scenario.has_value());
    CHECK(refusal(text) != "");
  }
}

TEST_CASE("the patterns of the schema and the readers of the loader agree on each text") {
  struct Row {
    Type type;
    std::size_t line;
    std::string_view from;
    std::vector<std::string_view> texts;
  };
  const std::vector<Row> rows = {
      {Type::duration_range,
       10,
       "5ms..40ms",
       {"5ms", "1.5s", "1h30m", "5\xc2\xb5s", "1d", "5", "5 ms", "-5ms", "5ms..", "..5ms", "5ms..6ms", "5ms...6ms", "ms", "5ms..6",
        "1e3s"}},
      {Type::bandwidth, 10, "10MiB/s", {"1B/s", "1.5KiB/s", "1B", "/s", "1kb/s", "B/s", "1B/m"}},
      {Type::sync_interval, 6, "always", {"10s", "Always", "1m30s", "10", "''"}},
      {Type::size, 6, "8MiB", {"1B", "1.5KiB", "1", "KiB", "-1B", "1KB"}},
      {Type::rate, 18, "20/s", {"1/s", "600/m", "1/250ms", "1/1m30s", "1.5/s", "/s", "20/", "20/x", "1/s/s"}},
      {Type::op_trigger,
       26,
       "\"3rd fsync of msgs/2.blk at hub\"",
       {"1st write of a at hub", "2nd fsync-directory of a/b at hub", "3rd fsync of a//b at hub", "3rd fsync of /a at hub",
        "rd fsync of a at hub", "3rd fsync of a b at hub", "after 3rd read of a at hub", "during 3rd read of a at hub",
        "1/ write of a at hub", "3rd  fsync of a at hub", "3rd fsync of a at hub "}},
      {Type::literal_subject, 19, "orders.new", {"a", "a.b.c", "$JS.x", "a.*", "a.>", "a..b", ".a", "a.", "a*b.c", "'a b'"}},
      {Type::subject, 21, "orders.*", {"a", "'*'", "'>'", "a.>", "'*.b'", "a.*.c", "'>.a'", "a.>.b", "a..b", "'a b'", "a*"}},
      {Type::signed_duration, 32, "-5m", {"5m", "+5m", "--5m", "5", "-0s"}},
      {Type::retry_count, 18, "{ max: 3, wait: 1s }", {"0", "3", "until-acked", "until_acked", "-1", "{ max: 1 }", "{}", "{ wait: 1s }"}},
  };
  for (const Row& row : rows) {
    for (const std::string_view text : row.texts) {
      CAPTURE(text);
      const std::string file = sample_with(row.line, row.from, text);
      REQUIRE_FALSE(file.empty());
      // Types and forms are the schema's business; names and ends before beginnings are the loader's alone.
      const bool loads = load_text(file, "s.yaml").scenario.has_value();
      CHECK(loads == refusal(file).empty());
    }
  }
}

TEST_CASE("each kind of fault has its table, in the order of the kinds") {
  const Table* faults_table = nullptr;
  for (const Key& key : scenario_table().keys) {
    if (key.name == "faults") faults_table = key.shape.element->table;
  }
  REQUIRE(faults_table != nullptr);
  std::vector<std::string_view> marks;
  std::vector<std::string_view> kinds;
  for (const Table* variant : faults_table->variants) marks.push_back(variant->mark);
  for (const faults::FaultKind& kind : faults::fault_kinds()) kinds.push_back(kind.name);
  CHECK(marks == kinds);
}

}  // namespace
}  // namespace windtunnel::scenarios
