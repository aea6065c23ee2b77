// Streams of real servers: accounts, clusters, parts of lists, and how much is looked at.
#include "tests/scenarios/hazards_case.h"

namespace windtunnel::scenarios {
namespace {

using Kinds = std::vector<HazardKind>;

// A page of /jsz: accounts, and a stream's configuration of each.
std::string page(const std::vector<std::pair<std::string, std::string>>& accounts, const std::string& members = {}) {
  std::string out = "{" + members + "\"account_details\": [";
  for (const auto& [name, config] : accounts) {
    if (out.back() == '}') out += ",";
    out += "{\"name\": \"" + name + "\", \"stream_detail\": [{\"name\": \"x\", \"config\": {" + config + "}}]}";
  }
  return out + "]}";
}

CheckReport check_one(const std::vector<std::string>& texts) {
  std::vector<StreamsFile> files;
  for (std::size_t i = 0; i < texts.size(); ++i) files.push_back({.server = {}, .path = std::to_string(i)});
  return check_streams(std::nullopt, files,
                       [&texts](const std::string& path) -> core::Result<std::string> { return texts.at(std::stoul(path)); });
}

Kinds clean_kinds_of(const CheckReport& report) {
  INFO(all_of(report));
  CHECK(report.errors.empty());
  return kinds_of(report);
}

const std::string kOrders = R"("name": "ORDERS", "subjects": ["orders.>"])";
const std::string kLater = R"("name": "LATER", "subjects": ["orders.>"])";
const std::string kCopy = R"("name": "COPY", "sources": [{"name": "ORDERS"}])";

TEST_CASE("accounts have names and subjects of their own") {
  CHECK(clean_kinds_of(check_one({page({{"A", kOrders}, {"B", kOrders}})})).empty());
  CHECK(clean_kinds_of(check_one({page({{"A", kOrders}, {"B", kCopy}})})) == Kinds{HazardKind::origin_missing});
  CHECK(clean_kinds_of(check_one({page({{"A", kOrders}, {"A", kCopy}})})).empty());
}

TEST_CASE("a link joins accounts of one name, or the only ones") {
  const auto joined = [](const std::string& hub, const std::string& edge) { return clean_kinds_of(check_pair(hub, edge)); };
  const Kinds overlap = {HazardKind::overlapping_subjects};
  const std::string other = R"("name": "C")";
  CHECK(joined(page({{"A", kOrders}}), page({{"A", kLater}})) == overlap);
  CHECK(joined(page({{"A", kOrders}}), page({{"B", kLater}})) == overlap);  // a leaf may bind one to the other
  CHECK(joined(page({{"A", kOrders}, {"C", other}}), page({{"B", kLater}})).empty());
  CHECK(joined(page({{"A", kOrders}, {"C", other}}), page({{"C", kLater}})).empty());
  CHECK(joined(page({{"A", kOrders}, {"C", other}}), page({{"A", kLater}})) == overlap);
}

TEST_CASE("the pages of a cluster's servers show the same streams, and none shows all of them") {
  const std::string cluster = R"("meta_cluster": {"name": "c", "leader": "n1", "cluster_size": 3},)";
  CHECK(clean_kinds_of(check_one({page({{"A", kCopy}}, cluster)})).empty());
  CHECK(clean_kinds_of(check_one({page({{"A", kCopy}})})) == Kinds{HazardKind::origin_missing});
  CHECK(clean_kinds_of(check_one({page({{"A", kOrders}}, cluster), page({{"A", kOrders}}, cluster)})).empty());
  const CheckReport other = check_one({page({{"A", kOrders}}, cluster), page({{"A", kOrders + R"(, "max_age": 7)"}}, cluster)});
  REQUIRE(other.errors.size() == 1);
  CHECK(other.errors[0].message.find("with another configuration") != std::string::npos);
}

TEST_CASE("the pages of a list are a list") {
  const auto part = [](const std::string& config) { return R"({"total": 2, "streams": [{"config": {)" + config + "}}]}\n"; };
  const std::string missing = R"("name": "COPY", "sources": [{"name": "NONE"}])";
  CHECK(clean_kinds_of(check_one({part(kOrders)})) == Kinds{HazardKind::incomplete_check});
  CHECK(clean_kinds_of(check_one({part(missing)})) == Kinds{HazardKind::incomplete_check});
  CHECK(clean_kinds_of(check_one({part(missing) + part(kOrders)})) == Kinds{HazardKind::origin_missing});
  CHECK(clean_kinds_of(check_one({part(kOrders) + part(kOrders)})) == Kinds{HazardKind::incomplete_check});
  CHECK(check_one({part(kOrders)}).hazards.front().why ==
        "there are 2 streams on `server`, and 1 is given: what the others are nobody has looked at");
  // The one behind the last is empty.
  const std::string behind = R"({"type": "io.nats.jetstream.api.v1.stream_list_response", "total": 1, "streams": null})";
  CHECK(clean_kinds_of(check_one({behind})) == Kinds{HazardKind::incomplete_check});
  CHECK(clean_kinds_of(check_one({"{\"config\": {" + kOrders + "}}" + behind})).empty());
}

TEST_CASE("so are the pages of a list of consumers") {
  const std::string stream = "{\"config\": {" + kOrders + "}}\n";
  const auto part = [](const std::string& name, const std::string& more = "") {
    return R"({"total": 2, "consumers": [{"stream_name": "ORDERS", "name": ")" + name + R"(", "config": {"ack_policy": "explicit"}}])" +
           more + "}\n";
  };
  CHECK(clean_kinds_of(check_one({stream + part("a")})) == Kinds{HazardKind::incomplete_check});
  CHECK(clean_kinds_of(check_one({stream + part("a") + part("b")})).empty());
}

TEST_CASE("what a server could not tell is said, unless it stands elsewhere") {
  const std::string list = R"({"total": 2, "missing": ["LATER"], "streams": [{"config": {)" + kOrders + "}}]}\n";
  const CheckReport report = check_one({list});
  CHECK(clean_kinds_of(report) == Kinds{HazardKind::incomplete_check});
  CHECK(report.hazards.front().why ==
        "the server could not tell of the stream `LATER` on `server` when it was asked: nobody has looked at it");
  CHECK(report.hazards.front().where.text() == "0:1:26");
  CHECK(clean_kinds_of(check_one({list + R"({"config": {"name": "LATER"}})"})).empty());
}

TEST_CASE("a monitoring page with fewer streams than it counts is not all, but for one of a single account") {
  CHECK(clean_kinds_of(check_one({page({{"A", kOrders}}, R"("accounts": 1, "streams": 1,)")})).empty());
  CHECK(clean_kinds_of(check_one({page({{"A", kOrders}}, R"("accounts": 1, "streams": 2,)")})) == Kinds{HazardKind::incomplete_check});
  CHECK(clean_kinds_of(check_one({page({{"A", kOrders}}, R"("accounts": 2, "streams": 2,)")})).empty());
}

TEST_CASE("a page without streams says what to ask for, and one that was asked for over NATS is unwrapped") {
  const auto error = [](const std::string& text) {
    const CheckReport report = check_one({text});
    return report.errors.empty() ? std::string{} : report.errors.front().text();
  };
  const std::string wanted = "0:1:1: this monitoring page has no streams; ask for /jsz?streams=1&consumers=1&config=1";
  CHECK(error(R"({"server_id": "X", "config": {"store_dir": "/x"}, "streams": 3, "consumers": 0})") == wanted);
  CHECK(error(R"({"server_id": "X", "streams": 3, "account_details": [{"name": "A"}]})") == wanted);
  const std::string asked = R"({"server": {"name": "n1"}, "data": )" + page({{"A", kCopy}}, R"("server_id": "X", "streams": 1,)") + "}";
  CHECK(clean_kinds_of(check_one({asked})) == Kinds{HazardKind::origin_missing});
}

TEST_CASE("one server alone tells nothing of other domains") {
  const std::string copy = R"({"domain": "hub", "config": {"name": "C", "sources": [{"name": "E", "external": {"api": "$JS.edge.API"}}]}})";
  CHECK(clean_kinds_of(check_one({copy})).empty());
  CHECK(clean_kinds_of(check_one({"[" + copy + "]"})).empty());
}

TEST_CASE("a server_name is given once among servers that links join") {
  const auto with = [](const std::string& more) {
    return clean_kinds_of(check_streams("t.yaml", {}, [&more](const std::string&) -> core::Result<std::string> {
      return "nodes:\n  a: { domain: \"4711\", server_name: n }\n  b: { domain: b, server_name: n" + more + " }\n";
    }));
  };
  CHECK(with(", leaf_of: a") == Kinds{HazardKind::equal_server_names});
  CHECK(with("").empty());
}

TEST_CASE("what is too much to look at is said, and fails a strict check") {
  const auto streams = [](const std::string& letter, int count, const std::string& subject) {
    std::string out = "[";
    for (int i = 0; i < count; ++i) {
      const std::string name = letter + std::to_string(i);
      out += (i == 0 ? "" : ",");
      out += R"({"config": {"name": ")" + name + R"(", "subjects": [")" + (subject.empty() ? name : subject) + R"(.>"]}})";
    }
    return out + "]";
  };
  CHECK(clean_kinds_of(check_pair(streams("H", 3000, ""), streams("E", 3000, ""))).empty());
  const Kinds kinds = clean_kinds_of(check_pair(streams("H", 1, "x"), streams("E", 1001, "x")));
  CHECK(std::count(kinds.begin(), kinds.end(), HazardKind::overlapping_subjects) == 1000);
  CHECK(std::count(kinds.begin(), kinds.end(), HazardKind::incomplete_check) == 1);
}

}  // namespace
}  // namespace windtunnel::scenarios
