#include "core/jetstream/stream_config.h"

#include <doctest/doctest.h>

#include "core/base/json_writer.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

const StreamConfig* no_stream(std::string_view) { return nullptr; }

StreamConfig parsed(const std::string& json) {
  Result<StreamConfig> config = parse_stream_config(json);
  REQUIRE_MESSAGE(config, json);
  return *config;
}

// {"name":"S",<members>}
ApiStatus check(const std::string& members, StreamConfig* out = nullptr, const StreamLookup& streams = no_stream) {
  StreamConfig normalised;
  const std::string name = members.find("\"name\":") == 0 ? "" : R"("name":"S",)";
  ApiStatus failed = normalise(parsed("{" + name + members + "}"), streams, normalised);
  if (!failed) failed = check_transforms(normalised);
  if (out != nullptr) *out = normalised;
  return failed;
}

std::string json_of(const StreamConfig& config) {
  JsonWriter json;
  json.begin_object();
  write_stream_config_fields(json, config);
  return json.end_object().take();
}

TEST_CASE("a configuration that says little is filled with nats-server's defaults, and shown in its order") {
  StreamConfig config;
  CHECK_FALSE(check(R"("name":"S1","subjects":["s1.>"])", &config));
  // From the recorded answer to the same request (streams.jsonl).
  CHECK(
      json_of(config) ==
      R"({"name":"S1","subjects":["s1.\u003e"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1,"duplicate_window":120000000000,"compression":"none","allow_direct":false,"mirror_direct":false,"sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{}})");
}

TEST_CASE("everything that a configuration can say is shown, and reads back as itself") {
  const std::string json =
      R"({"name":"A","description":"d","subjects":["a","b.*"],"retention":"workqueue","max_consumers":3,"max_msgs":4,"max_bytes":5,"max_age":600000000000,"max_msgs_per_subject":6,"max_msg_size":7,"discard":"new","storage":"memory","num_replicas":1,"no_ack":true,"duplicate_window":1000000000,"placement":{"cluster":"C","tags":["t"]},"compression":"s2","first_seq":9,"subject_transform":{"src":"a","dest":"c"},"republish":{"src":"c","dest":"d","headers_only":true},"allow_direct":true,"mirror_direct":false,"discard_new_per_subject":true,"sealed":false,"deny_delete":true,"deny_purge":true,"allow_rollup_hdrs":false,"consumer_limits":{"inactive_threshold":1000,"max_ack_pending":10},"metadata":{"k":"v"}})";
  StreamConfig config;
  CHECK_FALSE(normalise(parsed(json), no_stream, config));
  CHECK(json_of(config) == json);
}

TEST_CASE("a mirror shows its origin, and has no window unless it asks for one") {
  StreamConfig config;
  CHECK_FALSE(check(
      R"("mirror":{"name":"O","opt_start_seq":5,"filter_subject":"a.>","external":{"api":"$JS.hub.API","deliver":"p"}},"duplicate_window":1000000000)",
      &config));
  CHECK(config.duplicate_window == 1s);
  CHECK(config.subjects.empty());
  CHECK(
      json_of(config).find(
          R"("duplicate_window":1000000000,"mirror":{"name":"O","opt_start_seq":5,"filter_subject":"a.\u003e","external":{"api":"$JS.hub.API","deliver":"p"}},"compression")") !=
      std::string::npos);
  CHECK_FALSE(check(R"("mirror":{"name":"O"})", &config));
  CHECK(config.duplicate_window == 0s);
}

TEST_CASE("what is no configuration is no JSON for the API") {
  for (const char* json : {"",
                           "{bad",
                           "[]",
                           "7",
                           R"({"name":7})",
                           R"({"retention":"nope"})",
                           R"({"discard":"none"})",
                           R"({"storage":"disk"})",
                           R"({"compression":"zip"})",
                           R"({"max_msgs":"5"})",
                           R"({"max_msgs":1.5})",
                           R"({"subjects":"a"})",
                           R"({"subjects":[1]})",
                           R"({"sealed":1})",
                           R"({"metadata":{"a":1}})",
                           R"({"mirror":"O"})",
                           R"({"mirror":{"opt_start_time":"yesterday"}})",
                           R"({"first_seq":-1})",
                           R"({"consumer_limits":[]})",
                           R"({"placement":"x"})"}) {
    CAPTURE(json);
    CHECK_FALSE(parse_stream_config(json));
  }
}

