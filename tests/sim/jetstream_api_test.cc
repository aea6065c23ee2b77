// The API beyond what transcripts show: requests that nobody awaits, audits of what other nodes and the inside ask, and bodies
// that make no sense (reference: jetstream-api 1, 13).
#include <array>

#include "core/base/random.h"
#include "tests/sim/jetstream_fixture.h"

namespace windtunnel::tests {
namespace {

TEST_CASE("a request without a reply takes effect") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.wire().publish("$JS.API.STREAM.CREATE.S", R"({"name":"S","subjects":["s"]})", {}, {});
  js.api("INFO");  // requests are served in order
  CHECK(seq_of(js.publish("s", "x")) == 1);
  js.wire().publish("$JS.API.STREAM.PURGE.S", {}, {}, {});
  js.wire().publish("$JS.API.STREAM.DELETE.NO", {}, {}, {});
  CHECK(js.stream("S")["state"]["messages"] == 0);
  CHECK(js.api("INFO")["api"]["errors"] == 1);
}

SCENARIO("nats-5818: a duplicate of what nobody was interested in") {
  for (const bool with_defect : {false, true}) {
    CAPTURE(with_defect);
    core::Defects defects;
    if (with_defect) defects.set(core::Defect::nats_5818);
    OneNode node{core::Seed{1}, defects};
    JetStreamClient& js = node.client();
    js.create_stream("S", R"("subjects":["s"],"retention":"interest")");
    CHECK(seq_of(js.publish("s", "x")) == 1);
    CHECK(seq_of(js.publish("s", "x", "Nats-Msg-Id: a\r\n")) == 2);
    const Json again = js.publish("s", "x", "Nats-Msg-Id: a\r\n");
    CHECK(again.value("duplicate", false));
    CHECK(seq_of(again) == (with_defect ? 0 : 2));
  }
}

SCENARIO("what a stream republishes goes through other streams, and over a restart") {
  GIVEN("a stream that rewrites its subjects and republishes, and one that takes what it republishes") {
    OneNode node;
    node.client().create_stream(
        "A", R"("subjects":["a.>"],"subject_transform":{"src":"a.*","dest":"x.$1"},"republish":{"src":"x.*","dest":"b.$1"})");
    node.client().create_stream("B", R"("subjects":["b.>"])");
    CHECK(seq_of(node.client().publish("a.1", "one")) == 1);
    node.restart(sim::Signal::kill);
    CHECK(seq_of(node.client().publish("a.1", "two")) == 2);
    THEN("both have both, under their own subjects") {
      CHECK(node.client().api("STREAM.MSG.GET.A", R"({"last_by_subj":"x.1"})")["message"]["seq"] == 2);
      CHECK(node.client().api("STREAM.MSG.GET.B", R"({"last_by_subj":"b.1"})")["message"]["seq"] == 2);
      CHECK(node.client().stream("A")["config"]["republish"]["dest"] == "b.$1");
    }
  }
}

TEST_CASE("streams may reserve what there is, and no more") {
  OneNode node;
  JetStreamClient& js = node.client();
  const std::string all = std::to_string(std::int64_t{1} << 40);
  CHECK(error_of(js.create_stream("A", "\"max_bytes\":" + all)) == 0);
  CHECK(error_of(js.create_stream("B", R"("max_bytes":1)")) == 10047);
  CHECK(error_of(js.create_stream("B", R"("max_bytes":1,"storage":"memory")")) == 0);
  CHECK(error_of(js.create_stream("C", {})) == 0);
  CHECK(error_of(js.api("STREAM.UPDATE.C", R"({"name":"C","max_bytes":1})")) == 10047);
  CHECK(error_of(js.api("STREAM.UPDATE.A", R"({"name":"A","max_bytes":)" + all + "}")) == 0);  // its own do not count twice
  CHECK(js.api("INFO")["reserved_storage"] == std::int64_t{1} << 40);
}

TEST_CASE("a purge up to a sequence that leaves no room for the next ones is refused") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"])");
  CHECK(error_of(js.api("STREAM.PURGE.S", R"({"seq":18446744073709551615})")) == 10003);
  CHECK(js.api("STREAM.PURGE.S", R"({"seq":1000})")["purged"] == 0);
  CHECK(seq_of(js.publish("s", "x")) == 1000);
}

TEST_CASE("a body that goes deep is read, or is not, and the node goes on") {
  OneNode node;
  JetStreamClient& js = node.client();
  js.create_stream("S", R"("subjects":["s"])");
  constexpr std::size_t kDepth = 100'000;
  std::string nested;
  for (std::size_t i = 0; i < kDepth; ++i) nested += R"({"a":)";
  nested += "1" + std::string(kDepth, '}');
  CHECK(error_of(js.api("STREAM.INFO.S", nested)) == 0);
  CHECK(error_of(js.api("STREAM.RESTORE.T", R"({"config":)" + nested + "}")) == 10062);
  CHECK(error_of(js.api("STREAM.INFO.S", std::string(kDepth, '['))) == 10025);
  CHECK(error_of(js.api("STREAM.CREATE.T",
                        R"({"name":"T","metadata":{"a":)" + std::string(kDepth, '[') + std::string(kDepth, ']') + "}}")) == 10025);
}

