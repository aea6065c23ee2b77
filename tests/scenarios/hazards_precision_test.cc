// Where a rule must look closely: what looks like a hazard and is none, and what is one in disguise.
#include "tests/scenarios/hazards_case.h"

namespace windtunnel::scenarios {
namespace {

using Kinds = std::vector<HazardKind>;

struct Row {
  const char* what;
  std::string text;
  Kinds kinds;
};

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const CheckReport report = check(row.text);
    INFO(all_of(report));
    CHECK(report.errors.empty());
    CHECK(kinds_of(report) == row.kinds);
  }
}

TEST_CASE("subjects that meet over a link, and those that do not") {
  check_rows({
      {"buckets of one name at two servers: $KV never crosses a link",
       pair("streams:\n  - { on: hub, name: KV_A, subjects: [$KV.STATE.>] }\n  - { on: edge, name: KV_B, subjects: [$KV.STATE.>] }"),
       {}},
      {"a bucket that only the other server has",
       pair("streams:\n  - { on: hub, name: KV_A, subjects: [$KV.STATE.>] }\nworkloads:\n"
            "  - { publish: $KV.STATE.a, at: edge, via: jetstream, rate: 1/s, count: 9 }"),
       {HazardKind::publish_to_nothing}},
      {"the source takes other subjects than those that both capture: nothing comes twice into one stream",
       pair("streams:\n  - { on: edge, name: E, subjects: [a.>, b.>] }\n"
            "  - { on: hub, name: A, subjects: [a.>], sources: [ { name: E, domain: edge, filter_subject: b.> } ] }"),
       {HazardKind::overlapping_subjects}},
      {"a stream may have both at once",
       "scenario: s\nnodes:\n  hub: { domain: hub }\n  e1: { domain: e1, leaf_of: hub }\n  e2: { domain: e2, leaf_of: hub }\nstreams:\n"
       "  - { on: e1, name: E1, subjects: [a.>] }\n  - { on: e2, name: E2, subjects: [b.>] }\n"
       "  - { on: hub, name: ALL, subjects: [a.>, b.>], sources: [ { name: E1, domain: e1 } ] }\n"
       "expect: [ { invariants: [acked-is-durable] } ]\n",
       {HazardKind::copy_captures_origin_subjects, HazardKind::overlapping_subjects}},
  });
}

TEST_CASE("what transforms make of subjects") {
  check_rows({
      {"a filter for what a stream renames finds nothing there",
       pair("streams:\n  - { on: edge, name: E, subjects: [o.>], subject_transform: { src: o.>, dest: orders.> } }\n"
            "  - { on: hub, name: A, sources: [ { name: E, domain: edge, filter_subject: o.eu.> } ] }"),
       {HazardKind::filter_matches_nothing}},
      {"what it does not rename is still there",
       pair("streams:\n  - { on: edge, name: E, subjects: [o.>], subject_transform: { src: o.us.>, dest: orders.> } }\n"
            "  - { on: hub, name: A, sources: [ { name: E, domain: edge, filter_subject: o.eu.> } ] }"),
       {}},
      {"two ways for different subjects, told apart by what they are called on the way",
       pair("streams:\n  - { on: edge, name: E, subjects: [a.>, b.>] }\n  - { on: hub, name: T, sources: [ { name: E, domain: edge, "
            "subject_transforms: [ { src: a.>, dest: x.a.> }, { src: b.>, dest: x.b.> } ] } ] }\n"
            "  - { on: hub, name: H, sources: [ { name: T, filter_subject: x.a.> }, { name: E, domain: edge, filter_subject: b.> } ] }"),
       {}},
      {"and for the same one",
       pair("streams:\n  - { on: edge, name: E, subjects: [a.>, b.>] }\n  - { on: hub, name: T, sources: [ { name: E, domain: edge, "
            "subject_transforms: [ { src: a.>, dest: x.a.> }, { src: b.>, dest: x.b.> } ] } ] }\n"
            "  - { on: hub, name: H, sources: [ { name: T, filter_subject: x.a.> }, { name: E, domain: edge, filter_subject: a.> } ] }"),
       {HazardKind::double_route}},
  });
}

