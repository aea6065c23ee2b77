// Each hazard as a scenario has it: reported once, at its place, and gone after the smallest change.
#include <set>

#include "tests/scenarios/hazards_case.h"

namespace windtunnel::scenarios {
namespace {

const std::vector<HazardCase>& cases() {
  static const std::vector<HazardCase> out = {
      // --- servers and subjects
      {HazardKind::same_stream_name,
       pair("streams:\n  - { on: hub, name: EVENTS, subjects: [hub.>] }\n  - { on: edge, name: EVENTS, subjects: [edge.>] }"),
       "EVENTS, subjects: [edge.>]", "EVENTS, subjects: [edge.>]", "EDGE, subjects: [edge.>]"},
      {HazardKind::overlapping_subjects,
       pair("streams:\n  - { on: hub, name: A, subjects: [events.>] }\n  - { on: edge, name: B, subjects: [other, events.new] }"),
       "events.new", "events.new", "edge.new"},
      {HazardKind::copy_captures_origin_subjects,
       pair("streams:\n  - { on: edge, name: B, subjects: [events.>] }\n"
            "  - { on: hub, name: A, subjects: [events.*], sources: [ { name: B, domain: edge } ] }"),
       "events.*", "subjects: [events.*], ", ""},
      {HazardKind::equal_domains,
       "scenario: s\nnodes:\n  hub: { domain: hub }\n  a: { domain: leaf, leaf_of: hub }\n  b: { domain: leaf, leaf_of: hub }\n"
       "expect: [ { invariants: [acked-is-durable] } ]\n",
       "leaf, leaf_of", "b: { domain: leaf", "b: { domain: leaf2"},
      {HazardKind::leaf_without_domain,
       "scenario: s\nnodes:\n  hub: { domain: hub }\n  edge: { leaf_of: hub }\n"
       "streams:\n  - { on: hub, name: A }\n  - { on: edge, name: B }\nexpect: [ { invariants: [acked-is-durable] } ]\n",
       "edge: {", "edge: {", "edge: { domain: edge,"},
      // --- mirrors and sources
      {HazardKind::copy_cycle,
       pair("streams:\n  - { on: hub, name: A, subjects: [a.>], sources: [ { name: B, domain: edge, filter_subject: b.> } ] }\n"
            "  - { on: edge, name: B, subjects: [b.>], sources: [ { name: A, domain: hub } ] }"),
       "{ name: A, domain", "name: A, domain: hub", "name: A, domain: hub, filter_subject: a.>"},
      {HazardKind::origin_unreachable,
       pair("streams:\n  - { on: hub, name: A, sources: [ { name: B, external: { api: $JS.edgy.API } } ] }\n"
            "  - { on: edge, name: B, subjects: [b.>] }"),
       "$JS.edgy", "edgy", "edge"},
      {HazardKind::origin_in_own_domain,
       pair("streams:\n  - { on: hub, name: A, subjects: [a.>] }\n  - { on: hub, name: B, mirror: { name: A, domain: hub } }"), "hub } }",
       ", domain: hub }", " }"},
      {HazardKind::origin_missing,
       pair("streams:\n  - { on: hub, name: A, sources: [ { name: BB, external: { api: $JS.edge.API } } ] }\n"
            "  - { on: edge, name: B, subjects: [b.>] }"),
       "BB", "BB", "B"},
      {HazardKind::copy_traffic_denied,
       "scenario: s\nnodes:\n  hub: { domain: hub }\n  edge: { domain: edge, leaf_of: hub, deny_exports: [\"$JS.FC.>\"] }\n"
       "streams:\n  - { on: hub, name: A, subjects: [a.>] }\n  - { on: edge, name: B, mirror: { name: A, domain: hub } }\n"
       "expect: [ { invariants: [acked-is-durable] } ]\n",
       "\"$JS.FC", "deny_exports", "deny_imports"},
      {HazardKind::copy_traffic_denied,
       "scenario: s\nnodes:\n  hub: { domain: hub }\n  edge: { domain: edge, leaf_of: hub, deny_imports: [\"$JS.>\"] }\n"
       "streams:\n  - { on: edge, name: B, subjects: [b.>] }\n  - { on: hub, name: A, sources: [ { name: B, domain: edge } ] }\n"
       "expect: [ { invariants: [acked-is-durable] } ]\n",
       "\"$JS.>", "$JS.>", "orders.>"},
      {HazardKind::workqueue_or_interest_origin,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], retention: interest }\n  - { on: hub, name: A, mirror: { name: B, domain: "
            "edge } }"),
       "{ name: B, domain", ", retention: interest", ""},
      {HazardKind::workqueue_or_interest_origin,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], retention: workqueue }\n"
            "  - { on: hub, name: A, sources: [ { name: B, domain: edge } ] }"),
       "{ name: B, domain", "workqueue", "limits"},
      {HazardKind::memory_origin,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], storage: memory }\n  - { on: hub, name: A, mirror: { name: B, domain: "
            "edge } }"),
       "{ name: B, domain", "memory", "file"},
      {HazardKind::republish_loop,
       pair("streams:\n  - { on: hub, name: A, subjects: [a.>, c.>], republish: { src: c.>, dest: b.> } }\n"
            "  - { on: hub, name: B, subjects: [b.>] }\n"
            "  - { on: hub, name: C, sources: [ { name: B } ], republish: { src: b.>, dest: c.> } }\n"
            "  - { on: hub, name: D, subjects: [d.>] }"),
       "{ src: b.>", "dest: c.>", "dest: d.>"},
      {HazardKind::double_route,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>] }\n  - { on: edge, name: C, sources: [ { name: B } ] }\n"
            "  - { on: hub, name: A, sources: [ { name: B, domain: edge, filter_subject: b.x.> }, { name: C, domain: edge } ] }"),
       "{ name: C, domain", "{ name: C, domain: edge }", "{ name: C, domain: edge, filter_subject: b.y.> }"},
      {HazardKind::filter_matches_nothing,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>] }\n"
            "  - { on: hub, name: A, sources: [ { name: B, domain: edge, filter_subject: c.> } ] }"),
       "c.>", "c.>", "b.x"},
      {HazardKind::filter_matches_nothing,
       alone("streams:\n  - { on: srv, name: B, subjects: [b.>] }\n"
             "consumers:\n  - { stream: B, durable_name: c, ack_policy: explicit, filter_subject: b }"),
       "b }", "b }", "b.* }"},
      {HazardKind::rollup_on_both_ends,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], allow_rollup_hdrs: true }\n"
            "  - { on: hub, name: A, mirror: { name: B, domain: edge }, allow_rollup_hdrs: true }"),
       "allow_rollup_hdrs", "subjects: [b.>], allow_rollup_hdrs: true", "subjects: [b.>]"},
      {HazardKind::rollup_refused_by_copy,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], allow_rollup_hdrs: true }\n"
            "  - { on: hub, name: A, mirror: { name: B, domain: edge } }"),
       "{ on: hub", ", allow_rollup_hdrs: true", ""},
      {HazardKind::copy_limits_lower,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], max_age: 2h }\n"
            "  - { on: hub, name: A, mirror: { name: B, domain: edge }, max_age: 1h }"),
       "max_age", "1h", "2h"},
      {HazardKind::copy_refuses_messages,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>] }\n"
            "  - { on: hub, name: A, mirror: { name: B, domain: edge }, max_msg_size: 1KiB }"),
       "max_msg_size", ", max_msg_size: 1KiB", ""},
      {HazardKind::copy_refuses_messages,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], max_msgs: 10 }\n"
            "  - { on: hub, name: A, mirror: { name: B, domain: edge }, max_msgs: 10, discard: new }"),
       "discard", "new", "old"},
      {HazardKind::limit_reached_in_outage,
       pair("streams:\n  - { on: edge, name: E, subjects: [e.>], max_msgs: 50 }\n  - { on: hub, name: H, sources: [ { name: E, domain: "
            "edge } ] }\n"
            "workloads:\n  - { publish: e.a, at: edge, via: jetstream, rate: 20/s, for: 100s }\n"
            "faults:\n  - { at: 5s, cut: { link: [hub, edge] } }\n  - { at: 65s, heal: [hub, edge] }"),
       "max_msgs", "50", "5000"},
      {HazardKind::max_age_shorter_than_outage,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], max_age: 1m }\n  - { on: hub, name: A, mirror: { name: B, domain: edge } "
            "}\n"
            "faults:\n  - { at: 10s..20s, cut: { link: [edge, hub] } }\n  - { at: 80s, heal: [hub, edge] }"),
       "max_age", "1m", "2m"},
      // --- message ids
      {HazardKind::dedup_at_source_origin,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>] }\n  - { on: hub, name: A, sources: [ { name: B, domain: edge } ] }\n"
            "workloads:\n  - { publish: b.x, at: edge, via: jetstream, rate: 1/s, count: 9, msg_id: true }"),
       "{ name: B, domain", "name: A,", "name: A, duplicate_window: 100ms,"},
      {HazardKind::dedup_at_source_origin,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>], duplicate_window: 10m }\n"
            "  - { on: hub, name: A, sources: [ { name: B, domain: edge } ] }"),
       "{ name: B, domain", ", duplicate_window: 10m", ""},
      {HazardKind::mirror_dedup_window,
       pair("streams:\n  - { on: edge, name: B, subjects: [b.>] }\n"
            "  - { on: hub, name: A, mirror: { name: B, domain: edge }, duplicate_window: 2m }"),
       "duplicate_window", ", duplicate_window: 2m", ""},
      {HazardKind::dedup_window_too_short,
       alone("streams:\n  - { on: srv, name: B, subjects: [b], duplicate_window: 5s }\n"
             "workloads:\n  - { publish: b, at: srv, via: jetstream, rate: 1/s, count: 9, msg_id: true, timeout: 2s, retries: { max: 4, "
             "wait: 1s } }"),
       "duplicate_window", "5s", "20s"},
      {HazardKind::dedup_window_too_short,
       alone("streams:\n  - { on: srv, name: B, subjects: [b] }\n"
             "workloads:\n  - { publish: b, at: srv, via: jetstream, rate: 1/s, count: 9, msg_id: true, retries: until-acked }\n"
             "faults:\n  - { at: 10s, signal: { node: srv, name: SIGKILL } }\n  - { after: 60s..150s, start: srv }"),
       "until-acked", "60s..150s", "60s..90s"},
      {HazardKind::retries_without_msg_id,
       alone("streams:\n  - { on: srv, name: B, subjects: [b] }\n"
             "workloads:\n  - { publish: b, at: srv, via: jetstream, rate: 1/s, count: 9, retries: 3 }"),
       "3 }", "retries: 3", "retries: 3, msg_id: true"},
      // --- publishers
      {HazardKind::plain_publish_to_remote,
       pair("streams:\n  - { on: hub, name: A, subjects: [a.>] }\n"
            "workloads:\n  - { publish: a.x, at: edge, via: core, rate: 1/s, count: 9 }"),
       "a.x", "via: core", "via: jetstream"},
      {HazardKind::publish_to_nothing,
       pair("streams:\n  - { on: hub, name: A, subjects: [a.>] }\n"
            "workloads:\n  - { publish: aa.x, at: edge, via: jetstream, rate: 1/s, count: 9 }"),
       "aa.x", "aa.x", "a.x"},
      {HazardKind::publish_to_nothing,
       alone("streams:\n  - { on: srv, name: A, subjects: [a.>] }\n"
             "workloads:\n  - { publish: aa.x, at: srv, via: core, rate: 1/s, count: 9 }"),
       "aa.x", "aa.x", "a.x"},
      {HazardKind::publish_refused,
       alone("streams:\n  - { on: srv, name: A, subjects: [a.>] }\n"
             "workloads:\n  - { publish: a.x, at: srv, via: jetstream, rate: 1/s, count: 9, rollup: subject }"),
       "subject }", "subjects: [a.>]", "subjects: [a.>], allow_rollup_hdrs: true"},
      {HazardKind::publish_refused,
       alone("streams:\n  - { on: srv, name: A, subjects: [a.>], max_msg_size: 1000 }\n"
             "workloads:\n  - { publish: a.x, at: srv, via: jetstream, rate: 1/s, count: 9, size: 100B..2000B }"),
       "100B..2000B", "2000B", "900B"},
      {HazardKind::publish_refused,
       alone("streams:\n  - { on: srv, name: A, subjects: [a.>] }\n"
             "workloads:\n  - { publish: a.x, at: srv, via: jetstream, rate: 1/s, count: 9, size: 2MiB }"),
       "2MiB", "2MiB", "1MiB"},
      {HazardKind::ack_of_other_domain,
       pair("streams:\n  - { on: edge, name: E, subjects: [e.>] }\n"
            "workloads:\n  - { publish: e.a, at: edge, via: jetstream, rate: 1/s, count: 9, domain: hub }"),
       "hub }", "9, domain: hub", "9, domain: edge"},
      // --- durability
      {HazardKind::default_sync_with_power_loss,
       alone("streams:\n  - { on: srv, name: B }\nfaults:\n  - { at: 10s, power_loss: srv }\n  - { at: 11s, start: srv }"), "{ at: 10s",
       "srv: {}", "srv: { sync_interval: always }"},
      {HazardKind::default_sync_with_power_loss, alone("streams:\n  - { on: srv, name: B }\nswarm:\n  kinds: [power_loss, cut]"), "kinds",
       "power_loss, ", ""},
      {HazardKind::critical_single_replica, alone("streams:\n  - { on: srv, name: B, metadata: { critical: \"true\" } }"), "metadata",
       "critical: \"true\" }", "critical: \"true\" }, num_replicas: 3"},
      // --- consumers
      {HazardKind::workqueue_unfiltered_consumers,
       alone("streams:\n  - { on: srv, name: B, subjects: [b.>], retention: workqueue }\nconsumers:\n"
             "  - { stream: B, durable_name: one, ack_policy: explicit, filter_subject: b.x }\n  - { stream: B, durable_name: two, "
             "ack_policy: explicit }"),
       "{ stream: B, durable_name: two", "two, ack_policy: explicit", "two, ack_policy: explicit, filter_subject: b.y"},
      {HazardKind::workqueue_unfiltered_consumers,
       alone("streams:\n  - { on: srv, name: B, retention: workqueue }\nworkloads:\n"
             "  - { consume: B, at: srv, consumer: one }\n  - { consume: B, at: srv, consumer: two }"),
       "{ consume: B, at: srv, consumer: two", "two", "one"},
      {HazardKind::workqueue_overlapping_filters,
       alone("streams:\n  - { on: srv, name: B, subjects: [b.>], retention: workqueue }\nconsumers:\n"
             "  - { stream: B, durable_name: one, ack_policy: explicit, filter_subject: b.x }\n"
             "  - { stream: B, durable_name: two, ack_policy: explicit, filter_subjects: [b.y, b.x] }"),
       "b.x", ", b.x", ""},
      {HazardKind::workqueue_ack_policy,
       alone("streams:\n  - { on: srv, name: B, retention: workqueue }\nconsumers:\n  - { stream: B, durable_name: one, ack_policy: all }"),
       "all }", "all }", "explicit }"},
      {HazardKind::workqueue_deliver_policy,
       alone("streams:\n  - { on: srv, name: B, retention: workqueue }\n"
             "consumers:\n  - { stream: B, durable_name: one, ack_policy: explicit, deliver_policy: new }"),
       "new }", "new }", "all }"},
      {HazardKind::interest_without_consumers, alone("streams:\n  - { on: srv, name: B, retention: interest }\n"), "retention",
       "interest }", "interest }\nconsumers:\n  - { stream: B, durable_name: one, ack_policy: explicit }"},
      {HazardKind::ack_wait_shorter_than_work,
       alone("streams:\n  - { on: srv, name: B }\nconsumers:\n  - { stream: B, durable_name: one, ack_policy: explicit, ack_wait: 2s }\n"
             "workloads:\n  - { consume: B, at: srv, consumer: one, handle: { ack: 1, work: 1s..3s } }"),
       "1s..3s", "ack_wait: 2s", "ack_wait: 5s"},
      {HazardKind::max_ack_pending_low,
       alone("streams:\n  - { on: srv, name: B }\nconsumers:\n  - { stream: B, durable_name: one, ack_policy: explicit, max_ack_pending: 5 "
             "}\n"
             "workloads:\n  - { consume: B, at: srv, consumer: one, batch: 20 }"),
       "5 }", "batch: 20", "batch: 5"},
  };
  return out;
}

