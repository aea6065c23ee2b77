// The file store on real files, beside nats-server where there is one (WINDTUNNEL_NATS_SERVER, see tests/peers).
//
// What is compared, and how fairly: recovery is measured alike, ours from the call to open the store to its return, the
// server's by its own log line "Restored ... in", over the same files. All else of the server goes through its protocol on
// a loopback connection with requests in flight, and its figures hold that cost too; ours are calls of the store. Those
// ratios say how much of a server's time is left for everything else, not who is faster.
//
// Argument: --messages N (1,000,000).
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "reports/inspect.h"
#include "tests/bench/bench.h"
#include "tests/peers/nats_server.h"
#include "tests/peers/our_store.h"

using namespace windtunnel;
using namespace windtunnel::tests;
using core::Seq;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLoads = 200'000;
constexpr std::uint64_t kQueued = 200'000;
constexpr std::size_t kPayload = 128;
constexpr std::uint64_t kWindow = 4096;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

core::WallTime now() {
  return core::WallTime{std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

// Directories below one that goes at the end.
class Scratch {
 public:
  Scratch() : root_((fs::temp_directory_path() / "windtunnel-bench-XXXXXX").string()) {
    if (::mkdtemp(root_.data()) == nullptr) throw std::runtime_error("no temporary directory");
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string fresh(const std::string& name) {
    const fs::path path = fs::path(root_) / (std::to_string(++made_) + "-" + name);
    fs::create_directories(path);
    return path.string();
  }

 private:
  std::string root_;
  int made_ = 0;
};

constexpr const char* kStream = R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file"})";
constexpr const char* kQueue = R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file","retention":"workqueue"})";

// A rate of ours, and the server's, and their ratio.
void show(Bench& bench, const std::string& what, double ours, std::optional<double> server, const char* unit, bool is_less_better) {
  bench.figure(what, ours, unit);
  if (!server) return;
  if (*server == 0) {  // it rounds to milliseconds
    std::printf("%-48s %12s\n", "  nats-server", "under 500 us");
    return;
  }
  bench.figure("  nats-server", *server, unit);
  const double ratio = is_less_better ? *server / ours : ours / *server;
  std::printf("%-48s %12.3g x as fast\n", "  ratio", ratio);
}

// "Restored 1,000,000 messages for stream '$G > ORDERS' in 1.234s", in microseconds.
double restored_us(const std::string& log) {
  static const std::regex line{R"(Restored [0-9,]+ messages for stream '[^']*' in (?:([0-9]+)m(?![s]))?([0-9.]+)(s|ms|µs|ns))"};
  std::smatch found;
  if (!std::regex_search(log, found, line)) throw std::runtime_error("nats-server did not say how long it took: " + log);
  const double minutes = found[1].matched ? std::stod(found[1]) : 0;
  const std::string unit = found[3];
  const double factor = unit == "s" ? 1e6 : unit == "ms" ? 1e3 : unit == "ns" ? 1e-3 : 1;
  return minutes * 60e6 + std::stod(found[2]) * factor;
}

class StoreBench {
 public:
  StoreBench(Bench& bench, std::uint64_t messages) : bench_(bench), messages_(messages) {
    const char* program = std::getenv("WINDTUNNEL_NATS_SERVER");
    if (program != nullptr && *program != '\0') program_ = program;
    if (!program_) std::printf("no WINDTUNNEL_NATS_SERVER: ours alone\n");
  }

  void run() {
    append();
    load();
    look();
    recover("recovery with index.db", true);
    recover("recovery without index.db", false);
    drain();
  }

 private:
  void append() {
    root_ = scratch_.fresh("store");
    OurStore store{root_, kStream, now()};
    const std::string payload(kPayload, 'x');
    const auto begin = Clock::now();
    for (std::uint64_t i = 0; i < messages_; ++i) store.put(subjects_[i % 16], payload);
    const double ours = static_cast<double>(messages_) / seconds_since(begin);
    store.stop();
    std::optional<double> server;
    if (program_) {
      const auto peer = NatsServer::start(*program_, scratch_.fresh("server-store"), scratch_.fresh("server"));
      NatsClient client{peer->port()};
      client.request("$JS.API.STREAM.CREATE.ORDERS", kStream);
      const std::uint64_t count = std::min<std::uint64_t>(messages_, 300'000);
      const auto start = Clock::now();
      client.publish("orders.0", payload, count, kWindow);
      server = static_cast<double>(count) / seconds_since(start);
      peer->stop();
    }
    show(bench_, "append 128 B (server: publish, acked)", ours, server, "messages/s", false);
  }

  // Sequences in an order of chance, the same for both.
  [[nodiscard]] std::vector<std::uint64_t> some_seqs() const {
    core::Random random{core::Seed{7}};
    std::vector<std::uint64_t> seqs(kLoads);
    for (std::uint64_t& seq : seqs) seq = 1 + random.below(messages_);
    return seqs;
  }

  void load() {
    const std::vector<std::uint64_t> seqs = some_seqs();
    OurStore store{root_, kStream, now()};
    const auto begin = Clock::now();
    for (const std::uint64_t seq : seqs) {
      const auto message = store.stream().load(Seq{seq});
      if (!message) throw std::runtime_error(message.error().text());
      keep(*message);
    }
    const double ours = static_cast<double>(kLoads) / seconds_since(begin);
    store.stop();
    std::optional<double> server;
    if (program_) {
      const auto peer = NatsServer::start(*program_, root_, scratch_.fresh("server"));
      NatsClient client{peer->port()};
      const std::uint64_t count = kLoads / 4;
      const auto start = Clock::now();
      client.request_many(
          "$JS.API.STREAM.MSG.GET.ORDERS", [&](std::uint64_t i) { return "{\"seq\":" + std::to_string(seqs[i]) + "}"; }, count, 256);
      server = static_cast<double>(count) / seconds_since(start);
      peer->stop();
    }
    show(bench_, "random load (server: STREAM.MSG.GET)", ours, server, "messages/s", false);
  }

  // What `inspect --json --messages` does.
  void look() {
    auto disk = core::PosixDisk::open(root_, core::PosixDisk::Access::read_only);
    if (!disk) throw std::runtime_error(disk.error().text());
    const reports::InspectOptions options{.at = std::nullopt, .with_messages = true, .with_consumers = true};
    std::uint64_t bytes = 0;
    const auto writer = reports::inspect_json([&](std::string_view text) { bytes += text.size(); }, options, "bench");
    const auto begin = Clock::now();
    const auto totals = reports::inspect(**disk, "jetstream", "jetstream", options, *writer);
    if (!totals || totals->damages != 0) throw std::runtime_error("the store is damaged");
    bench_.figure("inspect with every message", seconds_since(begin) * 1e6, "us");
  }

  void recover(const std::string& what, bool has_index) {
    const fs::path index = fs::path(root_) / "jetstream/$G/streams/ORDERS/msgs/index.db";
    if (!has_index) fs::remove(index);
    std::vector<double> times;
    for (int round = 0; round < 3; ++round) {
      const auto begin = Clock::now();
      OurStore store{root_, kStream, now()};
      times.push_back(seconds_since(begin) * 1e6);
      if (store.stream().state().messages != messages_) throw std::runtime_error("messages are missing");
      store.kill();
    }
    std::sort(times.begin(), times.end());
    std::optional<double> server;
    if (program_) {
      const auto peer = NatsServer::start(*program_, root_, scratch_.fresh("server"));
      server = restored_us(peer->log());
      peer->stop();
    }
    show(bench_, what, times[1], server, "us", true);
  }

  void drain() {
    const std::string payload(kPayload, 'x');
    OurStore store{scratch_.fresh("queue"), kQueue, now()};
    for (std::uint64_t i = 0; i < kQueued; ++i) store.put(subjects_[i % 16], payload);
    const auto begin = Clock::now();
    for (std::uint64_t seq = 1; seq <= kQueued; ++seq) {
      if (!store.stream().load(Seq{seq})) throw std::runtime_error("a message is missing");
      if (!store.stream().remove(Seq{seq}, false)) throw std::runtime_error("a message cannot be removed");
    }
    const double ours = static_cast<double>(kQueued) / seconds_since(begin);
    store.stop();
    std::optional<double> server;
    if (program_) {
      const auto peer = NatsServer::start(*program_, scratch_.fresh("server-queue"), scratch_.fresh("server"));
      NatsClient client{peer->port()};
      client.request("$JS.API.STREAM.CREATE.ORDERS", kQueue);
      client.request("$JS.API.CONSUMER.DURABLE.CREATE.ORDERS.w",
                     R"({"stream_name":"ORDERS","config":{"durable_name":"w","ack_policy":"explicit","max_ack_pending":10000}})");
      client.publish("orders.0", payload, kQueued, kWindow);
      const auto start = Clock::now();
      client.drain("ORDERS", "w", kQueued, 500);
      server = static_cast<double>(kQueued) / seconds_since(start);
      peer->stop();
    }
    show(bench_, "workqueue drain (server: pull and ack)", ours, server, "messages/s", false);
  }

  Bench& bench_;
  const std::uint64_t messages_;
  std::optional<std::string> program_;
  Scratch scratch_;
  std::string root_;
  const std::vector<std::string> subjects_ = [] {
    std::vector<std::string> out;
    for (int i = 0; i < 16; ++i) out.push_back("orders." + std::to_string(i));
    return out;
  }();
};

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t messages = 1'000'000;
  if (argc == 3 && std::string_view{argv[1]} == "--messages") {
    messages = std::max<std::uint64_t>(1, std::strtoull(argv[2], nullptr, 10));
    argc = 1;
  }
  Bench bench{argc, argv};
  try {
    StoreBench{bench, messages}.run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "store_bench: %s\n", failure.what());
    return 1;
  }
  return bench.finish();
}