// Words that requests are made of, put together at random.
std::string nonsense(core::Random& random, int depth) {
  static constexpr std::array kWords = {"\"S\"",
                                        "\"s.*\"",
                                        "\"..\"",
                                        "0",
                                        "1",
                                        "-1",
                                        "18446744073709551615",
                                        "1e9",
                                        "true",
                                        "null",
                                        "\"\"",
                                        "\">\"",
                                        "{}",
                                        "[]",
                                        "\"limits\"",
                                        "\"workqueue\"",
                                        "\"new\"",
                                        "\"memory\"",
                                        "\"$1\"",
                                        "[\"s\"]",
                                        "[1]",
                                        "\"x\"",
                                        "5000",
                                        "100000000",
                                        "\"{{split(1,)}}\"",
                                        "\"2024-01-01T00:00:00Z\""};
  static constexpr std::array kNames = {"name",
                                        "subjects",
                                        "retention",
                                        "max_msgs",
                                        "max_bytes",
                                        "max_age",
                                        "discard",
                                        "storage",
                                        "mirror",
                                        "sources",
                                        "external",
                                        "api",
                                        "deliver",
                                        "src",
                                        "dest",
                                        "republish",
                                        "sealed",
                                        "first_seq",
                                        "seq",
                                        "keep",
                                        "filter",
                                        "offset",
                                        "config",
                                        "stream_name",
                                        "max_msgs_per_subject",
                                        "subject_transform",
                                        "subject_transforms",
                                        "filter_subject",
                                        "durable_name",
                                        "ack_policy",
                                        "last_by_subj",
                                        "next_by_subj",
                                        "deleted_details",
                                        "subjects_filter",
                                        "duplicate_window",
                                        "no_ack"};
  std::string out = "{";
  const std::uint64_t members = random.below(6);
  for (std::uint64_t i = 0; i < members; ++i) {
    if (i > 0) out += ',';
    out += '"';
    out += kNames[random.below(kNames.size())];
    out += "\":";
    const std::uint64_t kind = random.below(4);
    if (kind == 0 && depth < 3) {
      out += nonsense(random, depth + 1);
    } else if (kind == 1 && depth < 3) {
      out += "[" + nonsense(random, depth + 1) + "]";
    } else {
      out += kWords[random.below(kWords.size())];
    }
  }
  out += "}";
  if (random.below(8) == 0) out.resize(random.below(out.size() + 1));
  return out;
}

TEST_CASE("no body brings the API down: each request is answered, and the node goes on") {
  static constexpr std::array kOperations = {"INFO",
                                             "STREAM.CREATE.S",
                                             "STREAM.UPDATE.S",
                                             "STREAM.CREATE.T",
                                             "STREAM.INFO.S",
                                             "STREAM.NAMES",
                                             "STREAM.LIST",
                                             "STREAM.PURGE.S",
                                             "STREAM.MSG.GET.S",
                                             "STREAM.MSG.DELETE.S",
                                             "STREAM.SNAPSHOT.S",
                                             "STREAM.RESTORE.T",
                                             "STREAM.TEMPLATE.CREATE.S",
                                             "STREAM.TEMPLATE.NAMES",
                                             "CONSUMER.CREATE.S",
                                             "CONSUMER.CREATE.S.C",
                                             "CONSUMER.DURABLE.CREATE.S.C",
                                             "CONSUMER.NAMES.S",
                                             "CONSUMER.LIST.S",
                                             "STREAM.DELETE.S"};
  OneNode node;
  JetStreamClient& js = node.client();
  core::Random random{core::Seed{7}};
  int answered = 0;
  constexpr int kRequests = 3000;
  for (int i = 0; i < kRequests; ++i) {
    if (i % 50 == 0) js.create_stream("S", R"("subjects":["s.>"])");
    if (i % 10 == 0) js.wire().publish("s.1", "x", {}, {});
    std::string body = nonsense(random, 0);
    // A stream or consumer that can be made needs its right name.
    if (random.below(2) == 0 && body.starts_with("{") && body.size() > 2) body.insert(1, R"("name":"S","stream_name":"S",)");
    answered += js.api(kOperations[random.below(kOperations.size())], body).contains("type") ? 1 : 0;
  }
  CHECK(answered == kRequests);
  node.restart(sim::Signal::kill);
  CHECK(node.client().api("INFO").contains("limits"));
}

}  // namespace
}  // namespace windtunnel::tests