TEST_CASE("what is republished is a plain publish") {
  const auto with = [](const std::string& from, const std::string& others) {
    return pair("streams:\n  - { on: hub, name: A, subjects: [a.>], republish: { " + from + " } }\n" + others);
  };
  check_rows({
      {"into a stream of the other server",
       with("src: a.>, dest: b.>", "  - { on: edge, name: B, subjects: [b.>] }"),
       {HazardKind::plain_publish_to_remote}},
      {"into one of its own", with("src: a.>, dest: b.>", "  - { on: hub, name: B, subjects: [b.>] }"), {}},
      {"into none", with("src: a.>, dest: c.>", "  - { on: edge, name: B, subjects: [b.>] }"), {}},
      {"there and back",
       with("src: a.>, dest: b.>", "  - { on: hub, name: B, subjects: [b.>], republish: { src: b.>, dest: a.> } }"),
       {HazardKind::republish_loop}},
      {"back as something that it does not republish",
       with("src: a.x.>, dest: b.>", "  - { on: hub, name: B, subjects: [b.>], republish: { src: b.>, dest: a.y.> } }"),
       {}},
  });
}

std::string retrying(const std::string& window, const std::string& faults, const std::string& at = "edge") {
  return "scenario: s\nnodes:\n  hub: { domain: hub }\n  edge: { domain: edge, leaf_of: hub }\n  other: { domain: other, leaf_of: hub }\n"
         "streams:\n  - { on: hub, name: S, subjects: [s], duplicate_window: " +
         window + " }\nworkloads:\n  - { publish: s, at: " + at +
         ", via: jetstream, rate: 1/s, count: 9, msg_id: true, retries: until-acked, timeout: 1s }\nfaults:\n" + faults +
         "expect: [ { invariants: [acked-is-durable] } ]\n";
}

TEST_CASE("how late a retry can be is what keeps this publisher from this stream") {
  const std::string first = "  - { at: 10s, cut: { link: [hub, edge] } }\n  - { at: 100s, heal: [hub, edge] }\n";
  const auto kill = [](const std::string& at) {
    return "  - { at: " + at + ", signal: { node: hub, name: SIGKILL } }\n  - { after: 90s, start: hub }\n";
  };
  const std::string elsewhere = "  - { at: 10s, cut: { link: [hub, other] } }\n  - { at: 300s, heal: [hub, other] }\n";
  const std::string by_event =
      "  - { on: after 30th write of *.blk at hub, signal: { node: hub, name: SIGKILL } }\n  - { after: 60s, start: hub }\n";
  const Kinds short_window = {HazardKind::dedup_window_too_short};
  check_rows({
      {"one outage", retrying("2m", first), {}},
      {"two, one behind the other", retrying("2m", first + kill("101s")), short_window},
      {"two with time between them", retrying("2m", first + kill("150s")), {}},
      {"of another link", retrying("2m", elsewhere), {}},
      {"of that very link", retrying("2m", elsewhere, "other"), short_window},
      {"of known length after an event that may come at any time", retrying("5s", by_event), short_window},
      {"and a longer window", retrying("2m", by_event), {}},
  });
}

TEST_CASE("ids go along with copies of copies") {
  const auto with = [](const std::string& top) {
    return "scenario: s\nnodes:\n  hub: { domain: hub }\n  mid: { domain: mid, leaf_of: hub }\n  edge: { domain: edge, leaf_of: mid }\n"
           "streams:\n  - { on: edge, name: E, subjects: [a.>] }\n  - { on: mid, name: M, mirror: { name: E, domain: edge } }\n"
           "  - { on: hub, name: T, sources: [ { name: M, domain: mid } ]" +
           top +
           " }\nworkloads:\n  - { publish: a.x, at: edge, via: jetstream, rate: 1/s, count: 9, msg_id: true }\n"
           "expect: [ { invariants: [acked-is-durable] } ]\n";
  };
  check_rows({{"with a window of its own", with(""), {HazardKind::dedup_at_source_origin}},
              {"with the least", with(", duplicate_window: 100ms"), {}}});
}

