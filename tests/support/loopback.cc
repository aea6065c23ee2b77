#include "tests/support/loopback.h"

#include <algorithm>
#include <tuple>

#include "core/base/assert.h"

namespace windtunnel::tests {

using core::Address;
using core::Duration;
using core::Errc;
using core::error;
using core::Instant;
using core::Result;
using core::Status;

// Bytes one way.
struct LoopbackWorld::Pipe {
  std::string bytes;
  bool is_ended = false;  // the writer has closed
  core::WaitList readers;
  core::WaitList writers;
};

struct LoopbackWorld::Link {
  std::string hosts[2];  // dialler, acceptor
  Pipe pipes[2];         // pipes[i] is written by hosts[i]
  bool is_reset = false;
  bool is_black_hole = false;
  core::Tasks* tasks = nullptr;

  void wake_all() {
    for (Pipe& pipe : pipes) {
      pipe.readers.wake_all(*tasks);
      pipe.writers.wake_all(*tasks);
    }
  }
};

struct LoopbackWorld::Port {
  std::deque<std::unique_ptr<core::Connection>> waiting;
  core::WaitList acceptors;
  bool is_closed = false;
};

class LoopbackWorld::Schedule final : public core::Schedule {
 public:
  explicit Schedule(core::Random random) : random_(random) {}
  std::size_t pick(std::size_t ready) override { return random_.below(ready); }
  void running(std::uint64_t) override {}
  Instant idle(Instant next) override { return next; }

 private:
  core::Random random_;
};

class LoopbackConnection final : public core::Connection {
 public:
  LoopbackConnection(LoopbackWorld& world, core::Tasks& tasks, std::shared_ptr<LoopbackWorld::Link> link, int side, Address peer)
      : world_(world), tasks_(tasks), link_(std::move(link)), side_(side), peer_(std::move(peer)) {}
  ~LoopbackConnection() override { close(); }

  Result<std::size_t> read(std::span<char> into, Instant deadline) override {
    LoopbackWorld::Pipe& pipe = link_->pipes[1 - side_];
    for (;;) {
      if (is_closed_) return error(Errc::closed, "closed here");
      if (link_->is_reset) return error(Errc::reset, "connection reset");
      if (!pipe.bytes.empty()) break;
      if (pipe.is_ended) return std::size_t{0};
      if (pipe.readers.wait(tasks_, "loopback read", deadline) == core::Wake::timed_out) return error(Errc::timeout, "read");
    }
    const std::size_t size = std::min(into.size(), pipe.bytes.size());
    pipe.bytes.copy(into.data(), size);
    pipe.bytes.erase(0, size);
    pipe.writers.wake_all(tasks_);
    return size;
  }

  Status put(std::string_view data, Instant deadline, std::size_t& taken) override {
    taken = 0;
    LoopbackWorld::Pipe& pipe = link_->pipes[side_];
    while (!data.empty()) {
      if (is_closed_) return error(Errc::closed, "closed here");
      if (link_->is_reset) return error(Errc::reset, "connection reset");
      if (link_->is_black_hole) {
        taken += data.size();
        return {};
      }
      if (pipe.bytes.size() >= world_.send_buffer) {
        if (pipe.writers.wait(tasks_, "loopback write", deadline) == core::Wake::timed_out) return error(Errc::timeout, "write");
        continue;
      }
      const std::size_t size = std::min(data.size(), world_.send_buffer - pipe.bytes.size());
      pipe.bytes.append(data.substr(0, size));
      data.remove_prefix(size);
      taken += size;
      pipe.readers.wake_all(tasks_);
    }
    return {};
  }

  void close() noexcept override {
    if (is_closed_) return;
    is_closed_ = true;
    if (!link_->is_black_hole) link_->pipes[side_].is_ended = true;
    link_->wake_all();
  }

  [[nodiscard]] const Address& peer() const override { return peer_; }

 private:
  LoopbackWorld& world_;
  core::Tasks& tasks_;
  std::shared_ptr<LoopbackWorld::Link> link_;
  int side_;
  Address peer_;
  bool is_closed_ = false;
};

class LoopbackListener final : public core::Listener {
 public:
  LoopbackListener(core::Tasks& tasks, LoopbackWorld& world, Address address, std::shared_ptr<LoopbackWorld::Port> port)
      : tasks_(tasks), world_(world), address_(std::move(address)), port_(std::move(port)) {}
  ~LoopbackListener() override { close(); }

