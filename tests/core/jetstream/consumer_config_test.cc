#include "core/jetstream/consumer_config.h"

#include <doctest/doctest.h>

#include "core/base/json_writer.h"
#include "core/jetstream/stream_config.h"

namespace windtunnel::core {
namespace {

using namespace std::chrono_literals;

StreamConfig stream_with(const std::string& members = R"("subjects":["s.>"])") {
  const Result<StreamConfig> parsed = parse_stream_config(R"({"name":"S",)" + members + "}");
  REQUIRE(parsed);
  StreamConfig config;
  REQUIRE_FALSE(normalise(
      *parsed, [](std::string_view) -> const StreamConfig* { return nullptr; }, config));
  return config;
}

ConsumerConfig parsed(const std::string& members) {
  const Result<ConsumerRequest> request = parse_consumer_request(R"({"stream_name":"S","config":{)" + members + "}}");
  REQUIRE_MESSAGE(request, members);
  return request->config;
}

std::string json_of(const ConsumerConfig& config) {
  JsonWriter json;
  json.begin_object();
  write_consumer_config_fields(json, config);
  return json.end_object().take();
}

TEST_CASE("a pull consumer that says little is filled with nats-server's defaults, and shown in its order") {
  ConsumerConfig config = parsed(R"("durable_name":"d1","ack_policy":"explicit")");
  CHECK_FALSE(normalise(config, stream_with()));
  // From the recorded answer to the same request (consumer.jsonl).
  CHECK(
      json_of(config) ==
      R"({"durable_name":"d1","deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"num_replicas":0})");
}

TEST_CASE("an ephemeral push consumer without acknowledgements has a threshold, and no limit of pending ones") {
  ConsumerConfig config = parsed(R"("deliver_subject":"push.e","ack_policy":"none","max_deliver":1)");
  CHECK_FALSE(normalise(config, stream_with()));
  set_inactive_threshold(config, config.is_durable());
  CHECK(
      json_of(config) ==
      R"({"deliver_policy":"all","ack_policy":"none","max_deliver":1,"replay_policy":"instant","deliver_subject":"push.e","inactive_threshold":5000000000,"num_replicas":0})");
}

TEST_CASE("everything that a consumer can say is shown, and reads back as itself") {
  const std::string members =
      R"("durable_name":"d","name":"d","description":"x","deliver_policy":"by_start_sequence","opt_start_seq":3,"ack_policy":"all","ack_wait":1000000000,"max_deliver":4,"backoff":[1000000000,2000000000],"filter_subjects":["a","b"],"replay_policy":"original","rate_limit_bps":8000,"sample_freq":"50%","max_ack_pending":7,"idle_heartbeat":200000000,"flow_control":true,"headers_only":true,"deliver_subject":"p","deliver_group":"g","inactive_threshold":9000000000,"num_replicas":1,"mem_storage":true,"metadata":{"k":"v"})";
  ConsumerConfig config = parsed(members);
  CHECK_FALSE(normalise(config, stream_with()));
  CHECK(json_of(config) == "{" + members + "}");
}

TEST_CASE("the stream's consumer limits are its consumers' defaults") {
  ConsumerConfig config = parsed(R"("durable_name":"d","ack_policy":"explicit")");
  CHECK_FALSE(normalise(config, stream_with(R"("consumer_limits":{"inactive_threshold":7000000000,"max_ack_pending":20})")));
  CHECK(config.max_ack_pending == 20);
  CHECK(config.inactive_threshold == 7s);
}

TEST_CASE("backoff sets the ack wait") {
  ConsumerConfig config =
      parsed(R"("durable_name":"d","ack_policy":"explicit","ack_wait":9000000000,"backoff":[100000000,300000000],"max_deliver":4)");
  CHECK_FALSE(normalise(config, stream_with()));
  CHECK(config.ack_wait == 100ms);
}

TEST_CASE("what is no request is no JSON for the API") {
  for (const char* json :
       {"", "[]", "{bad", R"({"stream_name":7})", R"({"action":"destroy"})", R"({"config":7})", R"({"config":{"ack_policy":"weird"}})",
        R"({"config":{"deliver_policy":"first"}})", R"({"config":{"backoff":["1s"]}})", R"({"config":{"opt_start_time":"noon"}})",
        R"({"config":{"opt_start_seq":-1}})", R"({"config":{"metadata":[]}})"}) {
    CAPTURE(json);
    CHECK_FALSE(parse_consumer_request(json));
  }
  CHECK(parse_consumer_request(R"({"config":{"deliver_policy":"undefined"}})")->config.deliver_policy == DeliverPolicy::all);
  CHECK(parse_consumer_request(R"({"action":"update"})")->action == ConsumerRequest::Action::update);
}

TEST_CASE("a file's name stands in where the configuration has none") {
  std::string created;
  const Result<ConsumerConfig> ephemeral =
      parse_consumer_config(R"({"Created":"2024-01-01T00:00:00Z","Name":"Ab3dE6gH","ack_policy":"none"})", &created);
  REQUIRE(ephemeral);
  CHECK(ephemeral->name == "Ab3dE6gH");
  CHECK(created == "2024-01-01T00:00:00Z");
  CHECK(parse_consumer_config(R"({"Name":"d","durable_name":"d"})")->name.empty());
}

TEST_CASE("each rule of a consumer has its code and its text") {
  struct Row {
    const char* members;
    int err_code;
    const char* text;
  };
  const std::string long_description = R"("description":")" + std::string(4097, 'd') + "\"";
  const std::string large_metadata = R"("metadata":{"k":")" + std::string(131'072, 'v') + "\"}";
  const Row rows[] = {
      {R"("num_replicas":2)", 10126, "consumer config replica count exceeds parent stream"},
      {R"("num_replicas":-1)", 10133, "replicas count cannot be negative"},
      {R"("backoff":[1000000000,2000000000],"max_deliver":1)", 10116, "max deliver is required to be > length of backoff values"},
      {long_description.c_str(), 10107, "consumer description is too long, maximum allowed is 4096"},
      {R"("deliver_subject":"a.*")", 10079, "consumer deliver subject has wildcards"},
      {R"("deliver_subject":"a..b")", 10112, "invalid push consumer deliver subject"},
      {R"("deliver_subject":"s.loop")", 10081, "consumer deliver subject forms a cycle"},
      {R"("deliver_subject":"x","max_waiting":5)", 10080, "consumer in push mode can not set max waiting"},
      {R"("deliver_subject":"x","max_ack_pending":5)", 10082, "consumer requires ack policy for max ack pending"},
      {R"("deliver_subject":"x","idle_heartbeat":99999999)", 10083, "consumer idle heartbeat needs to be >= 100ms"},
      {R"("rate_limit_bps":1)", 10086, "consumer in pull mode can not have rate limit set"},
      {R"("max_waiting":-1)", 10087, "consumer max waiting needs to be positive"},
      {R"("idle_heartbeat":1000000000)", 10088, "consumer idle heartbeat requires a push based consumer"},
      {R"("flow_control":true)", 10089, "consumer flow control requires a push based consumer"},
      {R"("max_batch":-1)", 10114, "consumer max request batch needs to be > 0"},
      {R"("max_expires":999999)", 10115, "consumer max request expires needs to be >= 1ms"},
      {R"("direct":true)", 10090, "consumer direct requires a push based consumer"},
      {R"("direct":true,"deliver_subject":"x","durable_name":"d")", 10091, "consumer direct requires an ephemeral consumer"},
      {R"("filter_subject":"a","filter_subjects":["b"])", 10136, "consumer cannot have both FilterSubject and FilterSubjects specified"},
      {R"("filter_subject":"a..b")", 10052, "invalid subject"},
      {R"("filter_subjects":["a",""])", 10139, "consumer filter in FilterSubjects cannot be empty"},
      {R"("filter_subjects":["a.>","a.b"])", 10138, "consumer subject filters cannot overlap"},
      {R"("opt_start_seq":3)", 10094, "consumer delivery policy is deliver all, but optional start sequence is also set"},
      {R"("deliver_policy":"last","opt_start_time":"2024-01-01T00:00:00Z")", 10094,
       "consumer delivery policy is deliver last, but optional start time is also set"},
      {R"("deliver_policy":"new","opt_start_seq":1)", 10094,
       "consumer delivery policy is deliver new, but optional start sequence is also set"},
      {R"("deliver_policy":"by_start_sequence")", 10094,
       "consumer delivery policy is deliver by start sequence, but optional start sequence is not set"},
      {R"("deliver_policy":"by_start_sequence","opt_start_seq":1,"opt_start_time":"2024-01-01T00:00:00Z")", 10094,
       "consumer delivery policy is deliver by start sequence, but optional start time is also set"},
      {R"("deliver_policy":"by_start_time")", 10094,
       "consumer delivery policy is deliver by start time, but optional start time is not set"},
      {R"("deliver_policy":"by_start_time","opt_start_seq":1,"opt_start_time":"2024-01-01T00:00:00Z")", 10094,
       "consumer delivery policy is deliver by start time, but optional start start sequence is also set"},
      {R"("deliver_policy":"last_per_subject")", 10094,
       "consumer delivery policy is deliver last per subject, but optional filter subject is not set"},
      {R"("sample_freq":"often")", 10095,
       "failed to parse consumer sampling configuration: strconv.Atoi: parsing \"often\": invalid syntax"},
      {R"("deliver_subject":"x","flow_control":true)", 10108, "consumer with flow control also needs heartbeats"},
      {R"("durable_name":"a","name":"b")", 10132, "Consumer Durable and Name have to be equal if both are provided"},
      {large_metadata.c_str(), 10135, "consumer metadata exceeds maximum size of 128KB"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.members).substr(0, 90));
    ConsumerConfig config = parsed(row.members);
    const ApiStatus failed = normalise(config, stream_with());
    REQUIRE(failed);
    CHECK(failed->err_code == row.err_code);
    CHECK(failed->description == row.text);
  }
}

