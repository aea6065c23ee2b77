// A world for tests of what speaks over the network: hosts with a name each, connected by perfect streams without
// latency, on the real fiber runtime and virtual time. The simulator's own network has latency, bandwidth and faults;
// this one only breaks connections, refuses them, and stops reading.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/defects.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/env.h"
#include "core/env/log.h"
#include "core/env/network.h"
#include "core/env/sync.h"
#include "core/fiber/runtime.h"

namespace windtunnel::tests {

class LoopbackWorld;

// One host: its ports, its tasks, and what it logged.
class LoopbackHost {
 public:
  LoopbackHost(LoopbackWorld& world, std::string name);
  ~LoopbackHost();

  [[nodiscard]] core::Env& env() { return *env_; }
  [[nodiscard]] core::TaskGroup& tasks() { return tasks_; }
  // "leaf.connected remote=hub ...", in order.
  [[nodiscard]] const std::vector<std::string>& log() const { return log_lines_; }
  // The first line of the log from `from` on that begins with `start`; empty if there is none.
  [[nodiscard]] std::string logged(std::string_view start, std::size_t from = 0) const;
  void turn_on(core::Defect defect) { defects_.set(defect); }

 private:
  class Ports;
  std::string name_;
  core::TaskGroup tasks_;
  core::Defects defects_;
  std::vector<std::string> log_lines_;
  std::unique_ptr<Ports> ports_;
  std::unique_ptr<core::Env> env_;
};

class LoopbackWorld {
 public:
  explicit LoopbackWorld(core::Seed seed = core::Seed{1});
  ~LoopbackWorld();

  LoopbackHost& host(const std::string& name);

  // Runs `body` as a task of host `name` and the world until it ends, for at most `limit`. True if it ended.
  bool run(const std::string& name, std::function<void()> body, core::Duration limit = std::chrono::minutes(30));
  void run_for(core::Duration time);
  [[nodiscard]] core::Instant now() const { return runtime_.now(); }
  [[nodiscard]] core::Random random(std::string_view name) const { return random_.child(name); }
  [[nodiscard]] core::Runtime& runtime() { return runtime_; }

  // Resets every connection between two hosts ("" for any); what is in flight is lost.
  void cut(const std::string& a, const std::string& b = {});
  // Dials to this host are refused, or no longer.
  void set_refusing(const std::string& name, bool refuses) { refusing_[name] = refuses; }
  // What is written between two hosts does not arrive, without a sign: neither side is told.
  void set_black_hole(const std::string& a, const std::string& b, bool is_on);
  // How much a connection holds before write() suspends.
  std::size_t send_buffer = 1u << 20;

 private:
  friend class LoopbackHost;
  friend class LoopbackConnection;
  friend class LoopbackListener;
  friend class LoopbackNetwork;
  class Schedule;

  struct Pipe;
  struct Link;
  struct Port;

  core::Random random_;
  std::unique_ptr<Schedule> schedule_;
  core::Runtime runtime_;
  core::TaskGroup harness_;
  std::map<std::string, std::unique_ptr<LoopbackHost>> hosts_;
  std::map<core::Address, std::shared_ptr<Port>, bool (*)(const core::Address&, const core::Address&)> ports_;
  std::vector<std::weak_ptr<Link>> links_;
  std::map<std::string, bool> refusing_;
  std::vector<std::pair<std::string, std::string>> black_holes_;
  std::uint16_t next_port_ = 50'000;
};

// A peer that speaks raw protocol, from inside a task: what a test says, and what it hears.
class RawPeer {
 public:
  RawPeer(LoopbackHost& host, const core::Address& to);

  void send(std::string_view text);
  // Everything that comes until the peer has been silent for `quiet`, or has closed.
  std::string hear(core::Duration quiet = std::chrono::milliseconds(5));
  // send, then hear.
  std::string ask(std::string_view text) { return send(text), hear(); }
  // The next line, without CR LF; "" at the end of the stream or after `patience`.
  std::string line(core::Duration patience = std::chrono::seconds(5));
  [[nodiscard]] bool is_closed() const { return is_closed_; }
  void close() { connection_->close(); }

 private:
  bool read_more(core::Instant deadline);
  LoopbackHost& host_;
  std::unique_ptr<core::Connection> connection_;
  std::string pending_;
  bool is_closed_ = false;
};

}  // namespace windtunnel::tests