TEST_CASE("members are found whatever their capitals, but for the user's own") {
  CHECK(parsed(R"({"NAME":"S","Max_Msgs":7,"Mirror":{"Name":"O"}})") == parsed(R"({"name":"S","max_msgs":7,"mirror":{"name":"O"}})"));
  CHECK(parsed(R"({"name":"S","metadata":{"Key":"v"}})").metadata.count("Key") == 1);
  CHECK(parsed(R"({"name":"S","max_msgs":1,"MAX_MSGS":2})").max_msgs == 1);
  CHECK(parsed(R"({"discard":"NEW"})").discard == Discard::new_messages);
  CHECK_FALSE(parse_stream_config(R"({"storage":"FILE"})"));
}

TEST_CASE("unknown members and nulls are ignored") {
  CHECK(parsed(R"({"name":"S","unknown_field":1,"subjects":null,"mirror":null,"max_age":null})") == parsed(R"({"name":"S"})"));
}

struct Refused {
  const char* members;
  int err_code;
  const char* text;
};

TEST_CASE("each rule of a configuration has its code and its text") {
  const std::string long_name = R"("name":")" + std::string(256, 'L') + "\"";
  const std::string long_description = R"("description":")" + std::string(4097, 'd') + "\"";
  const std::string large_metadata = R"("metadata":{"k":")" + std::string(131'072, 'v') + "\"}";
  const Refused rows[] = {
      {R"("name":"")", 10052, "stream name is required and can not contain '.', '*', '>'"},
      {R"("name":"A.B")", 10052, "stream name is required and can not contain '.', '*', '>'"},
      {R"("name":"A B")", 10052, "stream name is required and can not contain '.', '*', '>'"},
      {long_name.c_str(), 10052, "stream name is too long, maximum allowed is 255"},
      {long_description.c_str(), 10052, "stream description is too long, maximum allowed is 4096"},
      {large_metadata.c_str(), 10052, "stream metadata exceeds maximum size of 131072 bytes"},
      {R"("num_replicas":6)", 10052, "maximum replicas is 5"},
      {R"("num_replicas":-1)", 10133, "replicas count cannot be negative"},
      {R"("max_age":99999999)", 10052, "max age needs to be >= 100ms"},
      {R"("duplicate_window":-1)", 10052, "duplicates window can not be negative"},
      {R"("max_age":1000000000,"duplicate_window":2000000000)", 10052, "duplicates window can not be larger then max age"},
      {R"("duplicate_window":99999999)", 10052, "duplicates window needs to be >= 100ms"},
      {R"("deny_purge":true,"allow_rollup_hdrs":true)", 10052, "roll-ups require the purge permission"},
      {R"("discard_new_per_subject":true,"max_msgs_per_subject":1)", 10052,
       "discard new per subject requires discard new policy to be set"},
      {R"("discard_new_per_subject":true,"discard":"new")", 10052, "discard new per subject requires max msgs per subject > 0"},
      {R"("first_seq":5,"mirror":{"name":"O"})", 10143, "stream mirrors can not have first sequence configured"},
      {R"("subjects":["a"],"mirror":{"name":"O"})", 10034, "stream mirrors can not contain subjects"},
      {R"("mirror":{"name":"O"},"sources":[{"name":"P"}])", 10031, "stream mirrors can not also contain other sources"},
      {R"("mirror":{"name":"a.b"})", 10142, "mirrored stream name is invalid"},
      {R"("mirror":{"name":""})", 10142, "mirrored stream name is invalid"},
      {R"("mirror":{"name":"O","external":{"api":"$JS.*.API","deliver":""}})", 10052,
       "stream external api prefix \"$JS.*.API\" must be a valid subject without wildcards"},
      {R"("mirror":{"name":"O","external":{"api":"$JS.API","deliver":""}})", 10021,
       "stream external api prefix $JS.API must not overlap with $JS.API"},
      {R"("mirror":{"name":"O","external":{"api":"$JS.hub.API","deliver":"d.>"}})", 10024,
       "stream external delivery prefix d.> must not contain wildcards"},
      {R"("mirror":{"name":"S"})", 10052, "detected cycle"},
      {R"("subjects":["a..b"])", 10052, "invalid subject"},
      {R"("subjects":["a","a"])", 10052, "duplicate subjects detected"},
      {R"("subjects":[">"])", 10052, "capturing all subjects requires no-ack to be true"},
      {R"("subjects":[">"],"no_ack":true,"num_replicas":3)", 10052, "capturing all subjects requires replicas of 1"},
      {R"("subjects":["$JS.API.>"])", 10052, "subjects that overlap with jetstream api require no-ack to be true"},
      {R"("subjects":["$JSC.x"])", 10052, "subjects that overlap with jetstream api require no-ack to be true"},
      {R"("subjects":["$SYS.x"])", 10052, "subjects that overlap with system api require no-ack to be true"},
      {R"("subjects":["q.>","q.a"])", 10052, "subject \"q.>\" overlaps with \"q.a\""},
      {R"("sources":[{"name":"P"},{"name":"P"}])", 10140, "duplicate source configuration detected"},
      {R"("sources":[{"name":"S"}])", 10052, "detected cycle"},
      {R"("first_seq":4611686018427387904)", 10052, "first sequence is too large"},
      {R"("subject_transform":{"src":"a.*","dest":"b.$2"})", 10049,
       "stream subject transform from 'a.*' to 'b.$2': invalid mapping destination: wildcard index out of range in $2: [2]"},
      {R"("republish":{"src":"a.*","dest":"b.$2"})", 10052,
       "stream configuration for republish with transform from 'a.*' to 'b.$2' not valid"},
      {R"("subjects":["a"],"republish":{"dest":"a"})", 10052, "stream configuration for republish destination forms a cycle"},
  };
  for (const Refused& row : rows) {
    CAPTURE(std::string(row.members).substr(0, 80));
    const ApiStatus failed = check(row.members);
    REQUIRE(failed);
    CHECK(failed->err_code == row.err_code);
    CHECK(failed->description == row.text);
  }
}