TEST_CASE("a scenario with a hazard is told its place, and the smallest change mends it") {
  for (const HazardCase& each : cases()) check_case(each, "s.yaml", check);
}

TEST_CASE("every hazard that a scenario can have has a case") {
  // What the loader refuses is an error, not a hazard; the others need what no scenario says, or come with another hazard.
  std::set<HazardKind> seen = {HazardKind::origin_without_domain, HazardKind::mirror_with_subjects,          HazardKind::equal_server_names,
                               HazardKind::colliding_msg_ids,     HazardKind::workqueue_copied_and_consumed, HazardKind::incomplete_check};
  for (const HazardCase& each : cases()) seen.insert(each.kind);
  for (std::size_t i = 0; i < static_cast<std::size_t>(HazardKind::count_); ++i) {
    CAPTURE(all_hazards()[i].name);
    CHECK(seen.contains(static_cast<HazardKind>(i)));
  }
}

TEST_CASE("ids of two edges can collide where both are sourced") {
  const std::string text =
      "scenario: s\nnodes:\n  hub: { domain: hub }\n  e1: { domain: e1, leaf_of: hub }\n  e2: { domain: e2, leaf_of: hub }\nstreams:\n"
      "  - { on: e1, name: E1, subjects: [e1.>] }\n  - { on: e2, name: E2, subjects: [e2.>] }\n"
      "  - { on: hub, name: ALL, sources: [ { name: E1, domain: e1 }, { name: E2, domain: e2 } ] }\nworkloads:\n"
      "  - { publish: e1.x, at: e1, via: jetstream, rate: 1/s, count: 9, msg_id: true }\n"
      "  - { publish: e2.x, at: e2, via: jetstream, rate: 1/s, count: 9, msg_id: true }\nexpect: [ { invariants: [acked-is-durable] } ]\n";
  const CheckReport with = check(text);
  INFO(all_of(with));
  CHECK(count(with, HazardKind::colliding_msg_ids) == 1);
  CHECK(count(with, HazardKind::dedup_at_source_origin) == 2);
  const HazardCase mend{HazardKind::colliding_msg_ids, text, "", "name: ALL,", "name: ALL, duplicate_window: 100ms,"};
  CHECK(kinds_of(check(mended(mend))).empty());
}