TEST_CASE("a publisher on several subjects is as safe as the worst of them") {
  const auto with = [](const std::string& via, const std::string& subjects) {
    return pair("streams:\n  - { on: edge, name: E, subjects: [o.0] }\n  - { on: hub, name: H, subjects: [" + subjects +
                "] }\nworkloads:\n  - { publish: o, subjects: 3, at: edge, via: " + via + ", rate: 1/s, count: 9 }");
  };
  check_rows({{"plain, and one is far away", with("core", "o.1, o.2"), {HazardKind::plain_publish_to_remote}},
              {"acknowledged", with("jetstream", "o.1, o.2"), {}},
              {"acknowledged, and one is nowhere", with("jetstream", "o.1"), {HazardKind::publish_to_nothing}}});
}

TEST_CASE("what an interest stream gets and nobody wants is told") {
  const auto with = [](const std::string& filter) {
    return alone(
        "streams:\n  - { on: srv, name: W, subjects: [w.>], retention: interest }\nconsumers:\n"
        "  - { stream: W, durable_name: one, ack_policy: explicit" +
        filter + " }\nworkloads:\n  - { publish: w.b, at: srv, via: jetstream, rate: 1/s, count: 9 }");
  };
  check_rows({{"everything is wanted", with(""), {}},
              {"this is wanted", with(", filter_subject: w.*"), {}},
              {"this is not", with(", filter_subject: w.a"), {HazardKind::interest_without_consumers}}});
}

TEST_CASE("so is a subject of its own that no consumer of an interest stream wants, though nobody publishes to it") {
  const auto with = [](const std::string& filters) {
    return alone(
        "streams:\n  - { on: srv, name: W, subjects: [w.a, w.b], retention: interest }\nconsumers:\n"
        "  - { stream: W, durable_name: one, ack_policy: explicit" +
        filters + " }");
  };
  check_rows({{"everything is wanted", with(""), {}},
              {"each is wanted", with(", filter_subjects: [w.a, w.b]"), {}},
              {"one is not", with(", filter_subject: w.a"), {HazardKind::interest_without_consumers}}});
}

TEST_CASE("streams of one name in a line of leafs are told, those of two leafs of one hub are not") {
  const auto with = [](const std::string& hub_of_last) {
    return "scenario: s\nnodes:\n  hub: { domain: hub }\n  mid: { domain: mid, leaf_of: hub }\n  last: { domain: last, leaf_of: " +
           hub_of_last +
           " }\nstreams:\n  - { on: mid, name: M, subjects: [m] }\n  - { on: hub, name: E, subjects: [hub.>] }\n"
           "  - { on: last, name: E, subjects: [last.>] }\nexpect: [ { invariants: [acked-is-durable] } ]\n";
  };
  std::string siblings = with("hub");
  siblings.replace(siblings.find("on: hub"), 7, "on: mid");
  check_rows({{"over a server without one", with("mid"), {HazardKind::same_stream_name}},
              {"at once", with("hub"), {HazardKind::same_stream_name}},
              {"side by side", siblings, {}}});
}

TEST_CASE("acks of a domain that has no stream for the subject never come") {
  const auto with = [](const std::string& more, const std::string& stream = "") {
    return pair("streams:\n  - { on: edge, name: E, subjects: [e.>] }\n" + stream +
                "workloads:\n  - { publish: e.a, at: edge, rate: 1/s, count: 9" + more + " }");
  };
  check_rows({
      {"of the hub", with(", via: jetstream, domain: hub"), {HazardKind::ack_of_other_domain}},
      {"of its own", with(", via: jetstream, domain: edge"), {}},
      {"of any", with(", via: jetstream"), {}},
      {"of the hub, which has one too",
       with(", via: jetstream, domain: hub", "  - { on: hub, name: H, subjects: [e.a] }\n"),
       {HazardKind::overlapping_subjects}},
  });
}

