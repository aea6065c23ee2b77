// The work queue loop (fetch, confirmed ack in random order within the oldest thousand, publish to the subject again) with ever more
// messages in the queue: what one loop costs the server must not depend on how many there are. `windtunnel serve` as a process, real
// files, one message a subject; measured is the processor time that the server itself uses, user and system, so that neither the client
// nor what else the machine does counts.
//
// Arguments: --loops N (60,000; a round), --messages N,... (10,000, 100,000 and 1,000,000; the first is what the others are compared to).
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/nats/parser.h"
#include "tests/bench/bench.h"
#include "tests/bench/scratch.h"
#include "tests/peers/live_server.h"
#include "tests/peers/nats_client.h"
#include "tests/support/tcp_peer.h"

using namespace windtunnel::tests;
namespace core = windtunnel::core;

namespace {

constexpr double kRatioMax = 1.25;
constexpr int kRounds = 5;
constexpr std::uint64_t kWindow = 1000;
constexpr std::uint64_t kUnderWay = 64;  // jobs between their ack and the answer to their publish
constexpr const char* kQueue =
    R"({"name":"JOBS","subjects":["jobs.*"],"storage":"file","retention":"workqueue","discard":"new","max_msgs":10000000,)"
    R"("max_msgs_per_subject":1,"discard_new_per_subject":true})";
constexpr const char* kWorker = R"({"stream_name":"JOBS","config":{"durable_name":"w","ack_policy":"explicit","max_ack_pending":10000}})";

double processor_seconds(pid_t pid) {
  std::ostringstream text;
  text << std::ifstream{"/proc/" + std::to_string(pid) + "/stat"}.rdbuf();
  std::istringstream fields{text.str().substr(text.str().rfind(')') + 2)};
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// A worker that holds the oldest jobs and does any of them.
class Worker {
 public:
  explicit Worker(std::uint16_t port) : peer_(port) {
    send("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB got 1\r\nSUB acked.> 2\r\nSUB stored 3\r\n");
  }

  void loop(std::uint64_t loops) {
    loops_ += loops;
    while (done_ < loops_) {
      pull();
      while (!held_.empty() && under_way_ < kUnderWay && begun_ < loops_) begin();
      send(std::exchange(out_, {}));
      hear();
    }
  }

 private:
  struct Job {
    std::string ack;
    std::string subject;
  };
  void send(const std::string& bytes) {
    if (!peer_.send(bytes)) throw std::runtime_error("the server does not read");
  }
  void publish(const std::string& subject, const std::string& reply, const std::string& body) {
    out_ += "PUB " + subject + " " + reply + " " + std::to_string(body.size()) + "\r\n" + body + "\r\n";
  }

  void pull() {
    if (held_.size() + asked_ >= kWindow) return;
    const std::uint64_t batch = kWindow;
    asked_ += batch;
    publish("$JS.API.CONSUMER.MSG.NEXT.JOBS.w", "got", "{\"batch\":" + std::to_string(batch) + "}");
  }
  void begin() {
    const std::size_t at = random_.below(std::min<std::uint64_t>(held_.size(), kWindow));
    const Job job = std::move(held_[at]);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
    publish(job.ack, "acked." + job.subject, "+ACK");
    ++begun_;
    ++under_way_;
  }
  void hear() {
    if (!peer_.receive(std::chrono::seconds{30})) throw std::runtime_error("the server does not answer");
    parser_.feed(peer_.received());
    core::Operation operation;
    while (parser_.next(operation) == core::Parse::operation) {
      if (operation.kind == core::OperationKind::ping) out_ += "PONG\r\n";
      if (operation.kind == core::OperationKind::message) take(operation);
    }
    peer_.received().clear();
  }
  void take(const core::Operation& message) {
    if (message.sid == "1") {
      if (message.reply.empty()) throw std::runtime_error("no job: " + std::string(message.headers));
      held_.push_back({std::string(message.reply), std::string(message.subject)});
      --asked_;
    } else if (message.sid == "2") {
      publish(std::string(message.subject.substr(std::string_view{"acked."}.size())), "stored", payload_);
    } else {
      if (message.payload.find("\"seq\":") == std::string_view::npos || message.payload.find("error") != std::string_view::npos) {
        throw std::runtime_error("not stored: " + std::string(message.payload));
      }
      --under_way_;
      ++done_;
    }
  }

  TcpPeer peer_;
  core::Parser parser_{core::ParserRole::client};
  core::Random random_{core::Seed{4}};
  std::string out_;
  std::vector<Job> held_;  // in order of arrival
  std::uint64_t loops_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t under_way_ = 0;
  std::uint64_t done_ = 0;
  const std::string payload_ = std::string(60, 'x');
};

// A server with its queue and its worker.
struct Queue {
  std::uint64_t messages;
  std::unique_ptr<LiveServer> server;
  std::unique_ptr<Worker> worker;
  std::vector<double> costs;  // microseconds a loop, by round
};

Queue make_queue(Scratch& scratch, std::uint64_t messages) {
  const ServerProgram program{.kind = ServerProgram::Kind::windtunnel, .path = WT_BINARY};
  Queue queue{.messages = messages,
              .server = LiveServer::start(program, scratch.fresh("store"), scratch.fresh("server")),
              .worker = {},
              .costs = {}};
  NatsClient client{queue.server->port()};
  client.request("$JS.API.STREAM.CREATE.JOBS", kQueue);
  client.request("$JS.API.CONSUMER.DURABLE.CREATE.JOBS.w", kWorker);
  client.publish_each("jobs.", std::string(60, 'x'), messages, 4096);
  queue.worker = std::make_unique<Worker>(queue.server->port());
  return queue;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// All queues are there at once and are worked on in turn, so that what disturbs one round disturbs them alike.
bool measure(Bench& bench, const std::vector<std::uint64_t>& sizes, std::uint64_t loops) {
  Scratch scratch;
  std::vector<Queue> queues;
  for (const std::uint64_t messages : sizes) queues.push_back(make_queue(scratch, messages));
  for (int round = -1; round < kRounds; ++round) {
    for (Queue& queue : queues) {
      const double before = processor_seconds(queue.server->pid());
      queue.worker->loop(loops);
      const double cost = (processor_seconds(queue.server->pid()) - before) / static_cast<double>(loops) * 1e6;
      if (round >= 0) queue.costs.push_back(cost);  // the first is to get warm
    }
  }
  bool is_flat = true;
  const double first = median(queues.front().costs);
  for (Queue& queue : queues) {
    const double cost = median(queue.costs);
    bench.figure("a loop, queue of " + std::to_string(queue.messages), cost, "us of the server's processor");
    bench.figure("  ratio to the first", cost / first, "x");
    bench.figure("  memory", static_cast<double>(queue.server->resident()) / (1024 * 1024), "MiB");
    is_flat = is_flat && cost / first <= kRatioMax;
    queue.server->stop();
  }
  return is_flat;
}

std::vector<std::uint64_t> numbers(const std::string& text) {
  std::vector<std::uint64_t> out;
  std::istringstream in{text};
  for (std::string word; std::getline(in, word, ',');) out.push_back(std::strtoull(word.c_str(), nullptr, 10));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::uint64_t> sizes{10'000, 100'000, 1'000'000};
  std::uint64_t loops = 60'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view{argv[i]} == "--loops") loops = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::string_view{argv[i]} == "--messages") sizes = numbers(argv[i + 1]);
  }
  if (sizes.empty() || loops == 0) {
    std::fprintf(stderr, "loop_bench: no queue, or no loop\n");
    return 2;
  }
  Bench bench{1, argv};
  bool is_flat = false;
  try {
    is_flat = measure(bench, sizes, loops);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "loop_bench: %s\n", failure.what());
    return 1;
  }
  if (!is_flat) std::printf("a loop costs more than %.2f times what it does with the first\n", kRatioMax);
  return is_flat ? bench.finish() : 1;
}