TEST_CASE("a work queue that is copied keeps its own consumers out") {
  const std::string text = pair(
      "streams:\n  - { on: edge, name: B, subjects: [b.>], retention: workqueue }\n"
      "  - { on: hub, name: A, sources: [ { name: B, domain: edge } ] }\nconsumers:\n  - { stream: B, durable_name: one, ack_policy: "
      "explicit }");
  CHECK(kinds_of(check(text)) == std::vector{HazardKind::workqueue_or_interest_origin, HazardKind::workqueue_copied_and_consumed});
  const HazardCase mend{HazardKind::workqueue_copied_and_consumed, text, "",
                        "\nconsumers:\n  - { stream: B, durable_name: one, ack_policy: explicit }", ""};
  CHECK(kinds_of(check(mended(mend))) == std::vector{HazardKind::workqueue_or_interest_origin});
}

TEST_CASE("what the loader refuses stays an error") {
  const CheckReport mirror =
      check(pair("streams:\n  - { on: edge, name: B }\n  - { on: hub, name: A, subjects: [a], mirror: { name: B, domain: edge } }"));
  REQUIRE(mirror.errors.size() == 1);
  CHECK(mirror.errors[0].message.find("a mirror has no `subjects`") == 0);
  const CheckReport domain = check(pair("streams:\n  - { on: edge, name: B }\n  - { on: hub, name: A, mirror: { name: B } }"));
  REQUIRE(domain.errors.size() == 1);
  CHECK(domain.errors[0].message.find("name its `domain`") != std::string::npos);
  CHECK(kinds_of(domain).empty());
}