TEST_CASE("what a copy needs of its link depends on how it is configured") {
  const auto with = [](const std::string& denied, const std::string& source) {
    return "scenario: s\nnodes:\n  hub: { domain: hub }\n  edge: { domain: edge, leaf_of: hub, " + denied +
           " }\nstreams:\n  - { on: edge, name: E, subjects: [w.>] }\n  - { on: hub, name: H, sources: [ { name: E, " + source +
           " } ] }\nexpect: [ { invariants: [acked-is-durable] } ]\n";
  };
  const Kinds denied = {HazardKind::copy_traffic_denied};
  const std::string prefixed = "external: { api: $JS.edge.API, deliver: dlv }";
  check_rows({
      {"the answer to its request", with("deny_exports: [$JSC.>]", "domain: edge"), denied},
      {"a request that names the filter", with("deny_imports: [$JS.edge.API.CONSUMER.CREATE.*.*.>]", "domain: edge, filter_subject: w.x"),
       denied},
      {"one that names none", with("deny_imports: [$JS.edge.API.CONSUMER.CREATE.*.*.>]", "domain: edge"), {}},
      {"deliveries under a prefix", with("deny_exports: [dlv.>]", prefixed), denied},
      {"deliveries under another one than what is denied", with("deny_exports: [$JS.S.>]", prefixed), {}},
  });
}

TEST_CASE("an origin whose limit is reached before the link is back is told, where pace and outage are known") {
  // 2 messages a second for 100 s; the link is down from 20 s to 80 s, which are 120 messages.
  const auto with = [](const std::string& limit, const std::string& publish = "rate: 2/s, for: 100s", const std::string& copy = "",
                       const std::string& at = "edge") {
    return pair("streams:\n  - { on: edge, name: E, subjects: [e.>], " + limit +
                " }\n  - { on: hub, name: H, sources: [ { name: E, domain: edge" + copy +
                " } ] }\nworkloads:\n  - { publish: e.a, at: " + at + ", via: jetstream, name: p, " + publish +
                " }\nfaults:\n  - { at: 20s, cut: { link: [hub, edge] } }\n  - { at: 80s, heal: [hub, edge] }");
  };
  const Kinds overflow = {HazardKind::limit_reached_in_outage};
  check_rows({
      {"one message too many", with("max_msgs: 119"), overflow},
      {"just enough", with("max_msgs: 120"), {}},
      {"120 times 30 + 3 + 64 bytes", with("max_bytes: 11639"), overflow},
      {"just enough bytes", with("max_bytes: 11640"), {}},
      {"of payloads that are drawn the smallest", with("max_bytes: 11640", "rate: 2/s, for: 100s, size: 64B..64KiB"), {}},
      {"it stops before", with("max_msgs: 9", "rate: 2/s, for: 20s"), {}},
      {"it stops meanwhile", with("max_msgs: 9", "rate: 2/s, for: 30s"), overflow},
      {"there are so few in all", with("max_msgs: 9", "rate: 2/s, count: 49"), {}},
      {"there are enough", with("max_msgs: 9", "rate: 2/s, count: 50"), overflow},
      {"it begins late", with("max_msgs: 9", "rate: 2/s, for: 100s, start: 76s"), {}},
      {"nobody knows its pace", with("max_msgs: 9", "rate: 2/s, for: 100s, loop: closed"), {}},
      {"it is told so", with("max_msgs: 9, discard: new"), {}},
      {"it forgets by subject", with("max_msgs: 9, max_msgs_per_subject: 1"), {}},
      {"too old anyway", with("max_msgs: 9, max_age: 1m"), {HazardKind::max_age_shorter_than_outage}},
      {"the copy wants none of it", with("max_msgs: 9", "rate: 2/s, for: 100s", ", filter_subject: e.b"), {}},
      {"the copy wants it", with("max_msgs: 9", "rate: 2/s, for: 100s", ", filter_subject: e.*"), overflow},
      {"the publisher is cut off too", with("max_msgs: 9", "rate: 2/s, for: 100s", "", "hub"), {}},
  });
  CHECK(
      check(with("max_msgs: 119")).hazards.front().why ==
      "stream `E` on `edge` keeps 119 messages (max_msgs), and in an outage of 1m (s.yaml:11:5) it may get 120: what it removes for them, "
      "stream `H` on `hub` never gets");
}

