#include "tests/support/no_real_world.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>

namespace windtunnel::tests {
namespace {

int depth = 0;  // of nested InsideSimulation

void trap(const char* call) {
  if (depth == 0) return;
  // Nothing that could call back into libc's clocks: write(), not stdio.
  for (const char* part : {"a call of the real world inside the simulation: ", call, "\n"}) {
    [[maybe_unused]] const auto ignored = write(STDERR_FILENO, part, std::strlen(part));
  }
  std::abort();
}

// The definition that ours hides: libc's, or a sanitizer's on the way to it.
template <typename Function>
Function* hidden(const char* name) {
  auto* found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
  if (found == nullptr) std::abort();
  return found;
}

}  // namespace

InsideSimulation::InsideSimulation() { ++depth; }
InsideSimulation::~InsideSimulation() { --depth; }

}  // namespace windtunnel::tests

// The linker takes these instead of libc's, for this program and for the shared libraries that it loads.
#define WT_TRAP(name, ...)                                                      \
  windtunnel::tests::trap(#name);                                               \
  static auto* const next = windtunnel::tests::hidden<decltype(::name)>(#name); \
  return next(__VA_ARGS__)

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept { WT_TRAP(clock_gettime, clock, now); }
int gettimeofday(timeval* __restrict now, void* __restrict zone) noexcept { WT_TRAP(gettimeofday, now, zone); }
time_t time(time_t* now) noexcept { WT_TRAP(time, now); }
int nanosleep(const timespec* wanted, timespec* left) { WT_TRAP(nanosleep, wanted, left); }
int clock_nanosleep(clockid_t clock, int flags, const timespec* wanted, timespec* left) {
  WT_TRAP(clock_nanosleep, clock, flags, wanted, left);
}
int rand() noexcept { WT_TRAP(rand); }
ssize_t getrandom(void* buffer, size_t size, unsigned flags) { WT_TRAP(getrandom, buffer, size, flags); }
int pthread_create(pthread_t* __restrict thread, const pthread_attr_t* __restrict attributes, void* (*start)(void*),
                   void* __restrict argument) noexcept {
  WT_TRAP(pthread_create, thread, attributes, start, argument);
}

}  // extern "C"