TEST_CASE("a circle over several hops, servers and mirrors is one hazard, at its last edge") {
  const std::string text =
      "scenario: s\nnodes:\n  hub: { domain: hub }\n  e1: { domain: e1, leaf_of: hub }\n  e2: { domain: e2, leaf_of: e1 }\nstreams:\n"
      "  - { on: hub, name: A, subjects: [a.>], sources: [ { name: C, domain: e2 } ] }\n"
      "  - { on: e1, name: B, mirror: { name: A, domain: hub } }\n"
      "  - { on: e2, name: C, subjects: [c.>], sources: [ { name: B, domain: e1 } ] }\nexpect: [ { invariants: [acked-is-durable] } ]\n";
  const CheckReport report = check(text);
  INFO(all_of(report));
  REQUIRE(kinds_of(report) == std::vector{HazardKind::copy_cycle});
  CHECK(report.hazards[0].where.text() == "s.yaml:" + place_of(text, "{ name: B, domain"));
  CHECK(report.hazards[0].why.find("`C` on `e2` -> `A` on `hub` -> `B` on `e1` -> `C`") != std::string::npos);
}

TEST_CASE("two mirrors of each other are told that nobody can publish to either") {
  const CheckReport report =
      check(pair("streams:\n  - { on: hub, name: A, mirror: { name: B, domain: edge } }\n  - { on: edge, name: B, mirror: { name: A, "
                 "domain: hub } }"));
  REQUIRE(kinds_of(report) == std::vector{HazardKind::copy_cycle});
  CHECK(report.hazards[0].why.find("no message can ever be published") != std::string::npos);
}