  Result<std::unique_ptr<core::Connection>> accept() override {
    while (port_->waiting.empty() && !port_->is_closed) port_->acceptors.wait(tasks_, "loopback accept");
    if (port_->is_closed) return error(Errc::closed, "listener closed");
    std::unique_ptr<core::Connection> connection = std::move(port_->waiting.front());
    port_->waiting.pop_front();
    return connection;
  }
  void close() noexcept override {
    if (port_->is_closed) return;
    port_->is_closed = true;
    port_->waiting.clear();
    port_->acceptors.wake_all(tasks_);
    world_.ports_.erase(address_);
  }
  [[nodiscard]] const Address& address() const override { return address_; }

 private:
  core::Tasks& tasks_;
  LoopbackWorld& world_;
  Address address_;
  std::shared_ptr<LoopbackWorld::Port> port_;
};

class LoopbackNetwork final : public core::Network {
 public:
  LoopbackNetwork(LoopbackWorld& world, std::string name, core::Tasks& tasks) : world_(world), name_(std::move(name)), tasks_(tasks) {}

  Result<std::unique_ptr<core::Listener>> listen(std::uint16_t port) override {
    const Address address{name_, port != 0 ? port : world_.next_port_++};
    const auto [at, is_new] = world_.ports_.emplace(address, std::make_shared<LoopbackWorld::Port>());
    if (!is_new) return error(Errc::already_exists, "port in use: " + address.text());
    return std::unique_ptr<core::Listener>(std::make_unique<LoopbackListener>(tasks_, world_, address, at->second));
  }

  Result<std::unique_ptr<core::Connection>> connect(const Address& to, Instant deadline) override {
    tasks_.yield();
    const auto port = world_.ports_.find(to);
    const auto is_lost = [&](const auto& pair) { return pair == std::make_pair(name_, to.host) || pair == std::make_pair(to.host, name_); };
    if (std::any_of(world_.black_holes_.begin(), world_.black_holes_.end(), is_lost)) {
      tasks_.sleep_until(deadline);
      return error(Errc::timeout, "dial");
    }
    if (port == world_.ports_.end() || world_.refusing_[to.host]) return error(Errc::refused, "connection refused");
    auto link = std::make_shared<LoopbackWorld::Link>();
    link->hosts[0] = name_;
    link->hosts[1] = to.host;
    link->tasks = &world_.harness_;
    world_.links_.push_back(link);
    core::Tasks& acceptor = world_.host(to.host).tasks();
    const Address from{name_, world_.next_port_++};
    port->second->waiting.push_back(std::make_unique<LoopbackConnection>(world_, acceptor, link, 1, from));
    port->second->acceptors.wake_all(tasks_);
    return std::unique_ptr<core::Connection>(std::make_unique<LoopbackConnection>(world_, tasks_, link, 0, to));
  }

 private:
  LoopbackWorld& world_;
  std::string name_;
  core::Tasks& tasks_;
};

// Clock, log and an absent disk of one host.
class LoopbackHost::Ports final : public core::Clock, public core::Log, public core::Disk {
 public:
  Ports(LoopbackWorld& world, LoopbackHost& host) : network{world, host.name_, host.tasks_}, world_(world), host_(host) {}

  [[nodiscard]] Instant now() const override { return world_.now(); }
  [[nodiscard]] core::WallTime wall_now() const override {
    return core::WallTime{1'704'067'200'000'000'000} + world_.now().time_since_epoch();
  }

  void event(core::LogLevel, core::EventName name, core::LogFields fields) noexcept override {
    std::string line{name.text};
    for (const core::LogField& field : fields) {
      line.append(" ").append(field.key).append("=").append(field.is_text ? std::string(field.text) : std::to_string(field.number));
    }
    host_.log_lines_.push_back(std::move(line));
  }

  Result<std::unique_ptr<core::File>> open(std::string_view, core::OpenMode) override { return no_disk(); }
  Status make_directories(std::string_view) override { return no_disk(); }
  Result<std::vector<core::DirectoryEntry>> list(std::string_view) override { return no_disk(); }
  Status rename(std::string_view, std::string_view) override { return no_disk(); }
  Status remove(std::string_view) override { return no_disk(); }
  Status remove_all(std::string_view) override { return no_disk(); }
  Result<bool> exists(std::string_view) override { return no_disk(); }
  Status sync_directory(std::string_view) override { return no_disk(); }

  LoopbackNetwork network;