TEST_CASE("what just keeps each rule is taken") {
  const std::string name = R"("name":")" + std::string(255, 'L') + "\"";
  for (const std::string& members :
       {name, std::string(R"("max_age":100000000)"), std::string(R"("duplicate_window":100000000)"),
        std::string(R"("subjects":["$JS.EVENT.x","$SYS.ACCOUNT.y","a.*","b"])"), std::string(R"("subjects":[">"],"no_ack":true)"),
        std::string(R"("subjects":["$JS.API.>"],"no_ack":true)"),
        std::string(R"("discard_new_per_subject":true,"discard":"new","max_msgs_per_subject":1)"),
        std::string(R"("mirror":{"name":"a.b","external":{"api":"$JS.hub.API","deliver":""}})"),
        std::string(R"("mirror":{"name":"S","external":{"api":"$JS.hub.API","deliver":""}})")}) {
    CAPTURE(members.substr(0, 80));
    CHECK_FALSE(check(members));
  }
}

TEST_CASE("of two broken rules the earlier one is told") {
  struct Row {
    const char* members;
    const char* text;
  };
  const Row rows[] = {
      {R"("name":"A.B","num_replicas":9)", "stream name is required and can not contain '.', '*', '>'"},
      {R"("num_replicas":9,"max_age":5)", "maximum replicas is 5"},
      {R"("max_age":5,"deny_purge":true,"allow_rollup_hdrs":true)", "max age needs to be >= 100ms"},
      {R"("deny_purge":true,"allow_rollup_hdrs":true,"mirror":{"name":"O"},"subjects":["a"])", "roll-ups require the purge permission"},
      {R"("mirror":{"name":"O"},"first_seq":1,"subjects":["a"])", "stream mirrors can not have first sequence configured"},
      {R"("subjects":["a..b",">"])", "invalid subject"},
      {R"("subjects":["a","a"],"num_replicas":3)", "duplicate subjects detected"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.members);
    const ApiStatus failed = check(row.members);
    REQUIRE(failed);
    CHECK(failed->description == row.text);
  }
}

