#include "tests/support/transcript_tcp.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "core/nats/parser.h"
#include "tests/support/serve_process.h"
#include "tests/support/tcp_peer.h"
#include "tests/support/temporary_directory.h"

namespace windtunnel::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = 1s;   // for what the real server said and ours does not
constexpr auto kLateMax = 25ms;  // later than this a line may meet a timer on its wrong side
constexpr auto kBehindMax = 100ms;
constexpr auto kQuiet = 20ms;    // after the last line: what comes then was not expected
constexpr auto kPaceMax = 5ms;   // a longer time between two lines of the client is a pause
constexpr int kReplaysMax = 12;  // a busy machine is late again and again

class Conversation {
 public:
  explicit Conversation(std::uint16_t port) : peer_(port) {}

  void send(const std::string& bytes) { peer_.send(bytes); }
  void hear() {
    peer_.receive();
    parser_.feed(peer_.received());
    core::Operation operation;
    while (parser_.next(operation) == core::Parse::operation) hear(operation);
    peer_.received().clear();
  }
  [[nodiscard]] int descriptor() const { return peer_.descriptor(); }
  [[nodiscard]] bool is_closed() const { return peer_.is_closed(); }
  [[nodiscard]] const std::vector<TranscriptSaid>& heard() const { return heard_; }
  [[nodiscard]] std::size_t count() const { return heard_.size() + pongs_; }

 private:
  void hear(const core::Operation& operation) {
    if (operation.kind == core::OperationKind::pong) ++pongs_;
    if (operation.kind == core::OperationKind::ping) peer_.send("PONG\r\n");
    TranscriptSaid said;
    if (operation.kind == core::OperationKind::message) {
      said.subject = operation.subject;
      said.sid = operation.sid;
      said.reply = operation.reply;
      said.headers = operation.headers;
      said.body = operation.payload;
    } else if (operation.kind == core::OperationKind::err) {
      said.subject = "(protocol)";
      said.body = "-ERR '" + std::string(operation.text) + "'";
    } else {
      return;
    }
    heard_.push_back(std::move(said));
  }

  TcpPeer peer_;
  core::Parser parser_{core::ParserRole::client};
  std::vector<TranscriptSaid> heard_;
  std::size_t pongs_ = 0;
};

// What is waited for: messages, and the answers to PING, which say that everything before it was read.
bool is_counted(const std::string& line) { return line == "PONG" || !is_of_connection(line); }

class Replay {
 public:
  Replay(const std::string& binary, const std::string& folder, const TranscriptTopic& topic)
      : topic_(topic), lines_(read_transcript(folder + "/" + topic.name + ".jsonl")) {
    std::vector<std::string> options{"--name", "srv", "--store", store_.path()};
    for (const core::DefectInfo& info : core::all_defects()) {
      if (topic.options.defects.is_on(info.defect)) options.insert(options.end(), {"--defect", std::string(info.name)});
    }
    server_ = std::make_unique<ServeProcess>(binary, options);
  }

  [[nodiscard]] const std::string& name() const { return topic_.name; }
  void begin() { zero_ = last_sent_ = Clock::now(); }
  [[nodiscard]] bool is_done() const { return is_done_; }
  [[nodiscard]] bool was_late() const { return late_ > kLateMax || behind_ > kBehindMax; }
  [[nodiscard]] std::string lateness() const {
    const auto milliseconds = [](Clock::duration time) { return std::to_string(time / 1ms) + " ms"; };
    return "a line came " + milliseconds(late_) + " late (at most " + milliseconds(kLateMax) + " is good), and " + milliseconds(behind_) +
           " behind its recorded time (" + milliseconds(kBehindMax) + ")";
  }
  // When it wants to go on, if nothing is heard before.
  [[nodiscard]] Clock::time_point next() const { return wake_; }
  void add_to(std::vector<pollfd>& waiting) const {
    for (const auto& [number, client] : clients_) {
      if (!client.is_closed()) waiting.push_back({.fd = client.descriptor(), .events = POLLIN, .revents = 0});
    }
  }

  void go_on() {
    for (auto& [number, client] : clients_) {
      client.hear();
      if (client.is_closed()) is_done_ = true;  // nobody is left to talk to; what was not said will be missed
    }
    while (!is_done_ && next_ < lines_.size()) {
      const TranscriptLine& line = lines_[next_];
      Conversation& client = clients_.try_emplace(line.connection, server_->port()).first->second;
      if (is_sent(line) && !is_time_for(line.at, client, expected_[line.connection])) return;
      for (const TranscriptInsertion& insertion : topic_.options.insertions) {
        if (insertion.line == line.number) client.send(insertion.bytes);
      }
      if (is_sent(line)) client.send(bytes_of(line));
      if (line.is_server && is_counted(line.line)) {
        ++expected_[line.connection];
        is_answered_ = true;
      }
      ++next_;
    }
    const auto end = lines_.empty() ? core::Duration{0} : lines_.back().at;
    for (const auto& [number, client] : clients_) {
      if (!is_time_for(end + kQuiet, client, expected_[number])) return;
    }
    is_done_ = true;
  }