 private:
  static core::Error no_disk() { return core::error(Errc::io_error, "this host has no disk"); }
  LoopbackWorld& world_;
  LoopbackHost& host_;
};

LoopbackHost::LoopbackHost(LoopbackWorld& world, std::string name) : name_(std::move(name)), tasks_(world.runtime_, name_) {
  ports_ = std::make_unique<Ports>(world, *this);
  env_ = std::make_unique<core::Env>(core::Env{*ports_, *ports_, ports_->network, tasks_, *ports_, world.random(name_), defects_});
}
LoopbackHost::~LoopbackHost() = default;

std::string LoopbackHost::logged(std::string_view start, std::size_t from) const {
  const auto begin = log_lines_.begin() + static_cast<std::ptrdiff_t>(std::min(from, log_lines_.size()));
  const auto found = std::find_if(begin, log_lines_.end(), [&](const std::string& line) { return line.starts_with(start); });
  return found == log_lines_.end() ? std::string{} : *found;
}

LoopbackWorld::LoopbackWorld(core::Seed seed)
    : random_(seed),
      schedule_(std::make_unique<Schedule>(random_.child("schedule"))),
      runtime_(*schedule_),
      harness_(runtime_, "harness"),
      ports_([](const Address& a, const Address& b) { return std::tie(a.host, a.port) < std::tie(b.host, b.port); }) {}

LoopbackWorld::~LoopbackWorld() {
  for (const auto& [name, host] : hosts_) host->tasks().kill();
  harness_.kill();
}

LoopbackHost& LoopbackWorld::host(const std::string& name) {
  std::unique_ptr<LoopbackHost>& host = hosts_[name];
  if (host == nullptr) host = std::make_unique<LoopbackHost>(*this, name);
  return *host;
}

bool LoopbackWorld::run(const std::string& name, std::function<void()> body, Duration limit) {
  const auto is_done = std::make_shared<bool>(false);
  host(name).tasks().spawn("test body", [this, is_done, run = std::move(body)] {
    run();
    *is_done = true;
    runtime_.call_driver();
  });
  runtime_.run_until(core::after(now(), limit));
  return *is_done;
}

void LoopbackWorld::run_for(Duration time) { runtime_.run_until(core::after(now(), time)); }

void LoopbackWorld::cut(const std::string& a, const std::string& b) {
  for (const std::weak_ptr<Link>& weak : links_) {
    const std::shared_ptr<Link> link = weak.lock();
    if (link == nullptr) continue;
    const auto is_end = [&](const std::string& name) { return name.empty() || link->hosts[0] == name || link->hosts[1] == name; };
    if (!is_end(a) || !is_end(b)) continue;
    link->is_reset = true;
    link->wake_all();
  }
}

void LoopbackWorld::set_black_hole(const std::string& a, const std::string& b, bool is_on) {
  const std::pair<std::string, std::string> pair{a, b};
  std::erase(black_holes_, pair);
  if (is_on) black_holes_.push_back(pair);
  for (const std::weak_ptr<Link>& weak : links_) {
    const std::shared_ptr<Link> link = weak.lock();
    if (link == nullptr) continue;
    const bool is_this = (link->hosts[0] == a && link->hosts[1] == b) || (link->hosts[0] == b && link->hosts[1] == a);
    // What was lost stays lost: a connection that has met the hole never works again.
    if (is_this && is_on) link->is_black_hole = true;
  }
}

RawPeer::RawPeer(LoopbackHost& host, const Address& to) : host_(host) {
  Result<std::unique_ptr<core::Connection>> dialled =
      host.env().network.connect(to, core::after(host.env().clock.now(), std::chrono::seconds(1)));
  WT_ASSERT(dialled.has_value());
  connection_ = std::move(*dialled);
}

void RawPeer::send(std::string_view text) { is_closed_ = !connection_->write(text) || is_closed_; }

bool RawPeer::read_more(Instant deadline) {
  char buffer[4096];
  const Result<std::size_t> got = connection_->read(buffer, deadline);
  if (got && *got > 0) {
    pending_.append(buffer, *got);
    return true;
  }
  is_closed_ = is_closed_ || got || got.error().code != Errc::timeout;
  return false;
}

std::string RawPeer::hear(Duration quiet) {
  while (read_more(core::after(host_.env().clock.now(), quiet))) {
  }
  return std::exchange(pending_, {});
}

std::string RawPeer::line(Duration patience) {
  const Instant deadline = core::after(host_.env().clock.now(), patience);
  std::size_t end = pending_.find('\n');
  while (end == std::string::npos) {
    if (!read_more(deadline)) return {};
    end = pending_.find('\n');
  }
  std::string text = pending_.substr(0, end);
  pending_.erase(0, end + 1);
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

}  // namespace windtunnel::tests
