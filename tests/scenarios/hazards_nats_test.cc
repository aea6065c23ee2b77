// Streams of real servers: each hazard in the JSON that they print, at its place, and gone after the smallest change.
#include <fstream>
#include <set>
#include <sstream>

#include "tests/scenarios/hazards_case.h"

namespace windtunnel::scenarios {
namespace {

const std::string kHub = R"({"config": {"name": "HUB", "subjects": ["hub.\u003e"], "duplicate_window": 120000000000}})";
// A list of everything that the hub has.
std::string list(const std::string& streams) { return "{\"total\": 1, \"streams\": [\n" + streams + "\n]}"; }
std::string bare(const std::string& config) { return "{\"config\":\n {" + config + "}}"; }

// The text of a case is what the edge's file has; the hub's is a stream EDGE_COPY that sources EDGE where a case needs one.
struct PairCase {
  HazardCase hazard;
  std::string hub;
};

const std::vector<PairCase>& cases() {
  static const std::vector<PairCase> out = {
      {{HazardKind::same_stream_name, bare(R"("name": "HUB", "subjects": ["edge.>"])"), "\"HUB\"", "HUB", "EDGE"}, kHub},
      {{HazardKind::overlapping_subjects, bare(R"("name": "EDGE", "subjects": ["edge.>", "hub.new"])"), "\"hub.new", R"(, "hub.new")", ""},
       kHub},
      {{HazardKind::copy_captures_origin_subjects,
        bare(R"("name": "EDGE", "subjects": ["hub.new"], "sources": [{"name": "HUB", "external": {"api": "$JS.hub.API", "deliver": ""}}])"),
        "\"hub.new", R"("subjects": ["hub.new"], )", ""},
       kHub},
      {{HazardKind::copy_cycle,
        bare(R"("name": "EDGE", "subjects": ["e.>"], "sources": [{"name": "COPY", "external": {"api": "$JS.hub.API", "deliver": ""}}])"),
        "{\"name\": \"COPY", "$JS.hub.API", "$JS.other"},
       bare(R"("name": "COPY", "sources": [{"name": "EDGE", "external": {"api": "$JS.edge.API"}}])")},
      {{HazardKind::origin_without_domain, bare(R"("name": "EDGE", "sources": [{"name": "HUB"}])"), "\"HUB\"", R"("HUB")",
        R"("HUB", "external": {"api": "$JS.hub.API"})"},
       kHub},
      {{HazardKind::origin_unreachable, bare(R"("name": "EDGE", "sources": [{"name": "HUB", "external": {"api": "$JS.hubb.API"}}])"),
        "\"$JS.hubb", "hubb", "hub"},
       kHub},
      {{HazardKind::origin_missing, bare(R"("name": "EDGE", "mirror": {"name": "HUBB", "external": {"api": "$JS.hub.API"}})"), "\"HUBB",
        "HUBB", "HUB"},
       list(kHub)},
      {{HazardKind::mirror_with_subjects,
        bare(R"("name": "EDGE", "subjects": ["x"], "mirror": {"name": "HUB", "external": {"api": "$JS.hub.API"}})"), "\"subjects",
        R"("subjects": ["x"])", R"("subjects": null)"},
       kHub},
      {{HazardKind::workqueue_or_interest_origin, bare(R"("name": "EDGE", "mirror": {"name": "JOBS", "external": {"api": "$JS.hub.API"}})"),
        "{\"name\": \"JOBS", "JOBS", "HUB"},
       "[" + kHub + "," + bare(R"("name": "JOBS", "retention": "workqueue")") + "]"},
      {{HazardKind::memory_origin, bare(R"("name": "EDGE", "mirror": {"name": "FAST", "external": {"api": "$JS.hub.API"}})"),
        "{\"name\": \"FAST", "FAST", "HUB"},
       "[" + kHub + "," + bare(R"("name": "FAST", "storage": "memory")") + "]"},
      {{HazardKind::double_route,
        bare(R"("name": "EDGE", "sources": [{"name": "HUB", "filter_subject": "hub.a.>", "external": {"api": "$JS.hub.API"}},
   {"name": "HUB", "filter_subject": "hub.*.b", "external": {"api": "$JS.hub.API"}}])"),
        "{\"name\": \"HUB", "hub.*.b", "hub.c.b"},
       kHub},
      {{HazardKind::filter_matches_nothing,
        bare(R"("name": "EDGE", "sources": [{"name": "HUB", "filter_subject": "hubb.>", "external": {"api": "$JS.hub.API"}}])"), "\"hubb",
        "hubb", "hub"},
       kHub},
      {{HazardKind::rollup_on_both_ends,
        bare(R"("name": "EDGE", "allow_rollup_hdrs": true, "mirror": {"name": "KV_A", "external": {"api": "$JS.hub.API"}})"),
        "\"allow_rollup_hdrs", "KV_A", "HUB"},
       "[" + kHub + "," + bare(R"("name": "KV_A", "allow_rollup_hdrs": true)") + "]"},
      {{HazardKind::rollup_refused_by_copy,
        bare(R"("name": "EDGE", "allow_rollup_hdrs": false, "mirror": {"name": "KV_A", "external": {"api": "$JS.hub.API"}})"),
        "{\"name\": \"EDGE", "KV_A", "HUB"},
       "[" + kHub + "," + bare(R"("name": "KV_A", "allow_rollup_hdrs": true)") + "]"},
      {{HazardKind::copy_limits_lower,
        bare(R"("name": "EDGE", "max_age": 0, "max_msgs": 100, "mirror": {"name": "HUB", "external": {"api": "$JS.hub.API"}})"),
        "\"max_msgs", "100", "-1"},
       kHub},
      {{HazardKind::copy_refuses_messages,
        bare(R"("name": "EDGE", "max_msg_size": 100, "mirror": {"name": "HUB", "external": {"api": "$JS.hub.API"}})"), "\"max_msg_size",
        "100", "-1"},
       kHub},
      {{HazardKind::max_age_shorter_than_outage, bare(R"("name": "EDGE", "max_age": 3600000000000)"), "\"max_age", "3600000000000",
        "36000000000000"},
       bare(R"("name": "COPY", "mirror": {"name": "EDGE", "external": {"api": "$JS.edge.API"}})")},
      {{HazardKind::mirror_dedup_window,
        bare(R"("name": "EDGE", "duplicate_window": 120000000000, "mirror": {"name": "HUB", "external": {"api": "$JS.hub.API"}})"),
        "\"duplicate_window", "120000000000", "0"},
       kHub},
      {{HazardKind::critical_single_replica, bare(R"("name": "EDGE", "num_replicas": 1, "metadata": {"critical": "true"})"), "\"metadata",
        "\"true\"", "\"false\""},
       kHub},
      {{HazardKind::interest_without_consumers, R"({"config": {"name": "EDGE", "retention": "interest"}, "state": {"consumer_count": 0}})",
        "\"retention", "0}", "1}"},
       kHub},
      {{HazardKind::interest_without_consumers,
        R"({"config": {"name": "EDGE", "subjects": ["w.a", "w.b"], "retention": "interest"}, "state": {"consumer_count": 1}})"
        R"( {"stream_name": "EDGE", "name": "c", "config": {"ack_policy": "explicit", "filter_subject": "w.a"}})",
        "\"w.b", "\"consumer_count\": 1", "\"consumer_count\": 2"},
       kHub},
      {{HazardKind::max_ack_pending_low,
        bare(R"("name": "EDGE")") + R"( {"stream_name": "EDGE", "name": "c", "config": {"ack_policy": "explicit", "max_ack_pending": 1}})",
        "1}}", "\"max_ack_pending\": 1", "\"max_ack_pending\": 1000"},
       kHub},
  };
  return out;
}

TEST_CASE("streams of servers with a hazard are told its place, and the smallest change mends it") {
  for (const PairCase& each : cases()) {
    check_case(each.hazard, "net/edge.json", [&each](const std::string& edge) { return check_pair(each.hub, edge, "outage: 2h\n"); });
  }
}

TEST_CASE("consumers that a work queue cannot have are told from a list of consumers") {
  const std::string stream = bare(R"("name": "JOBS", "subjects": ["jobs.*"], "retention": "workqueue")");
  const auto with = [&stream](const std::string& second) {
    return check_pair(kHub,
                      stream +
                          "\n{\"consumers\": [\n{\"stream_name\": \"JOBS\", \"name\": \"one\", \"config\": {\"ack_policy\": \"explicit\", "
                          "\"filter_subject\": \"jobs.a\"}},\n{\"stream_name\": \"JOBS\", \"name\": \"two\", \"config\": {" +
                          second + "}}]}");
  };
  CHECK(kinds_of(with(R"("ack_policy": "explicit", "filter_subject": "jobs.b")")).empty());
  CHECK(kinds_of(with(R"("ack_policy": "explicit")")) == std::vector{HazardKind::workqueue_unfiltered_consumers});
  CHECK(kinds_of(with(R"("ack_policy": "explicit", "filter_subjects": ["jobs.b", "jobs.a"])")) ==
        std::vector{HazardKind::workqueue_overlapping_filters});
  CHECK(kinds_of(with(R"("ack_policy": "none", "filter_subject": "jobs.b")")) == std::vector{HazardKind::workqueue_ack_policy});
  CHECK(kinds_of(with(R"("ack_policy": "explicit", "deliver_policy": "new", "filter_subject": "jobs.b")")) ==
        std::vector{HazardKind::workqueue_deliver_policy});
  // The servers' own, of mirrors and sources, are not among them.
  CHECK(kinds_of(with(R"("ack_policy": "flow_control")")).empty());
  CHECK(kinds_of(with(R"("ack_policy": "none", "direct": true)")).empty());
}

TEST_CASE("a topology has hazards of its own") {
  const std::string edge = bare(R"("name": "EDGE")");
  CHECK(kinds_of(check_pair(kHub, edge)).empty());
  CHECK(kinds_of(check_pair(kHub, edge, "", ", server_name: one")).empty());
  CHECK(kinds_of(check_pair(R"({"config": {"name": "HUB"}, "cluster": {"leader": "one"}})", edge, "", ", server_name: one")) ==
        std::vector{HazardKind::equal_server_names});
  CHECK(kinds_of(check_pair(kHub, edge, "", ", loses_power: true")) == std::vector{HazardKind::default_sync_with_power_loss});
  CHECK(kinds_of(check_pair(kHub, edge, "", ", loses_power: true, sync_interval: always")).empty());
  const std::string mirror = bare(R"("name": "EDGE", "mirror": {"name": "HUB", "external": {"api": "$JS.hub.API"}})");
  CHECK(kinds_of(check_pair(kHub, mirror, "", ", deny_imports: [$JS.M.>]")) == std::vector{HazardKind::copy_traffic_denied});
  CHECK(kinds_of(check_pair(kHub, mirror, "", ", deny_imports: [$JS.S.>]")).empty());
  CHECK(kinds_of(check_pair(kHub, edge, "  more: { domain: edge, leaf_of: edge }\n")) == std::vector{HazardKind::equal_domains});
  CHECK(kinds_of(check_pair(kHub, edge, "  more: { domain: more, leaf_of: edge }\n")).empty());
}

TEST_CASE("a topology accepts hazards by name") {
  const CheckReport report =
      check_pair(kHub, bare(R"("name": "HUB", "subjects": ["edge.>"])"), "hazards: [same-stream-name, copy-cycle]\n");
  REQUIRE(report.hazards.size() == 1);
  CHECK(report.hazards[0].is_accepted);
  REQUIRE(report.not_there.size() == 1);
  CHECK(report.not_there[0].where.text() == "net/leafs.yaml:4:29");
}

TEST_CASE("a window that a server put down by itself says nothing of ids; another does") {
  const std::string copy =
      bare(R"("name": "COPY", "duplicate_window": 120000000000, "sources": [{"name": "EDGE", "external": {"api": "$JS.edge.API"}}])");
  CHECK(kinds_of(check_pair(copy, bare(R"("name": "EDGE", "duplicate_window": 120000000000)"))).empty());
  CHECK(kinds_of(check_pair(copy, bare(R"("name": "EDGE", "duplicate_window": 600000000000)"))) ==
        std::vector{HazardKind::dedup_at_source_origin});
}

TEST_CASE("a single server needs no topology, and nobody is blamed for what is not known") {
  const std::string text =
      bare(R"("name": "A", "mirror": {"name": "B", "external": {"api": "$JS.far.API"}})") + bare(R"("name": "C", "mirror": {"name": "D"})");
  const auto read = [&text](const std::string&) { return core::Result<std::string>{text}; };
  const StreamsFile files[] = {{.server = {}, .path = "a.json"}};
  const CheckReport report = check_streams(std::nullopt, files, read);
  INFO(all_of(report));
  CHECK(report.errors.empty());
  CHECK(report.hazards.empty());
}

std::string first_error(const std::string& hub, const std::string& edge, const std::string& more = "", const std::string& edge_more = "") {
  const CheckReport report = check_pair(hub, edge, more, edge_more);
  CHECK(report.hazards.empty());
  return report.errors.empty() ? "" : report.errors.front().text();
}

TEST_CASE("what is wrong with the files is an error with its place") {
  const std::string edge = bare(R"("name": "EDGE")");
  CHECK(first_error(kHub, R"({"config": {"name": "E", "subjects": ["a..b"]}})").find("net/edge.json:1:39: `subjects` must be a subject") ==
        0);
  CHECK(
      first_error(kHub, R"({"config": {"name": "E", "retention": "for ever"}})").find("net/edge.json:1:39: `retention` must be limits, ") ==
      0);
  CHECK(first_error(kHub, R"({"config": {"name": "E", "max_age": "long"}})").find("net/edge.json:1:37: `max_age`") == 0);
  CHECK(first_error(kHub, R"({"config": {"subjects": ["a"]}})").find("net/edge.json:1:12: a stream needs the key `name`") == 0);
  CHECK(first_error(kHub, R"({"error": {"code": 404, "description": "stream not found"}})") ==
        "net/edge.json:1:11: the server answered with an error: `stream not found`");
  CHECK(first_error(kHub, R"(["EVENTS"])") ==
        "net/edge.json:1:2: a mere name stands here: `EVENTS`; give what `nats stream info NAME --json` prints");
  CHECK(first_error(kHub, "{}") ==
        "net/edge.json:1:1: this is no stream, no consumer and no list of them: it has neither `config` nor `name`");
  CHECK(first_error(kHub, "7") == "net/edge.json:1:1: a stream should stand here, as `nats stream info --json` prints it");
  CHECK(first_error(kHub, R"({"ack_policy": "explicit", "name": "c"})").find("does not say its stream") != std::string::npos);
  CHECK(first_error(kHub, edge + bare(R"("name": "EDGE", "subjects": ["x"])"))
            .find("there is already a stream `EDGE` on `edge`, with another configuration") != std::string::npos);
  CHECK(first_error(kHub, R"({"stream_name": "X", "name": "c", "config": {}})") ==
        "net/edge.json:1:17: the stream `X` of this consumer is not among those of `edge`; give its info as well");
  CHECK(first_error(kHub, R"({"config": {"name": "E"}, "domain": "other"})") ==
        "net/edge.json:1:37: this server's domain is `other`, and net/leafs.yaml:3:19 says `edge` of `edge`");
  CHECK(first_error(kHub, edge, "", ", leaf_off: x").find("unknown key `leaf_off` in a server; did you mean `leaf_of`?") !=
        std::string::npos);
  CHECK(first_error(kHub, edge, "  x: { leaf_of: hubb }\n").find("there is no server `hubb`; did you mean `hub`?") != std::string::npos);
  CHECK(first_error(kHub, edge, "  x: { leaf_of: y }\n  y: { leaf_of: x }\n").find("runs in a circle") != std::string::npos);
  CHECK(first_error(kHub, edge, "  x: { streams: [x.json] }\n") ==
        "net/leafs.yaml:4:18: `net/x.json` cannot be read: No such file or directory");
}

TEST_CASE("files of the command line belong to the server that they name") {
  const auto read = [](const std::string& path) -> core::Result<std::string> {
    if (path == "t.yaml") return std::string{"nodes:\n  hub: { domain: hub }\n  edge: { domain: edge, leaf_of: hub }\n"};
    if (path == "e.yaml") return std::string{" \n"};
    return bare("\"name\": \"" + path.substr(0, 1) + "\", \"subjects\": [\"x.>\"]");
  };
  const StreamsFile both[] = {{.server = "hub", .path = "a.json"}, {.server = "edge", .path = "b.json"}};
  CHECK(kinds_of(check_streams("t.yaml", both, read)) == std::vector{HazardKind::overlapping_subjects});
  const auto error = [&read](const std::optional<std::string>& topology, std::vector<StreamsFile> files) {
    const CheckReport report = check_streams(topology, files, read);
    return report.errors.empty() ? std::string{} : report.errors.front().text();
  };
  CHECK(error(std::nullopt, {both[0], both[1]}) == "b.json: how are `hub` and `edge` joined? Say it with `--topology FILE.yaml`");
  CHECK(error("t.yaml", {{.server = {}, .path = "a.json"}}) ==
        "a.json: whose streams are these? There are hub and edge; say `--streams NAME=a.json`");
  CHECK(error("t.yaml", {{.server = "edg", .path = "a.json"}}) == "a.json: there is no server `edg` in the topology; did you mean `edge`?");
  CHECK(error("e.yaml", {}) == "e.yaml:1:1: the file is empty; a topology begins with `nodes:`");
}

const std::string kRecorded = std::string{WT_FIXTURES} + "/streams/";

TEST_CASE("what a real hub and its leaf print is read whole, and its wrong configurations are found") {
  const CheckReport report = check_streams(kRecorded + "leafs.yaml", {});
  INFO(all_of(report));
  CHECK(report.errors.empty());
  const std::vector<HazardKind> kinds = kinds_of(report);
  const std::multiset<HazardKind> found{kinds.begin(), kinds.end()};
  const std::multiset<HazardKind> wanted = {HazardKind::same_stream_name,        HazardKind::copy_captures_origin_subjects,
                                            HazardKind::filter_matches_nothing,  HazardKind::workqueue_or_interest_origin,
                                            HazardKind::rollup_refused_by_copy,  HazardKind::copy_limits_lower,
                                            HazardKind::critical_single_replica, HazardKind::interest_without_consumers,
                                            HazardKind::max_ack_pending_low,     HazardKind::max_age_shorter_than_outage,
                                            HazardKind::filter_matches_nothing};
  CHECK(found == wanted);
}

TEST_CASE("the monitoring page of a real server says the same as its API") {
  const StreamsFile page[] = {{.server = "edge", .path = kRecorded + "edge-jsz.json"}};
  const StreamsFile api[] = {{.server = "edge", .path = kRecorded + "edge-streams.json"},
                             {.server = "edge", .path = kRecorded + "edge-consumers.json"}};
  const CheckReport from_page = check_streams(std::nullopt, page);
  const CheckReport from_api = check_streams(std::nullopt, api);
  INFO(all_of(from_page));
  CHECK(from_page.errors.empty());
  CHECK(from_api.errors.empty());
  CHECK(kinds_of(from_page) == std::vector{HazardKind::max_ack_pending_low});
  CHECK(kinds_of(from_page) == kinds_of(from_api));
}

TEST_CASE("answers of a real server that hold no streams are errors") {
  const auto error = [](const std::string& name) {
    const StreamsFile files[] = {{.server = "hub", .path = kRecorded + name}};
    const CheckReport report = check_streams(std::nullopt, files);
    return report.errors.empty() ? std::string{} : report.errors.front().message;
  };
  CHECK(error("missing-info.json") == "the server answered with an error: `stream not found`");
  CHECK(error("hub-stream-names.json").find("a mere name stands here: `ALL_JOBS`") == 0);
  CHECK(error("hub-orders-info.json") == "");
}

}  // namespace
}  // namespace windtunnel::scenarios