TEST_CASE("a transform that leads out of a circle's filters ends it") {
  const std::string text = pair(
      "streams:\n  - { on: hub, name: A, subjects: [a.>], sources: [ { name: B, domain: edge, filter_subject: b.> } ] }\n"
      "  - { on: edge, name: B, subjects: [b.>], sources: [ { name: A, domain: hub, subject_transforms: [ { src: \"*.*\", dest: "
      "\"b.{{wildcard(2)}}\" } ] } ] }");
  CHECK(count(check(text), HazardKind::copy_cycle) == 1);
  const HazardCase mend{HazardKind::copy_cycle, text, "", "dest: \"b.", "dest: \"from-hub."};
  CHECK(count(check(mended(mend)), HazardKind::copy_cycle) == 0);
}

TEST_CASE("subjects that a link denies in both directions do not overlap over it") {
  const auto with = [](const std::string& rules) {
    return kinds_of(check("scenario: s\nnodes:\n  hub: { domain: hub }\n  edge: { domain: edge, leaf_of: hub" + rules +
                          " }\nstreams:\n  - { on: hub, name: A, subjects: [events.>] }\n  - { on: edge, name: B, subjects: [events.>] }\n"
                          "expect: [ { invariants: [acked-is-durable] } ]\n"));
  };
  CHECK(with("") == std::vector{HazardKind::overlapping_subjects});
  CHECK(with(", deny_imports: [events.>]") == std::vector{HazardKind::overlapping_subjects});
  CHECK(with(", deny_exports: [events.>]") == std::vector{HazardKind::overlapping_subjects});
  CHECK(with(", deny_imports: [events.>], deny_exports: [events.>]").empty());
  CHECK(with(", deny_imports: [events.a], deny_exports: [events.>]") == std::vector{HazardKind::overlapping_subjects});
}

