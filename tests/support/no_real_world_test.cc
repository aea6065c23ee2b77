#include "tests/support/no_real_world.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <thread>

using windtunnel::tests::InsideSimulation;

namespace {

// The status with which a child of ours ends that calls this.
template <typename Call>
int status_of_child(Call call) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // doctest's handler would report a failed test
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    call();
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

struct Row {
  const char* what;
  void (*call)();
};

timespec instant() { return timespec{0, 1}; }

const Row kRows[] = {
    {"steady_clock", [] { static_cast<void>(std::chrono::steady_clock::now()); }},
    {"system_clock", [] { static_cast<void>(std::chrono::system_clock::now()); }},
    {"clock_gettime",
     [] {
       timespec now{};
       static_cast<void>(clock_gettime(CLOCK_MONOTONIC, &now));
     }},
    {"gettimeofday",
     [] {
       timeval now{};
       static_cast<void>(gettimeofday(&now, nullptr));
     }},
    {"time", [] { static_cast<void>(std::time(nullptr)); }},
    {"nanosleep",
     [] {
       const timespec wanted = instant();
       nanosleep(&wanted, nullptr);
     }},
    {"clock_nanosleep",
     [] {
       const timespec wanted = instant();
       clock_nanosleep(CLOCK_MONOTONIC, 0, &wanted, nullptr);
     }},
    {"sleep_for", [] { std::this_thread::sleep_for(std::chrono::nanoseconds{1}); }},
    {"rand", [] { static_cast<void>(std::rand()); }},
    {"getrandom",
     [] {
       char byte = 0;
       static_cast<void>(!getrandom(&byte, 1, 0));
     }},
    {"std::thread", [] { std::thread{[] {}}.join(); }},
};

}  // namespace

TEST_CASE("a call of the real world inside the simulation ends the program") {
  for (const Row& row : kRows) {
    CAPTURE(row.what);
    const int status = status_of_child([&] {
      const InsideSimulation inside;
      row.call();
    });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
  }
}

TEST_CASE("outside the simulation the real world is as it was") {
  for (const Row& row : kRows) {
    CAPTURE(row.what);
    const int status = status_of_child([&] {
      { const InsideSimulation over; }
      row.call();
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  timespec now{};
  CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
  CHECK(now.tv_sec > 1'600'000'000);
}

TEST_CASE("the trap stays closed until the outermost simulation ends") {
  const int status = status_of_child([] {
    const InsideSimulation outer;
    { const InsideSimulation inner; }
    static_cast<void>(std::rand());
  });
  CHECK(WIFSIGNALED(status));
}