  [[nodiscard]] TranscriptReport report() const {
    std::map<int, std::vector<TranscriptSaid>> ours;
    for (const auto& [number, client] : clients_) ours[number] = client.heard();
    return compare_transcript(lines_, topic_.options, std::move(ours));
  }

 private:
  bool is_time_for(core::Duration at, const Conversation& client, std::size_t& expected) {
    const Clock::time_point now = Clock::now();
    // When it was sent, if we keep up. Else as soon as can be once the answer is there, but for the pauses that the client made on
    // purpose.
    const core::Duration gap = at - last_at_;
    const bool may_hurry = is_answered_ && gap <= kPaceMax;
    const Clock::time_point due = std::max(zero_ + at, may_hurry ? last_sent_ : last_sent_ + gap);
    const bool has_heard = client.count() >= expected;
    wake_ = has_heard ? due : due + kPatience;
    if (now < wake_) return false;
    if (!has_heard) expected = client.count();  // in vain, once
    late_ = std::max<Clock::duration>(late_, now - due);
    behind_ = std::max<Clock::duration>(behind_, now - (zero_ + at));
    last_sent_ = now;
    last_at_ = at;
    is_answered_ = false;
    return true;
  }

  const TranscriptTopic& topic_;
  const std::vector<TranscriptLine> lines_;
  const TemporaryDirectory store_;
  std::unique_ptr<ServeProcess> server_;
  std::map<int, Conversation> clients_;
  std::map<int, std::size_t> expected_;  // messages that the real server had said by now, by connection
  std::size_t next_ = 0;
  Clock::time_point zero_;
  Clock::time_point last_sent_;  // and what was sent then, in recorded time
  core::Duration last_at_{0};
  bool is_answered_ = false;  // the real server said something to it
  Clock::time_point wake_;
  Clock::duration late_{};    // of a line behind the one before it
  Clock::duration behind_{};  // of a line behind its recorded time
  bool is_done_ = false;
};

void run(std::vector<std::unique_ptr<Replay>>& replays) {
  for (const auto& replay : replays) replay->begin();
  for (;;) {
    std::vector<pollfd> waiting;
    Clock::time_point wake = Clock::time_point::max();
    for (const auto& replay : replays) {
      if (!replay->is_done()) replay->go_on();
      if (replay->is_done()) continue;
      replay->add_to(waiting);
      wake = std::min(wake, replay->next());
    }
    if (wake == Clock::time_point::max()) return;
    const auto rest = std::chrono::nanoseconds{std::max<Clock::duration>(wake - Clock::now(), Clock::duration{0})};
    const timespec timeout{.tv_sec = static_cast<time_t>(rest / 1s), .tv_nsec = static_cast<long>((rest % 1s).count())};
    ::ppoll(waiting.data(), waiting.size(), &timeout, nullptr);
  }
}

}  // namespace

std::map<std::string, TranscriptReport> replay_over_tcp(const std::string& binary, const std::string& folder,
                                                        const std::vector<TranscriptTopic>& topics) {
  std::map<std::string, TranscriptReport> reports;
  std::vector<const TranscriptTopic*> left;
  for (const TranscriptTopic& topic : topics) left.push_back(&topic);
  for (int i = 0; i < kReplaysMax && !left.empty(); ++i) {
    std::vector<std::unique_ptr<Replay>> replays;
    for (const TranscriptTopic* const topic : left) replays.push_back(std::make_unique<Replay>(binary, folder, *topic));
    run(replays);
    left.clear();
    for (const auto& replay : replays) {
      reports[replay->name()] = replay->report();
      TranscriptReport& report = reports[replay->name()];
      if (report.complaints.empty() || !replay->was_late()) continue;
      if (i + 1 == kReplaysMax) {
        report.complaints.push_back("all " + std::to_string(kReplaysMax) +
                                    " replays were late: the machine is too busy to tell. In the last " + replay->lateness());
      }
      left.push_back(
          &*std::find_if(topics.begin(), topics.end(), [&](const TranscriptTopic& each) { return each.name == replay->name(); }));
    }
  }
  return reports;
}

}  // namespace windtunnel::tests