TEST_CASE("of several subjects the origin gets the share that it captures") {
  const auto with = [](const std::string& subjects, const std::string& limit) {
    return pair("streams:\n  - { on: edge, name: E, subjects: [" + subjects + "], max_msgs: " + limit +
                " }\n  - { on: edge, name: F, subjects: [e.2, e.3] }\n  - { on: hub, name: H, sources: [ { name: E, domain: edge } ] "
                "}\nworkloads:\n"
                "  - { publish: e, subjects: 4, at: edge, via: jetstream, rate: 2/s, for: 100s }\nswarm: { kinds: [cut], down_for: 1m, "
                "heal_by: 3m }");
  };
  check_rows({{"a half", with("e.0, e.1", "59"), {HazardKind::limit_reached_in_outage}}, {"and no more", with("e.0, e.1", "60"), {}}});
}

TEST_CASE("what a server refuses to create is an error before a run") {
  const auto first = [](const std::string& text) {
    const CheckReport report = check(text);
    return report.errors.empty() ? std::string{} : report.errors.front().text();
  };
  CHECK(first(pair("streams:\n  - { on: hub, name: A, sources: [ { name: B } ] }\n  - { on: hub, name: B, sources: [ { name: A } ] }")) ==
        "s.yaml:7:5: `hub` refuses the stream `B`: detected cycle (10052)");
  CHECK(first(pair("streams:\n  - { on: edge, name: E, subjects: [e.>] }\n"
                   "  - { on: hub, name: A, sources: [ { name: E, domain: edge }, { name: E, domain: edge } ] }"))
            .find("(10140)") != std::string::npos);
  CHECK(first(pair("streams:\n  - { on: hub, name: A, subjects: [a.>] }\n  - { on: hub, name: B, subjects: [a.b] }")) ==
        "s.yaml:7:5: `hub` refuses the stream `B`: subjects overlap with an existing stream (10065)");
  CHECK(first(pair("streams:\n  - { on: hub, name: A, subjects: [a.>] }\n  - { on: edge, name: B, subjects: [b.>] }")).empty());
}

TEST_CASE("so is a consumer that a server refuses, in its words") {
  const auto first = [](const std::string& consumers, const std::string& stream = "") {
    const CheckReport report = check(alone("streams:\n  - { on: srv, name: S, subjects: [s.>]" + stream + " }\nconsumers:\n" + consumers));
    return report.errors.empty() ? std::string{} : report.errors.front().text();
  };
  const std::string last = "  - { stream: S, durable_name: e, ack_policy: explicit, deliver_policy: last_per_subject";
  CHECK(first(last + " }") ==
        "s.yaml:7:5: `srv` refuses the consumer `e` of the stream `S`: consumer delivery policy is deliver last per subject, but optional "
        "filter subject is not set (10094)");
  CHECK(first(last + ", filter_subject: s.> }").empty());
  CHECK(first("  - { stream: S, durable_name: e, ack_policy: explicit, filter_subjects: [s.a, s.*] }").find("(10138)") !=
        std::string::npos);
  const std::string two =
      "  - { stream: S, durable_name: e, ack_policy: explicit }\n  - { stream: S, durable_name: f, ack_policy: explicit }";
  CHECK(first(two, ", max_consumers: 1") ==
        "s.yaml:8:5: `srv` refuses the consumer `f` of the stream `S`: maximum consumers limit reached (10026)");
  CHECK(first(two, ", max_consumers: 2").empty());
  // What a work queue refuses is a hazard, which can be accepted.
  CHECK(first("  - { stream: S, durable_name: e, ack_policy: none }", ", retention: workqueue").empty());
}

}  // namespace
}  // namespace windtunnel::scenarios
