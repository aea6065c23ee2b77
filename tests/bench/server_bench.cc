// Our server (`windtunnel serve`) and nats-server (WINDTUNNEL_NATS_SERVER, see tests/peers) side by side: each as a process of its
// own, on real files, driven over the loopback by the same client. Whoever runs first changes with each measurement's round;
// what is shown is the median of the rounds.
//
// Argument: --messages N (300,000; of the stream that is loaded and recovered).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "tests/bench/bench.h"
#include "tests/bench/scratch.h"
#include "tests/peers/live_server.h"
#include "tests/peers/nats_client.h"

using namespace windtunnel::tests;
namespace core = windtunnel::core;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kWindow = 4096;
constexpr std::uint64_t kLoads = 50'000;
constexpr std::uint64_t kQueued = 100'000;
constexpr int kRounds = 3;

constexpr const char* kStream = R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file"})";
constexpr const char* kQueue =
    R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file","retention":"workqueue","discard":"new","max_msgs":10000000,)"
    R"("max_msgs_per_subject":1,"discard_new_per_subject":true})";
constexpr const char* kWorker = R"({"stream_name":"ORDERS","config":{"durable_name":"w","ack_policy":"explicit","max_ack_pending":10000}})";

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class ServerBench {
 public:
  ServerBench(Bench& bench, std::uint64_t messages) : bench_(bench), messages_(messages) {
    programs_.push_back({.kind = ServerProgram::Kind::windtunnel, .path = WT_BINARY});
    if (const auto peer = ServerProgram::from_environment()) {
      programs_.push_back(*peer);
    } else {
      std::printf("no WINDTUNNEL_NATS_SERVER: ours alone\n");
    }
  }

  void run() {
    publish();
    load();
    starts("start of a stream with index.db", true);
    starts("start of a stream without index.db", false);
    drain();
    republish();
  }

 private:
  using Measure = std::function<double(const ServerProgram&)>;

  // `measure` gives a figure of one program; more is better unless `is_less_better`.
  void compare(const std::string& what, const char* unit, bool is_less_better, const Measure& measure, int rounds = kRounds) {
    std::vector<std::vector<double>> figures(programs_.size());
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < programs_.size(); ++i) {
        const std::size_t at = round % 2 == 0 ? i : programs_.size() - 1 - i;
        figures[at].push_back(measure(programs_[at]));
      }
    }
    const double ours = median(figures[0]);
    bench_.figure(what, ours, unit);
    if (programs_.size() < 2) return;
    const double theirs = median(figures[1]);
    bench_.figure("  nats-server", theirs, unit);
    bench_.figure("  ratio", is_less_better ? theirs / ours : ours / theirs, "x as good");
  }

  std::unique_ptr<LiveServer> fresh(const ServerProgram& program) {
    return LiveServer::start(program, scratch_.fresh("store"), scratch_.fresh("server"));
  }

  void publish() {
    compare("publish 128 B, 4096 acks awaited", "messages/s", false, [&](const ServerProgram& program) {
      const auto server = fresh(program);
      NatsClient client{server->port()};
      client.request("$JS.API.STREAM.CREATE.ORDERS", kStream);
      const auto begin = Clock::now();
      client.publish("orders.0", payload_, messages_, kWindow);
      const double rate = static_cast<double>(messages_) / seconds_since(begin);
      server->stop();
      return rate;
    });
    compare("memory with 100,000 messages of 128 B", "MiB", true, [&](const ServerProgram& program) {
      const auto server = fresh(program);
      NatsClient client{server->port()};
      client.request("$JS.API.STREAM.CREATE.ORDERS", kStream);
      client.publish("orders.0", payload_, 100'000, kWindow);
      return static_cast<double>(server->resident()) / (1024 * 1024);
    });
  }

  // The stream that is loaded from: each program has written its own.
  void prepare() {
    for (const ServerProgram& program : programs_) {
      roots_.push_back(scratch_.fresh("stream"));
      const auto server = LiveServer::start(program, roots_.back(), scratch_.fresh("server"));
      NatsClient client{server->port()};
      client.request("$JS.API.STREAM.CREATE.ORDERS", kStream);
      for (int i = 0; i < 16; ++i) client.publish("orders." + std::to_string(i), payload_, messages_ / 16, kWindow);
      server->stop();
    }
  }
  [[nodiscard]] const std::string& root_of(const ServerProgram& program) const { return roots_[program.path == programs_[0].path ? 0 : 1]; }

  void load() {
    prepare();
    core::Random random{core::Seed{7}};
    std::vector<std::uint64_t> seqs(kLoads);
    for (std::uint64_t& seq : seqs) seq = 1 + random.below(messages_ / 16 * 16);
    compare("random STREAM.MSG.GET, 256 at a time", "messages/s", false, [&](const ServerProgram& program) {
      const auto server = LiveServer::start(program, root_of(program), scratch_.fresh("server"));
      NatsClient client{server->port()};
      const auto begin = Clock::now();
      client.request_many(
          "$JS.API.STREAM.MSG.GET.ORDERS", [&](std::uint64_t i) { return "{\"seq\":" + std::to_string(seqs[i]) + "}"; }, kLoads, 256);
      const double rate = static_cast<double>(kLoads) / seconds_since(begin);
      server->stop();
      return rate;
    });
  }

  // From the start of the process to the answer to STREAM.INFO.
  void starts(const std::string& what, bool has_index) {
    compare(what, "ms", true, [&](const ServerProgram& program) {
      if (!has_index) std::filesystem::remove(root_of(program) + "/jetstream/$G/streams/ORDERS/msgs/index.db");
      const auto begin = Clock::now();
      const auto server = LiveServer::start(program, root_of(program), scratch_.fresh("server"));
      NatsClient client{server->port()};
      const std::string info = client.request("$JS.API.STREAM.INFO.ORDERS", "");
      const double taken = seconds_since(begin) * 1e3;
      if (info.find("\"messages\":" + std::to_string(messages_ / 16 * 16) + ",") == std::string::npos)
        throw std::runtime_error("messages are missing: " + info);
      if (has_index) server->stop();
      return taken;
    });
  }

  std::unique_ptr<LiveServer> with_queue(const ServerProgram& program) {
    auto server = fresh(program);
    NatsClient client{server->port()};
    client.request("$JS.API.STREAM.CREATE.ORDERS", kQueue);
    client.request("$JS.API.CONSUMER.DURABLE.CREATE.ORDERS.w", kWorker);
    client.publish_each("orders.", payload_, kQueued, kWindow);
    return server;
  }

  void drain() {
    compare("work queue of 100,000: pull and ack", "messages/s", false, [&](const ServerProgram& program) {
      const auto server = with_queue(program);
      NatsClient client{server->port()};
      const auto begin = Clock::now();
      client.drain("ORDERS", "w", kQueued, 500);
      const double rate = static_cast<double>(kQueued) / seconds_since(begin);
      server->stop();
      return rate;
    });
  }

  void republish() {
    compare("work queue of 100,000: fetch, confirmed ack, republish", "messages/s", false, [&](const ServerProgram& program) {
      const auto server = with_queue(program);
      NatsClient client{server->port()};
      const auto begin = Clock::now();
      client.republish("ORDERS", "w", kQueued, 500);
      const double rate = static_cast<double>(kQueued) / seconds_since(begin);
      server->stop();
      return rate;
    });
  }

  Bench& bench_;
  const std::uint64_t messages_;
  std::vector<ServerProgram> programs_;  // ours first
  std::vector<std::string> roots_;
  Scratch scratch_;
  const std::string payload_ = std::string(128, 'x');
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t messages = 300'000;
  if (argc == 3 && std::string_view{argv[1]} == "--messages") {
    messages = std::max<std::uint64_t>(16, std::strtoull(argv[2], nullptr, 10));
    argc = 1;
  }
  Bench bench{argc, argv};
  try {
    ServerBench{bench, messages}.run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "server_bench: %s\n", failure.what());
    return 1;
  }
  return bench.finish();
}