TEST_CASE("a stream's retention and limits bind its consumers") {
  ConsumerConfig none = parsed(R"("durable_name":"d")");
  CHECK(normalise(none, stream_with(R"("retention":"workqueue")"))->err_code == 10084);
  const StreamConfig limited = stream_with(R"("consumer_limits":{"inactive_threshold":7000000000,"max_ack_pending":20})");
  ConsumerConfig many = parsed(R"("ack_policy":"explicit","max_ack_pending":21)");
  CHECK(normalise(many, limited)->description == "consumer max ack pending exceeds system limit of 20");
  ConsumerConfig slow = parsed(R"("ack_policy":"explicit","inactive_threshold":8000000000)");
  CHECK(normalise(slow, limited)->description == "consumer inactive threshold exceeds system limit of 7s");
}

TEST_CASE("of two broken rules the earlier one is told") {
  ConsumerConfig config = parsed(R"("durable_name":"a","name":"b","idle_heartbeat":1000000000)");
  CHECK(normalise(config, stream_with())->err_code == 10088);
  ConsumerConfig other = parsed(R"("filter_subject":"a..b","opt_start_seq":1,"description":"x")");
  CHECK(normalise(other, stream_with())->err_code == 10052);
}

TEST_CASE("names have their rules") {
  ConsumerConfig durable = parsed(R"("durable_name":"d")");
  CHECK_FALSE(check_consumer_name(durable, std::string(255, 'n')));
  CHECK(check_consumer_name(durable, std::string(256, 'n'))->err_code == 10102);
  for (const char* name : {"", "a.b", "a*", "a>", "a b", "a\tb"}) {
    CAPTURE(name);
    CHECK(check_consumer_name(durable, name)->err_code == 10103);
  }
  CHECK(check_consumer_name(durable, "a/b")->err_code == 10127);
}

TEST_CASE("the sample frequency is a percentage, with or without its sign") {
  CHECK(sample_percent(parsed(R"("sample_freq":"30%")")) == 30);
  CHECK(sample_percent(parsed(R"("sample_freq":"30")")) == 30);
  CHECK(sample_percent(parsed(R"("description":"")")) == 0);
}

}  // namespace
}  // namespace windtunnel::core
