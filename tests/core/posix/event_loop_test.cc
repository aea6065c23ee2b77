// The event loop waits for input and for timers, also where the kernel is older than its favourite system call.
#include "core/posix/event_loop.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>

using namespace windtunnel::core;

namespace {

constexpr auto kTimer = std::chrono::milliseconds{20};
// Far more than the loop works, far less than it would spin.
constexpr auto kWorkMax = std::chrono::milliseconds{150};
constexpr auto kLate = std::chrono::milliseconds{400};

std::chrono::nanoseconds worked() {
  timespec time{};
  return ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 ? std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}
                                                               : std::chrono::hours{1};
}

// From now on this process is told `error` when it calls epoll_pwait2.
bool refuse_exact_waits(unsigned error) {
  std::array<sock_filter, 4> program{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// A timer writes into a pipe that another task waits for, and that one waits for its own timer, for long.
bool timers_and_input_come() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return false;
  EventLoop loop;
  Runtime runtime{loop};
  TaskGroup tasks{runtime, "test"};
  loop.set_tasks(tasks);
  WatchedDescriptor input{ends[0]};
  if (!loop.watch(input)) return false;
  char heard = 0;
  tasks.spawn("timer", [&] {
    tasks.sleep_until(RealClock{}.now() + kTimer);
    static_cast<void>(::write(ends[1], "!", 1));
  });
  tasks.spawn("input", [&] {
    while (::read(ends[0], &heard, 1) < 0) input.readers.wait(tasks, "the pipe");
    tasks.sleep_until(RealClock{}.now() + kLate);
    runtime.call_driver();
  });
  static_cast<void>(runtime.run_until(kForever));
  tasks.kill();
  loop.unwatch(input);
  ::close(ends[0]);
  ::close(ends[1]);
  return heard == '!';
}

// In a process of its own, which a signal ends should it hang.
bool holds_where(unsigned error) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    const auto before = worked();
    const bool holds = (error == 0 || refuse_exact_waits(error)) && timers_and_input_come() && worked() - before < kWorkMax;
    ::_exit(holds ? 0 : 1);
  }
  int status = 1;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

TEST_CASE("the event loop wakes for timers and input, and sleeps between them") { CHECK(holds_where(0)); }

TEST_CASE("the same on a kernel that has no exact waits, and in a sandbox that forbids them") {
  CHECK(holds_where(ENOSYS));
  CHECK(holds_where(EPERM));
}