TEST_CASE("the window of a stream whose messages live shorter is as short") {
  StreamConfig config;
  CHECK_FALSE(check(R"("max_age":60000000000)", &config));
  CHECK(config.duplicate_window == 60s);
  CHECK_FALSE(check(R"("max_age":600000000000)", &config));
  CHECK(config.duplicate_window == 2min);
}

TEST_CASE("a stream without subjects takes its name for one") {
  StreamConfig config;
  CHECK_FALSE(check(R"("max_msgs":1)", &config));
  CHECK(config.subjects == std::vector<std::string>{"S"});
}

SCENARIO("a mirror looks at its origin where it can see it") {
  GIVEN("an origin that allows direct gets and messages of up to 1000 bytes, and a chain of mirrors") {
    StreamConfig origin;
    origin.name = "O";
    origin.allow_direct = true;
    origin.max_msg_size = 1000;
    StreamConfig middle;
    middle.name = "M";
    middle.mirror.emplace().name = "S";
    const StreamLookup streams = [&](std::string_view name) -> const StreamConfig* {
      return name == "O" ? &origin : name == "M" ? &middle : nullptr;
    };
    THEN("the mirror allows direct gets too") {
      StreamConfig config;
      CHECK_FALSE(check(R"("mirror":{"name":"O"})", &config, streams));
      CHECK(config.mirror_direct);
    }
    THEN("a mirror that could not take the origin's messages is refused") {
      CHECK(check(R"("mirror":{"name":"O"},"max_msg_size":999)", nullptr, streams)->err_code == 10030);
      CHECK_FALSE(check(R"("mirror":{"name":"O"},"max_msg_size":1000)", nullptr, streams));
    }
    THEN("a mirror that would lead back to itself is refused") {
      CHECK(check(R"("mirror":{"name":"M"})", nullptr, streams)->description == "detected cycle");
    }
    THEN("an origin elsewhere is not looked at") {
      CHECK_FALSE(check(R"("mirror":{"name":"M","external":{"api":"$JS.hub.API","deliver":""}})", nullptr, streams));
    }
  }
}

TEST_CASE("what the store enforces is taken from the configuration") {
  StreamConfig config;
  CHECK_FALSE(
      check(R"("max_msgs":1,"max_bytes":2,"max_msgs_per_subject":3,"max_age":400000000,"discard":"new","discard_new_per_subject":true)",
            &config));
  const StoreLimits limits = store_limits(config);
  CHECK(limits.max_msgs == 1);
  CHECK(limits.max_bytes == 2);
  CHECK(limits.max_msgs_per_subject == 3);
  CHECK(limits.max_age == 400ms);
  CHECK(limits.discard == Discard::new_messages);
  CHECK(limits.discard_new_per_subject);
}

TEST_CASE("the size of blocks follows from the limits") {
  struct Row {
    const char* members;
    std::uint64_t size;
  };
  const Row rows[] = {
      {R"("subjects":["a"])", 8'388'608},
      {R"("retention":"workqueue")", 4'194'304},
      {R"("max_msgs_per_subject":1)", 4'194'304},
      {R"("max_bytes":120000)", 32'000},
      {R"("max_bytes":1000000)", 4'194'304},
      {R"("max_bytes":100000000)", 8'388'608},
      {R"("max_msgs":1,"max_msg_size":100)", 32'000},
  };
  for (const Row& row : rows) {
    CAPTURE(row.members);
    StreamConfig config;
    CHECK_FALSE(check(row.members, &config));
    CHECK(block_size_for(config).value == row.size);
  }
}

}  // namespace
}  // namespace windtunnel::core
