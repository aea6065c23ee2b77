#include "cli/worker_pool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "cli/allocator.h"

namespace windtunnel::cli {
namespace {

using core::Errc;

constexpr int kTickMs = 200;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool write_all(int fd, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

bool read_all(int fd, void* data, std::size_t size) {
  char* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::read(fd, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

std::string how_it_died(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const char* name = ::strsignal(signal);
    return "signal " + std::to_string(signal) + " (" + (name == nullptr ? "unknown" : name) + ")";
  }
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

WorkerPool::~WorkerPool() {
  for (Worker& worker : workers_) {
    // Without more jobs an idle worker ends by itself; a busy one is of no use any more.
    if (worker.is_busy && worker.pid > 0) ::kill(worker.pid, SIGKILL);
    if (worker.pid > 0) bury(worker);
  }
}

core::Status WorkerPool::start(Worker& worker) {
  std::array<int, 2> jobs{};
  std::array<int, 2> answers{};
  const auto failed = [](const char* what) {
    return core::error(Errc::io_error, std::string{what} + ": " + std::generic_category().message(errno));
  };
  if (::pipe2(jobs.data(), O_CLOEXEC) != 0) return failed("a pipe to a worker cannot be made");
  if (::pipe2(answers.data(), O_CLOEXEC) != 0) {
    close_fd(jobs[0]);
    close_fd(jobs[1]);
    return failed("a pipe from a worker cannot be made");
  }
  std::fflush(nullptr);  // else what is buffered would be written twice
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    const core::Error failure = failed("a worker process cannot be made");
    for (int* fd : {&jobs[0], &jobs[1], &answers[0], &answers[1]}) close_fd(*fd);
    return failure;
  }
  if (pid == 0) {
    // A worker that hangs must not outlive a parent that was killed.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    // The other workers' pipes: whoever holds them open hides their ends from each other.
    for (Worker& other : workers_) {
      close_fd(other.jobs);
      close_fd(other.answers);
    }
    close_fd(jobs[1]);
    close_fd(answers[0]);
    keep_freed_memory();
    serve(jobs[0], answers[1]);
  }
  close_fd(jobs[0]);
  close_fd(answers[1]);
  worker = Worker{.pid = pid, .jobs = jobs[1], .answers = answers[0], .job = 0, .is_busy = false, .since_ns = 0, .received = {}};
  return {};
}

void WorkerPool::serve(int jobs, int answers) {
  std::uint64_t job = 0;
  while (read_all(jobs, &job, sizeof job)) {
    const std::string bytes = work_(job);
    const std::uint64_t size = bytes.size();
    if (!write_all(answers, &size, sizeof size) || !write_all(answers, bytes.data(), bytes.size())) break;
  }
  // No destructors, no buffers: both are copies of the parent's.
  ::_exit(0);
}

bool WorkerPool::hand_out(Worker& worker, std::uint64_t job) {
  worker.job = job;
  worker.is_busy = true;
  worker.since_ns = now_ns();
  worker.received.clear();
  return write_all(worker.jobs, &job, sizeof job);
}

std::string WorkerPool::bury(Worker& worker) {
  close_fd(worker.jobs);
  close_fd(worker.answers);
  int status = 0;
  pid_t waited = -1;
  do {
    waited = ::waitpid(worker.pid, &status, 0);
  } while (waited < 0 && errno == EINTR);
  worker.pid = -1;
  worker.is_busy = false;
  return waited < 0 ? "an unknown cause" : how_it_died(status);
}

bool WorkerPool::receive(Worker& worker, Done& done) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(worker.answers, buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) return false;
  done.job = worker.job;
  done.busy = core::Duration{now_ns() - worker.since_ns};
  if (got <= 0) {
    done.death = bury(worker);
    return true;
  }
  worker.received.append(buffer.data(), static_cast<std::size_t>(got));
  std::uint64_t size = 0;
  if (worker.received.size() < sizeof size) return false;
  std::memcpy(&size, worker.received.data(), sizeof size);
  if (worker.received.size() - sizeof size < size) return false;
  done.bytes = worker.received.substr(sizeof size);
  worker.is_busy = false;
  return true;
}

core::Status WorkerPool::run(std::uint64_t count, unsigned workers, const OnDone& on_done, const OnTick& on_tick) {
  workers_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(workers, count)));
  std::uint64_t next = 0;
  std::uint64_t ended = 0;
  while (ended < count) {
    std::vector<pollfd> waiting;
    std::vector<Worker*> busy;
    for (Worker& worker : workers_) {
      if (!worker.is_busy && next < count) {
        if (worker.pid < 0) WT_CHECK(start(worker));
        // If it is dead already, its end of the pipe says so below, and the job counts as the one it died of.
        static_cast<void>(hand_out(worker, next++));
      }
      if (!worker.is_busy) continue;
      waiting.push_back({.fd = worker.answers, .events = POLLIN, .revents = 0});
      busy.push_back(&worker);
    }
    if (::poll(waiting.data(), waiting.size(), kTickMs) < 0 && errno != EINTR) {
      return core::error(Errc::io_error, "waiting for workers failed: " + std::generic_category().message(errno));
    }
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      Done done;
      if (!receive(*busy[i], done)) continue;
      ++ended;
      on_done(std::move(done));
    }
    on_tick();
  }
  return {};
}

}  // namespace windtunnel::cli
