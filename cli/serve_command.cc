// The real server: the same node as in the tunnel, on real ports.
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <system_error>

#include "cli/allocator.h"
#include "cli/commands.h"
#include "cli/serve_log.h"
#include "cli/terminal.h"
#include "core/posix/event_loop.h"
#include "core/posix/posix_disk.h"
#include "core/posix/posix_network.h"
#include "core/server/node.h"

namespace windtunnel::cli {
namespace {

// Where the store lies: the directory that was named, or a new one that goes at the end.
class StoreDirectory {
 public:
  explicit StoreDirectory(const std::optional<std::string>& named) {
    std::error_code failure;
    if (named) {
      path_ = *named;
      std::filesystem::create_directories(path_, failure);
    } else {
      std::string name = (std::filesystem::temp_directory_path(failure) / "windtunnel-serve-XXXXXX").string();
      if (!failure && ::mkdtemp(name.data()) == nullptr) failure = std::error_code{errno, std::generic_category()};
      path_ = name;
      is_temporary_ = !failure;
    }
    if (failure) problem_ = "`" + path_ + "`: " + failure.message();
  }
  ~StoreDirectory() {
    std::error_code ignored;
    if (is_temporary_) std::filesystem::remove_all(path_, ignored);
  }
  StoreDirectory(const StoreDirectory&) = delete;
  StoreDirectory& operator=(const StoreDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_temporary() const { return is_temporary_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::string path_;
  std::string problem_;
  bool is_temporary_ = false;
};

// SIGTERM, SIGINT and SIGUSR2 as input, so that they arrive between two tasks.
class Signals {
 public:
  explicit Signals(core::EventLoop& loop) : loop_(loop), watched_(-1) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR2}) ::sigaddset(&set, signal);
    ::sigprocmask(SIG_BLOCK, &set, &before_);
    watched_.fd = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    is_good_ = watched_.fd >= 0 && loop_.watch(watched_).has_value();
  }
  ~Signals() {
    loop_.unwatch(watched_);
    if (watched_.fd >= 0) ::close(watched_.fd);
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  [[nodiscard]] bool is_good() const { return is_good_; }
  // The number of the next one. Suspends.
  int next(core::Tasks& tasks) {
    for (;;) {
      signalfd_siginfo info{};
      if (::read(watched_.fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) return static_cast<int>(info.ssi_signo);
      static_cast<void>(watched_.readers.wait(tasks, "a signal"));
    }
  }

 private:
  core::EventLoop& loop_;
  core::WatchedDescriptor watched_;
  sigset_t before_{};
  bool is_good_ = false;
};

core::NodeConfig config_of(const ServeCommand& command) {
  core::NodeConfig config;
  config.server.name = command.name;
  config.server.host = command.host;
  config.server.client_port = command.port;
  config.server.domain = command.domain;
  config.server.accepts_leafs = command.leaf_port.has_value();
  if (command.leaf_port) config.server.leaf_port = *command.leaf_port;
  config.server.remotes = command.leaf_remotes;
  config.store.sync_always = command.sync_always;
  if (command.sync_interval) config.store.sync_interval = *command.sync_interval;
  if (command.max_memory) config.max.memory = static_cast<std::int64_t>(command.max_memory->value);
  if (command.max_file) config.max.file = static_cast<std::int64_t>(command.max_file->value);
  return config;
}

core::Defects defects_of(const ServeCommand& command) {
  core::Defects defects = command.profile ? core::defects_of(*command.profile) : core::Defects{};
  for (const core::Defect defect : command.defects) defects.set(defect);
  return defects;
}

// A descriptor for each client and for each open file of the store: as many as this process may have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// What a server is told of the real world that no simulation gives it.
core::Seed real_seed() {
  std::random_device device;
  return core::Seed{static_cast<std::uint64_t>(device()) << 32 | device()};
}

// The first line on standard output, for scripts that have to wait for it and to know the ports.
void announce(const core::Server& server, const ServeCommand& command, const std::string& store) {
  std::string line = "listening on " + core::Address{command.host, server.client_port()}.text();
  if (command.leaf_port) line += ", for leaf nodes on " + core::Address{command.host, server.leaf_port()}.text();
  std::printf("%s, store %s\n", line.c_str(), store.c_str());
  std::fflush(stdout);
}

}  // namespace

int serve_command(const ServeCommand& command) {
  const StoreDirectory store{command.store};
  if (!store.problem().empty()) {
    complain(store.problem());
    return kExitUsage;
  }
  const auto disk = core::PosixDisk::open(store.path(), core::PosixDisk::Access::read_write);
  if (!disk) {
    complain(disk.error().text());
    return kExitUsage;
  }
  raise_descriptor_limit();
  give_back_large_buffers();
  core::EventLoop loop;
  core::Runtime runtime{loop};
  core::TaskGroup tasks{runtime, command.name};
  loop.set_tasks(tasks);
  core::RealClock clock;
  core::PosixNetwork network{loop, tasks, command.host};
  const std::unique_ptr<core::Log> log = make_serve_log(command.is_verbose ? core::LogLevel::debug : core::LogLevel::info);
  const core::Defects defects = defects_of(command);
  core::Env env{clock, **disk, network, tasks, *log, core::Random{real_seed()}, defects};
  Signals signals{loop};
  if (!signals.is_good()) {
    complain("signals cannot be waited for");
    return kExitUsage;
  }
  int status = kExitHeld;
  bool is_done = false;
  {
    core::Node node{env, config_of(command)};
    tasks.spawn("main", [&] {
      if (const core::Status started = node.start(); !started) {
        complain("the server did not start: " + started.error().text());
        status = kExitUsage;
      } else {
        announce(node.server(), command, store.is_temporary() ? "temporary" : store.path());
        if (signals.next(tasks) == SIGUSR2) {
          node.lame_duck();
        } else {
          node.stop();
        }
      }
      is_done = true;
      runtime.call_driver();
      tasks.park("the end", core::kForever);
    });
    while (!is_done) static_cast<void>(runtime.run_until(core::kForever));
    tasks.kill();
  }
  return status;
}

}  // namespace windtunnel::cli
