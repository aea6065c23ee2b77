// The file store on real files. Recovery is compared with nats-server's where there is one (WINDTUNNEL_NATS_SERVER, see
// tests/peers): ours from the call to open the store to its return, the server's by its own log line "Restored ... in", over the same
// files. All else are calls of the store; what a client sees of it is measured by server_bench.
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
#include "tests/bench/scratch.h"
#include "tests/peers/live_server.h"
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

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

core::WallTime now() {
  return core::WallTime{std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

constexpr const char* kStream = R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file"})";
constexpr const char* kQueue = R"({"name":"ORDERS","subjects":["orders.>"],"storage":"file","retention":"workqueue"})";

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
    bench_.figure("append 128 B", ours, "messages/s");
  }

  // Sequences in an order of chance.
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
    bench_.figure("random load", ours, "messages/s");
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
    bench_.figure(what, times[1], "us");
    if (!program_) return;
    const auto peer = LiveServer::start(*program_, root_, scratch_.fresh("server"));
    const double server = restored_us(peer->log());
    peer->stop();
    if (server == 0) {  // it rounds to milliseconds
      std::printf("%-56s %12s\n", "  nats-server", "under 500 us");
      return;
    }
    bench_.figure("  nats-server", server, "us");
    bench_.figure("  ratio", server / times[1], "x as fast");
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
    bench_.figure("load and remove, in order", ours, "messages/s");
  }

  Bench& bench_;
  const std::uint64_t messages_;
  const std::optional<ServerProgram> program_ = ServerProgram::from_environment();
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
