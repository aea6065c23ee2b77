// What the loader says of wrong files: the place, what is wrong and the nearest valid word.
#include <doctest/doctest.h>

#include "scenarios/invariants/names.h"
#include "scenarios/language/load.h"
#include "tests/scenarios/language/sample.h"

namespace windtunnel::scenarios {
namespace {

struct Row {
  std::size_t line;
  std::string_view from;
  std::string_view to;
  std::string_view message;  // the first one, whole
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.to);
    const std::string text = sample_with(row.line, row.from, row.to);
    REQUIRE_FALSE(text.empty());
    const Loaded loaded = load_text(text, "s.yaml");
    CHECK_FALSE(loaded.scenario.has_value());
    REQUIRE_FALSE(loaded.diagnostics.empty());
    CHECK(loaded.diagnostics.front().text() == row.message);
  }
}

TEST_CASE("the sample itself is right") {
  const Loaded loaded = load_text(sample(), "s.yaml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) MESSAGE(diagnostic.text());
  CHECK(loaded.scenario.has_value());
}

TEST_CASE("an unknown key is named with its place and the nearest valid one") {
  check({
      {10, "latency", "latncy", "s.yaml:10:29: unknown key `latncy` in a link; did you mean `latency`?"},
      {5, "nodes", "ndoes", "s.yaml:1:1: a scenario needs the key `nodes`"},
      {7, "leaf_of", "leafof", "s.yaml:7:25: unknown key `leafof` in a node; did you mean `leaf_of`?"},
      {12, "max_age", "max-age", "s.yaml:12:67: unknown key `max-age` in a stream; did you mean `max_age`?"},
      {13, "domain", "domian", "s.yaml:13:62: unknown key `domian` in a mirror; did you mean `domain`?"},
      {18, "rate", "rat", "s.yaml:18:5: a publish workload needs the key `rate`"},
      {20, "batch", "bacth", "s.yaml:20:66: unknown key `bacth` in a consume workload; did you mean `batch`?"},
      {23, "signal", "signl", "s.yaml:23:21: unknown key `signl` in a fault; did you mean `signal`?"},
      {23, "name", "signal", "s.yaml:23:29: signal needs the key `name`"},
      {35, "errors", "erors", "s.yaml:35:26: unknown key `erors` in an expectation of a workload; did you mean `errors`?"},
      {35, "at_least", "atleast", "s.yaml:35:36: unknown key `atleast` in a bound; did you mean `at_least`?"},
  });
}

TEST_CASE("a key of a later nats-server is refused by name") {
  check({{12, "max_age: 1h", "allow_msg_ttl: true",
          "s.yaml:12:67: `allow_msg_ttl` came with nats-server 2.11; this server speaks 2.10.27, so leave it out"}});
}

TEST_CASE("a wrong type or unit is named with what is expected") {
  check({
      {3, "7", "seven", "s.yaml:3:7: `seed` must be a whole number, 0 or more, not `seven`"},
      {3, "7", "-1", "s.yaml:3:7: `seed` must be a whole number, 0 or more, not `-1`"},
      {3, "7", "18446744073709551616", "s.yaml:3:7: `seed` must be a whole number, 0 or more, not `18446744073709551616`"},
      {3, "7", "1.0", "s.yaml:3:7: `seed` must be a whole number, 0 or more, not `1.0`"},
      {3, "7", "0x7", "s.yaml:3:7: `seed` must be a whole number, 0 or more, not `0x7`"},
      {3, "7", "\"7\"", "s.yaml:3:7: `seed` must be a whole number, 0 or more, not `7`"},
      {4, "2m", "120", "s.yaml:4:11: `duration` must be a duration longer than 0, such as 5ms or 2m, not `120`"},
      {4, "2m", "2min", "s.yaml:4:11: `duration`: `2min` has the unknown unit `min`; there are ns, us, ms, s, m, h and d"},
      {4, "2m", "0s", "s.yaml:4:11: `duration` must be a duration longer than 0, such as 5ms or 2m, not `0s`"},
      {6, "max_payload: 2MiB", "max_payload: 65MiB", "s.yaml:6:161: `max_payload` must be at least 1B, and no more than 64MiB"},
      {6, "8MiB", "8388608", "s.yaml:6:59: `block_size` must be a size with a unit, such as 64KiB, not `8388608`"},
      {6, "8MiB", "8MB",
       "s.yaml:6:59: `block_size`: `8MB` has the unknown unit `MB`; there are B, KiB, MiB, GiB and TiB (1 KiB is 1024 B)"},
      {6, "always", "sometimes", "s.yaml:6:120: `sync_interval`: `sometimes` is no duration; write 5ms, 2m or 1h30m"},
      {6, "\"1\"", "1", "s.yaml:6:42: `password` must be text, not `1`; put it in quotes"},
      {7, "[nats-6981]", "nats-6981", "s.yaml:7:68: `defects` must be a list, not `nats-6981`"},
      {7, "nats-6981", "nats-6982", "s.yaml:7:69: `nats-6982` is no defect; did you mean `nats-6981`?"},
      {10, "[hub, leaf]", "hub", "s.yaml:10:16: `between` must be the two ends of a link, [a, b], not `hub`"},
      {10, "5ms..40ms", "40ms..5ms", "s.yaml:10:38: `latency`: `40ms..5ms` ends before it begins; write the smaller end first"},
      {10, "10MiB/s", "10MiB", "s.yaml:10:60: `bandwidth`: `10MiB` is no bandwidth; write 64KiB/s or 10MiB/s"},
      {12, "storage: file", "storage: fiel", "s.yaml:12:61: `storage` must be file or memory, not `fiel`; did you mean `file`?"},
      {12, "ORDERS", "a.b", "s.yaml:12:22: `name` must be a name without spaces, '.', '*', '>', '/' and '\\', not `a.b`"},
      {12, "orders.>", "orders.>.x", "s.yaml:12:41: `subjects` must be a subject, such as orders.new or orders.>, not `orders.>.x`"},
      {12, "orders.>", "orders..x", "s.yaml:12:41: `subjects` must be a subject, such as orders.new or orders.>, not `orders..x`"},
      {12, "1h", "soon", "s.yaml:12:76: `max_age`: `soon` is no duration; write 5ms, 2m or 1h30m"},
      {12, "1h", "1e9", "s.yaml:12:76: `max_age`: `1e9` is no whole number; write all its digits, or a duration such as 2m"},
      {12, "a: b", "a: 5", "s.yaml:12:142: `a` must be text, not `5`; put it in quotes"},
      {18, "orders.new", "orders.*", "s.yaml:18:16: `publish` must be a subject without wildcards, such as orders.new, not `orders.*`"},
      {18, "20/s", "20", "s.yaml:18:73: `rate` must be a rate such as 20/s, not `20`"},
      {18, "msg_id: true", "msg_id: yes", "s.yaml:18:143: `msg_id` must be true or false, not `yes`"},
      {18, "max: 3", "max: forever", "s.yaml:18:120: `max` must be a whole number, or until-acked, not `forever`"},
      {20, "batch: 5", "batch: 0", "s.yaml:20:73: `batch` must be a whole number, 1 or more, not `0`"},
      {23, "SIGABRT", "SIGABORT",
       "s.yaml:23:48: `name` must be SIGTERM, SIGUSR2, SIGABRT or SIGKILL, not `SIGABORT`; did you mean `SIGABRT`?"},
      {26, "fsync", "fsink",
       "s.yaml:26:11: `on`: `3rd fsink of msgs/2.blk at hub` has the unknown operation `fsink` (there are create, write, fsync, truncate, "
       "rename, remove, "
       "mkdir, fsync-directory, open, read, list); it is written `3rd fsync of msgs/2.blk at leaf`"},
      {34, "mirror-is-prefix", "mirror-is-prefx", "s.yaml:34:36: `mirror-is-prefx` is no invariant; did you mean `mirror-is-prefix`?"},
      {35, "lost: 0", "lost: none",
       "s.yaml:35:57: `lost` must be a whole number, or { at_least, at_most, reported }, where at_most may be a duration such as 2m, not "
       "`none`"},
      {38, "at_most: 1300 }, first_seq", "at_most: 0 }, first_seq",
       "s.yaml:38:42: `messages`: `at_least` is more than `at_most`, which nothing can satisfy"},
      {1, "sample", "", "s.yaml:2:1: `scenario` must be a name of letters, digits, - and _, with a letter first, not nothing"},
      {1, "sample", "[a]", "s.yaml:1:11: `scenario` must be a name of letters, digits, - and _, with a letter first, not a list"},
      {1, "sample", "7days", "s.yaml:1:11: `scenario` must be a name of letters, digits, - and _, with a letter first, not `7days`"},
      {1, "sample", "\"null\"", "s.yaml:1:11: `scenario` must be a name of letters, digits, - and _, with a letter first, not `null`"},
      {1, "sample", "hub outage",
       "s.yaml:1:11: `scenario` must be a name of letters, digits, - and _, with a letter first, not `hub outage`"},
  });
}

TEST_CASE("an empty list of expectations wants every invariant; an empty list of invariants says so") {
  const std::string text = "scenario: s\nnodes: { hub: {} }\nexpect: ";
  const Loaded loaded = load_text(text + "[]\n", "s.yaml");
  REQUIRE(loaded.scenario);
  for (const InvariantName& each : invariant_names()) CHECK(loaded.scenario->asks_for(each.name));
  const Loaded none = load_text(text + "[ { invariants: [] } ]\n", "s.yaml");
  REQUIRE(none.diagnostics.size() == 1);
  CHECK(none.diagnostics.front().text() ==
        "s.yaml:3:11: `invariants` must name at least one; without it every invariant must hold, also with `expect: []`");
}

TEST_CASE("a name that does not exist is named with the nearest that does") {
  check({
      {7, "leaf_of: hub", "leaf_of: hbu", "s.yaml:7:34: there is no node `hbu`; did you mean `hub`?"},
      {10, "[hub, leaf]", "[hub, laef]", "s.yaml:10:16: there is no node `laef`; did you mean `leaf`?"},
      {12, "on: hub", "on: hubb", "s.yaml:12:11: there is no node `hubb`; did you mean `hub`?"},
      {13, "name: ORDERS,", "name: ODERS,", "s.yaml:13:54: there is no stream `ODERS` in domain `hub`; did you mean `ORDERS`?"},
      {13, "domain: hub", "domain: hob", "s.yaml:13:70: no node has the domain `hob`; did you mean `hub`?"},
      {13, ", domain: hub", "",
       "s.yaml:13:54: there is no stream `ORDERS` on node `leaf` (of another node: name its `domain`); there is SUM"},
      {13, "name: ORDERS, domain: hub", "name: ORDERS_MIRROR",
       "s.yaml:13:54: stream `ORDERS_MIRROR` copies itself; name the origin's `domain`"},
      {16, "ORDERS", "ORDRES", "s.yaml:16:15: there is no stream `ORDRES`; did you mean `ORDERS`?"},
      {18, "at: leaf", "at: lead", "s.yaml:18:32: there is no node `lead`; did you mean `leaf`?"},
      {18, "domain: hub", "domain: center", "s.yaml:18:62: no node has the domain `center`; there are hub and leaf"},
      {20, "ORDERS", "ORDER", "s.yaml:20:16: there is no stream `ORDER` in domain `hub`; did you mean `ORDERS`?"},
      {21, "ORDERS_MIRROR", "ORDERS",
       "s.yaml:21:16: there is no stream `ORDERS` on node `leaf` (of another node: name its `domain`); there are ORDERS_MIRROR and SUM"},
      {24, "hub", "hud", "s.yaml:24:25: there is no node `hud`; did you mean `hub`?"},
      {26, "at hub", "at hab", "s.yaml:26:11: there is no node `hab`; did you mean `hub`?"},
      {29, "[hub, leaf]", "[hub, edge]", "s.yaml:29:22: there is no link between `hub` and `edge`; there are [hub, leaf] and [leaf, edge]"},
      {35, "careful", "carefull", "s.yaml:35:17: there is no workload `carefull`; did you mean `careful`?"},
      {35, "careful", "bill", "s.yaml:35:17: workload `bill` consumes; say `consumed: bill`"},
      {39, "bill", "careful", "s.yaml:39:17: workload `careful` publishes; say `workload: careful`"},
      {36, "mirror: ORDERS_MIRROR", "mirror: ORDERS", "s.yaml:36:44: there is no mirror `ORDERS` on node `leaf`; there is ORDERS_MIRROR"},
      {38, "on: hub", "on: leaf", "s.yaml:38:15: there is no stream `ORDERS` on node `leaf`; there are ORDERS_MIRROR and SUM"},
  });
}

TEST_CASE("what contradicts itself is refused") {
  check({
      {7, "leaf_of: hub", "leaf_of: edge", "s.yaml:7:34: the leaf topology runs in a circle: leaf -> edge -> leaf"},
      {8, "leaf_of: leaf", "leaf_of: edge", "s.yaml:8:20: the leaf topology runs in a circle: edge -> edge"},
      {6, ", password: \"1\"", "", "s.yaml:6:3: node `hub` needs both `user` and `password`, or neither"},
      {10, "[hub, leaf]", "[hub, hub]", "s.yaml:10:16: a link joins two different nodes, not `hub` with itself"},
      {13, "mirror: {", "subjects: [a], mirror: {", "s.yaml:13:48: a mirror has no `subjects`: it takes everything from its origin"},
      {13, "mirror: {", "first_seq: 5, mirror: {", "s.yaml:13:49: a mirror has no `first_seq`: it takes everything from its origin"},
      {13, "mirror: {", "sources: [ { name: SUM } ], mirror: {",
       "s.yaml:13:47: a mirror has no `sources`: it takes everything from its origin"},
      {13, "domain: hub", "domain: hub, external: { api: $JS.hub.API }",
       "s.yaml:13:70: `domain` is short for `external`; give one of them, not both"},
      {14, "SUM", "ORDERS_MIRROR", "s.yaml:14:23: there is already a stream `ORDERS_MIRROR` on node `leaf`"},
      {18, "for: 60s, ", "", "s.yaml:18:5: a publish workload needs at least one of for and count"},
      {19, "via: core", "via: core, timeout: 1s",
       "s.yaml:19:57: `timeout` is about the ack, and a publish `via: core` has none; publish `via: jetstream` or leave it out"},
      {19, "size", "name: careful, size", "s.yaml:19:77: there is already a workload `careful`"},
      {20, "batch: 5", "ack: none", "s.yaml:20:71: `ack` is said where `consumers` lists the consumer; leave it out here"},
      {20, "consume: ORDERS", "consume: ORDERS, publish: a", "s.yaml:20:24: a workload is either `consume` or `publish`, not both"},
      {20, "consume: ORDERS", "admin: ORDERS", "s.yaml:20:5: an admin workload needs the key `do`"},
      {23, "at: 20s..25s, ", "", "s.yaml:23:5: a fault needs at least one of at, after, on and every"},
      {23, "at: 20s..25s", "at: 20s, after: 5s", "s.yaml:23:5: a fault has either `at` or `after`, not both"},
      {23, "{ node: hub, name: SIGABRT }", "hub", "s.yaml:23:29: `signal` needs `name`: write { node: ..., name: ... }"},
      {24, ", start: hub", "",
       "s.yaml:24:5: a fault needs one of signal, power_loss, start, pause, resume, cut, heal, delay, throttle, clock_step, lose_file, "
       "stale_file, truncate_file, zero_file, bit_flip, bad_sector, misread, misdirected_read, misdirected_write, short_write, "
       "phantom_sync, "
       "failed_fsync, disk_error, disk_full, slow_disk and heal_disk"},
      {32, "at: 73s", "at: 73s..3m", "s.yaml:32:11: this is after the end of the run: `duration` is 2m"},
      {36, ", lag: 0", "", "s.yaml:36:5: an expectation of a mirror needs one of lag and reported_lag"},
      {16, "durable_name: billing, ", "", "s.yaml:16:5: a consumer needs at least one of durable_name and name"},
      {16, "billing", "billing, name: other", "s.yaml:16:52: `name` and `durable_name` must be equal if both are given"},
      {16, "ack_wait: 5s", "deliver_subject: x", "s.yaml:20:57: consumer `billing` is a push consumer; workloads pull"},
  });
}

TEST_CASE("all that is wrong is reported at once, in the order of the file") {
  std::vector<std::string> lines = sample_lines();
  lines[3] = "duration: 120";
  lines[9] = "  - { between: [hub, leaf], latncy: 5ms }";
  lines[22] = "  - { at: 20, signal: { node: hub, name: SIGFOO } }";
  const Loaded loaded = load_text(joined(lines), "s.yaml");
  std::vector<std::string> places;
  for (const Diagnostic& diagnostic : loaded.diagnostics) places.push_back(diagnostic.where.text());
  CHECK(places == std::vector<std::string>{"s.yaml:4:11", "s.yaml:10:29", "s.yaml:23:11", "s.yaml:23:42"});
}

TEST_CASE("two streams of one name on two nodes need `on` where they are expected") {
  std::vector<std::string> lines = sample_lines();
  lines[13] = "  - { on: edge, name: ORDERS_MIRROR, mirror: { name: ORDERS, domain: hub } }";
  const Loaded loaded = load_text(joined(lines), "s.yaml");
  REQUIRE(loaded.diagnostics.size() == 1);
  CHECK(loaded.diagnostics[0].text() == "s.yaml:37:28: there is a mirror `ORDERS_MIRROR` on leaf and edge; say which with `on`");
}

// The entry in place of the sample's first fault, without its list's dash.
void check_fault(std::string_view entry, std::string_view message) {
  CAPTURE(entry);
  const std::string text = sample_with(23, "{ at: 20s..25s, signal: { node: hub, name: SIGABRT } }", entry);
  REQUIRE_FALSE(text.empty());
  const Loaded loaded = load_text(text, "s.yaml");
  CHECK_FALSE(loaded.scenario.has_value());
  REQUIRE_FALSE(loaded.diagnostics.empty());
  CHECK(loaded.diagnostics.front().text() == message);
}

TEST_CASE("a disk fault that makes no sense is refused with what would") {
  check_fault("{ at: 1s, lose_file: { node: hub } }", "s.yaml:23:26: lose_file needs the key `file`");
  check_fault("{ at: 1s, lose_file: { node: hub, file: \"first .blk\", pick: all } }",
              "s.yaml:23:65: the role in `file` says which one; leave out `pick`");
  check_fault("{ at: 1s, lose_file: { node: hub, file: \"third .blk\" } }",
              "s.yaml:23:45: `file` must be a file as a glob or a role, such as msgs/*.blk or \"first .blk\", not `third .blk`");
  check_fault("{ at: 1s, lose_file: { node: hub, file: a.blk, of: ORDRES } }",
              "s.yaml:23:56: there is no stream `ORDRES` on node `hub`; did you mean `ORDERS`?");
  check_fault("{ at: 1s, bit_flip: { node: hub, file: a.blk, bits: 33 } }", "s.yaml:23:57: `bits` is 1 to 32");
  check_fault("{ at: 1s, truncate_file: { node: hub, file: a.blk } }", "s.yaml:23:30: truncate_file needs one of keep and cut");
  check_fault("{ at: 1s, stale_file: { node: hub, file: a.blk, age: 1s, version: previous_sync } }",
              "s.yaml:23:27: stale_file has only one of age and version");
  check_fault("{ on: \"1st write of a at hub\", stale_file: { node: hub, file: a.blk, age: 1s } }",
              "s.yaml:23:79: `age` needs a fault whose time is known beforehand; with `on` write `version: previous_sync`");
  check_fault(
      "{ at: 1s, disk_error: { node: hub, op: wrte } }",
      "s.yaml:23:44: `op` must be a disk operation: create, write, fsync, truncate, rename, remove, mkdir, fsync-directory, open, read or "
      "list, not `wrte`");
  check_fault("{ at: 1s, disk_error: { node: hub, op: write, error: ENOENT } }",
              "s.yaml:23:58: `error` must be EIO, ENOSPC, EROFS, EACCES or EMFILE, not `ENOENT`");
}

TEST_CASE("when a fault strikes is said in one way, and what goes on has an end") {
  check_fault("{ at: 1s, after: 2s, start: hub }", "s.yaml:23:5: a fault has either `at` or `after`, not both");
  check_fault("{ every: 1s, on: \"1st write of a at hub\", until: 5s, start: hub }",
              "s.yaml:23:5: a fault has either `every` or `on`, not both");
  check_fault("{ every: 1s, start: hub }", "s.yaml:23:5: `every` needs an end: write `until: 2m`");
  check_fault("{ on: \"1/9 write of a at hub\", start: hub }", "s.yaml:23:5: a fault with odds needs an end: write `until: 2m`");
  check_fault("{ at: 1s, until: 5s, start: hub }", "s.yaml:23:22: `until` ends an `every` or a fault with odds, and this is neither");
  check_fault("{ every: 0s..5s, until: 60s, start: hub }", "s.yaml:23:14: `every` needs gaps longer than 0");
}

TEST_CASE("a swarm that makes no sense is refused") {
  const auto check_swarm = [](std::string_view swarm, std::string_view message) {
    CAPTURE(swarm);
    const Loaded loaded = load_text(sample() + "swarm: " + std::string{swarm} + "\n", "s.yaml");
    CHECK_FALSE(loaded.scenario.has_value());
    REQUIRE_FALSE(loaded.diagnostics.empty());
    CHECK(loaded.diagnostics.front().text() == message);
  };
  check_swarm("{ kinds: [] }", "s.yaml:42:8: `kinds` must name at least one");
  check_swarm("{ kinds: [power_los] }", "s.yaml:42:18: `power_los` is no kind of fault for a swarm; did you mean `power_loss`?");
  check_swarm("{ kinds: [kill], faults: 5..3 }", "s.yaml:42:33: `faults`: `5..3` ends before it begins");
  check_swarm("{ kinds: [kill], nodes: [hubb] }", "s.yaml:42:33: there is no node `hubb`; did you mean `hub`?");
  check_swarm("{ kinds: [kill], window: 5s..60s, heal_by: 50s }", "s.yaml:42:8: `heal_by` lies before the end of `window`");
  check_swarm("{ kinds: [kill], window: 5s..115s }", "s.yaml:42:8: `heal_by` lies after the end of the run: `duration` is 2m");
}

}  // namespace
}  // namespace windtunnel::scenarios