TEST_CASE("a publish that its link denies reaches no stream behind it") {
  const std::string text =
      "scenario: s\nnodes:\n  hub: { domain: hub }\n  edge: { domain: edge, leaf_of: hub, deny_exports: [\"a.*\"] }\n"
      "streams:\n  - { on: hub, name: A, subjects: [a.>] }\nworkloads:\n"
      "  - { publish: a.x, at: edge, via: jetstream, rate: 1/s, count: 9 }\nexpect: [ { invariants: [acked-is-durable] } ]\n";
  CHECK(kinds_of(check(text)) == std::vector{HazardKind::publish_to_nothing});
  const HazardCase mend{HazardKind::publish_to_nothing, text, "", "deny_exports", "deny_imports"};
  CHECK(kinds_of(check(mended(mend))).empty());
}

TEST_CASE("a hub with its offline edges, as it should be, has none") {
  const CheckReport report = check(
      "scenario: s\nnodes:\n  hub: { domain: hub }\n  e1: { domain: e1, leaf_of: hub }\n  e2: { domain: e2, leaf_of: hub }\nstreams:\n"
      "  - { on: e1, name: EDGE_1, subjects: [edge1.>], max_age: 1d }\n  - { on: e2, name: EDGE_2, subjects: [edge2.>], max_age: 1d }\n"
      "  - { on: hub, name: ALL, sources: [ { name: EDGE_1, domain: e1 }, { name: EDGE_2, domain: e2 } ] }\nworkloads:\n"
      "  - { publish: edge1.a, at: e1, via: jetstream, domain: e1, rate: 1/s, for: 2h }\n"
      "  - { publish: edge2.a, at: e2, via: core, rate: 1/s, for: 2h }\n  - { consume: ALL, at: hub, consumer: all }\n"
      "faults:\n  - { at: 1m, cut: { link: [hub, e1] } }\n  - { after: 3h, heal: [hub, e1] }\nexpect: [ { invariants: [acked-is-durable] } "
      "]\n");
  INFO(all_of(report));
  CHECK(report.is_clean());
  CHECK(report.errors.empty());
}

