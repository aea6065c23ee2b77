// A scenario that uses every part of the language once; the error tests break it line by line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace windtunnel::scenarios {

inline const std::vector<std::string>& sample_lines() {
  static const std::vector<std::string> lines = {
      /* 1 */ "scenario: sample",
      /* 2 */ "about: Everything once.",
      /* 3 */ "seed: 7",
      /* 4 */ "duration: 2m",
      /* 5 */ "nodes:",
      /* 6 */
      "  hub: { domain: hub, user: u, password: \"1\", block_size: 8MiB, compact_min: 1MiB, index_interval: 30s, sync_interval: always, "
      "ping_interval: 10s, max_payload: 2MiB }",
      /* 7 */ "  leaf: { domain: leaf, leaf_of: hub, sync_interval: 10s, defects: [nats-6981] }",
      /* 8 */ "  edge: { leaf_of: leaf }",
      /* 9 */ "links:",
      /* 10 */ "  - { between: [hub, leaf], latency: 5ms..40ms, bandwidth: 10MiB/s }",
      /* 11 */ "streams:",
      /* 12 */
      "  - { on: hub, name: ORDERS, subjects: [orders.>], storage: file, max_age: 1h, max_bytes: -1, duplicate_window: 120000000000, "
      "metadata: { a: b } }",
      /* 13 */ "  - { on: leaf, name: ORDERS_MIRROR, mirror: { name: ORDERS, domain: hub } }",
      /* 14 */
      "  - { on: leaf, name: SUM, storage: memory, retention: workqueue, sources: [ { name: ORDERS, external: { api: $JS.hub.API } } ] }",
      /* 15 */ "consumers:",
      /* 16 */ "  - { stream: ORDERS, durable_name: billing, ack_policy: explicit, ack_wait: 5s, backoff: [1s, 2000000000] }",
      /* 17 */ "workloads:",
      /* 18 */
      "  - { publish: orders.new, at: leaf, via: jetstream, domain: hub, rate: 20/s, for: 60s, name: careful, retries: { max: 3, wait: 1s "
      "}, msg_id: true, loop: closed }",
      /* 19 */ "  - { publish: orders.new, at: hub, via: core, rate: 3/s, count: 100, size: 10B..1KiB, start: 5s }",
      /* 20 */ "  - { consume: ORDERS, at: leaf, domain: hub, consumer: billing, batch: 5, expires: 2s, name: bill }",
      /* 21 */ "  - { consume: ORDERS_MIRROR, at: leaf, ack: all, filter_subject: orders.*, for: 30s, name: reader }",
      /* 22 */ "faults:",
      /* 23 */ "  - { at: 20s..25s, signal: { node: hub, name: SIGABRT } }",
      /* 24 */ "  - { after: 5s, start: hub }",
      /* 25 */ "  - { at: 50s, power_loss: { node: leaf, keep: ordered } }",
      /* 26 */ "  - { on: \"3rd fsync of msgs/2.blk at hub\", pause: { node: hub } }",
      /* 27 */ "  - { after: 1s, resume: hub }",
      /* 28 */ "  - { at: 60s, cut: { link: [leaf, hub], how: black_hole, direction: a_to_b } }",
      /* 29 */ "  - { at: 70s, heal: [hub, leaf] }",
      /* 30 */ "  - { at: 71s, delay: { link: [leaf, edge], latency: 1s..2s } }",
      /* 31 */ "  - { at: 72s, throttle: { link: [leaf, edge], bandwidth: 1KiB/s } }",
      /* 32 */ "  - { at: 73s, clock_step: { node: edge, by: -5m } }",
      /* 33 */ "expect:",
      /* 34 */ "  - invariants: [acked-is-durable, mirror-is-prefix]",
      /* 35 */ "  - { workload: careful, errors: { at_least: 1 }, lost: 0 }",
      /* 36 */ "  - { within: 30s, of: last_fault, mirror: ORDERS_MIRROR, on: leaf, lag: 0 }",
      /* 37 */ "  - { within: 30s, mirror: ORDERS_MIRROR, reported_lag: { at_most: 5 } }",
      /* 38 */ "  - { stream: ORDERS, on: hub, messages: { at_least: 1, at_most: 1300 }, first_seq: 1, last_seq: { at_most: 1300 } }",
      /* 39 */ "  - { consumed: bill, messages: { at_least: 1 }, duplicates: 0, missing: 0 }",
      /* 40 */ "  - { divergence: mirror-is-prefix }",
      /* 41 */ "hazards: [leaf-without-domain]",
  };
  return lines;
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

inline std::string sample() { return joined(sample_lines()); }

// The sample with `from` in its line `line` (counted from 1) replaced by `to`. Empty if `from` is not there.
inline std::string sample_with(std::size_t line, std::string_view from, std::string_view to) {
  std::vector<std::string> lines = sample_lines();
  const std::size_t at = lines.at(line - 1).find(from);
  if (at == std::string::npos) return {};
  lines[line - 1].replace(at, from.size(), to);
  return joined(lines);
}

}  // namespace windtunnel::scenarios
