// A whole JetStream with a stream and two consumers, and clients that ask it anything: the input is a list of messages to subjects of the
// API, of the stream, of acknowledgements. It must neither crash nor hang; each answer of the API is one JSON object with its type, and a
// stream that answers for itself counts what it has.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/assert.h"
#include "core/env/env.h"
#include "core/fiber/runtime.h"
#include "core/jetstream/jetstream.h"
#include "core/nats/headers.h"
#include "core/server/server.h"
#include "core/store/codec.h"
#include "tests/support/fake_env.h"

using namespace windtunnel;
using namespace windtunnel::core;

namespace {

class InTurn final : public Schedule {
 public:
  std::size_t pick(std::size_t ready) override { return turn_++ % ready; }
  void running(std::uint64_t) override {}
  Instant idle(Instant next) override { return next; }

 private:
  std::size_t turn_ = 0;
};

class RuntimeClock final : public Clock {
 public:
  explicit RuntimeClock(const Runtime& runtime) : runtime_(runtime) {}
  [[nodiscard]] Instant now() const override { return runtime_.now(); }
  [[nodiscard]] WallTime wall_now() const override { return WallTime{1'704'067'200'000'000'000} + runtime_.now().time_since_epoch(); }

 private:
  const Runtime& runtime_;
};

constexpr std::string_view kSubjects[] = {"$JS.API.INFO",
                                          "$JS.API.STREAM.CREATE.S",
                                          "$JS.API.STREAM.CREATE.T",
                                          "$JS.API.STREAM.UPDATE.S",
                                          "$JS.API.STREAM.INFO.S",
                                          "$JS.API.STREAM.NAMES",
                                          "$JS.API.STREAM.LIST",
                                          "$JS.API.STREAM.DELETE.S",
                                          "$JS.API.STREAM.PURGE.S",
                                          "$JS.API.STREAM.SNAPSHOT.S",
                                          "$JS.API.STREAM.RESTORE.T",
                                          "$JS.API.STREAM.MSG.GET.S",
                                          "$JS.API.STREAM.MSG.DELETE.S",
                                          "$JS.API.STREAM.TEMPLATE.CREATE.T",
                                          "$JS.API.STREAM.TEMPLATE.NAMES",
                                          "$JS.API.CONSUMER.CREATE.S",
                                          "$JS.API.CONSUMER.CREATE.S.d",
                                          "$JS.API.CONSUMER.CREATE.S.d.s.a",
                                          "$JS.API.CONSUMER.DURABLE.CREATE.S.c",
                                          "$JS.API.CONSUMER.DURABLE.CREATE.S.d",
                                          "$JS.API.CONSUMER.INFO.S.c",
                                          "$JS.API.CONSUMER.NAMES.S",
                                          "$JS.API.CONSUMER.LIST.S",
                                          "$JS.API.CONSUMER.DELETE.S.c",
                                          "$JS.API.CONSUMER.MSG.NEXT.S.c",
                                          "$JS.API.DIRECT.GET.S",
                                          "$JS.API.DIRECT.GET.S.s.a",
                                          "$JS.ACK.S.c.1.1.1.1700000000000000000.0",
                                          "$JS.ACK.S.c.1.2.2.1700000000000000000.0",
                                          "$JS.ACK.S.c.1.3.3.1700000000000000000.0",
                                          "s.a",
                                          "s.b"};

class World {
 public:
  World() : server_(env_, config()), jetstream_(env_, server_, {.domain = {}, .server_name = "fuzz"}) {
    server_.subscribe("answer.api", "", [this](const MessageView& message, bool) { heard(message); });
    // A pull request that waits may be told of an end by any request that comes later.
    server_.subscribe("answer.pull", "", [](const MessageView&, bool) {});
    server_.subscribe("deliver.>", "", [](const MessageView&, bool) {});
    tasks_.spawn("start", [this] { WT_ASSERT(jetstream_.start().has_value()); });
    pass(std::chrono::milliseconds{1});
  }
  ~World() { tasks_.kill(); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void say(std::string_view subject, std::string_view headers, std::string_view body) {
    const bool is_api =
        subject.starts_with("$JS.API.") && !subject.starts_with("$JS.API.CONSUMER.MSG.") && !subject.starts_with("$JS.API.DIRECT.");
    answers_ = 0;
    server_.publish(MessageView{.subject = subject, .reply = is_api ? "answer.api" : "answer.pull", .headers = headers, .payload = body});
    pass(std::chrono::milliseconds{2});
    WT_ASSERT(answers_ <= 1);
  }
  void pass(Duration time) { runtime_.run_until(after(runtime_.now(), time)); }
  void check() {
    Stream* const stream = jetstream_.stream("S");
    if (stream == nullptr) return;
    const StreamState state = stream->store().state();
    std::uint64_t live = 0;
    for (const auto& [subject, count] : stream->store().subject_counts("")) live += count;
    if (live > 0) WT_ASSERT(live == state.messages);
    WT_ASSERT(state.messages == 0 || state.first_seq <= state.last_seq);
  }
  void stop() {
    tasks_.spawn("stop", [this] { jetstream_.stop(); });
    pass(std::chrono::seconds{5});
  }

 private:
  static ServerConfig config() {
    ServerConfig config;
    config.name = "fuzz";
    return config;
  }
  void heard(const MessageView& message) {
    ++answers_;
    const auto json = nlohmann::json::parse(message.payload, nullptr, false);
    WT_ASSERT(json.is_object());
    WT_ASSERT(json.contains("type"));
  }

  InTurn schedule_;
  Runtime runtime_{schedule_};
  TaskGroup tasks_{runtime_, "fuzz"};
  RuntimeClock clock_{runtime_};
  tests::MemoryDisk disk_;
  tests::FakeNetwork network_;
  tests::FakeLog log_;
  Defects defects_;
  Env env_{clock_, disk_, network_, tasks_, log_, Random{Seed{1}}, defects_};
  Server server_;
  JetStream jetstream_;
  int answers_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kMessagesMax = 12;
  ByteReader in{{reinterpret_cast<const char*>(data), size}};
  const std::uint8_t mode = in.byte();
  World world;
  const std::string storage = (mode & 1u) != 0 ? "file" : "memory";
  world.say("$JS.API.STREAM.CREATE.S", {},
            R"({"name":"S","subjects":["s.*"],"allow_direct":true,"allow_rollup_hdrs":true,"storage":")" + storage + "\"}");
  world.say("$JS.API.CONSUMER.DURABLE.CREATE.S.c", {},
            R"({"stream_name":"S","config":{"durable_name":"c","ack_policy":"explicit","max_deliver":2,"ack_wait":1000000}})");
  world.say("$JS.API.CONSUMER.DURABLE.CREATE.S.p", {},
            R"({"stream_name":"S","config":{"durable_name":"p","ack_policy":"all","deliver_subject":"deliver.p"}})");
  for (const char* const subject : {"s.a", "s.b", "s.a"}) world.say(subject, {}, "x");
  for (int i = 0; i < kMessagesMax && !in.rest().empty(); ++i) {
    const std::string_view subject = kSubjects[in.byte() % std::size(kSubjects)];
    const std::uint8_t shape = in.byte();
    const auto take = [&](std::size_t most) { return in.take(std::min(most, in.rest().size())); };
    std::string headers;
    if ((shape & 1u) != 0) {
      headers = "NATS/1.0\r\n";
      headers += take(in.rest().empty() ? 0 : in.byte() % 64u);
      headers += "\r\n\r\n";
    }
    const std::size_t length = in.rest().empty() ? 0 : in.byte() + ((shape & 2u) != 0 && !in.rest().empty() ? 256u * (in.byte() % 4u) : 0u);
    world.say(subject, headers, take(length));
    if ((shape & 4u) != 0) world.pass(std::chrono::milliseconds{shape});
    world.check();
  }
  world.stop();
  return 0;
}