TEST_CASE("an accepted hazard is listed as such, and one that is not there is a warning") {
  const std::string text = alone("streams:\n  - { on: srv, name: B, retention: interest }\nhazards: [interest-without-consumers]");
  const CheckReport report = check(text);
  REQUIRE(report.hazards.size() == 1);
  CHECK(report.hazards[0].is_accepted);
  CHECK(report.is_clean());
  const HazardCase gone{HazardKind::count_, text, "", "retention: interest", "retention: limits"};
  const CheckReport late = check(mended(gone));
  CHECK(late.hazards.empty());
  REQUIRE(late.not_there.size() == 1);
  CHECK(late.not_there[0].where.text() == "s.yaml:" + place_of(mended(gone), "interest-without-consumers"));
  CHECK_FALSE(late.is_clean());
  // Only what is named is accepted.
  const HazardCase other{HazardKind::count_, text, "", "[interest-without-consumers]", "[copy-cycle]"};
  CHECK_FALSE(check(mended(other)).hazards[0].is_accepted);
}

TEST_CASE("a misspelt hazard is an error with the nearest one") {
  const CheckReport report = check(alone("hazards: [copy-cycles]"));
  REQUIRE(report.errors.size() == 1);
  CHECK(report.errors[0].message.find("copy-cycle") != std::string::npos);
}

}  // namespace
}  // namespace windtunnel::scenarios
