#include "core/posix/event_loop.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/base/assert.h"
#include "core/posix/posix_error.h"

namespace windtunnel::core {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
// While tasks are ready all the time, input and timers are looked at after so many of them.
constexpr unsigned kSwitchesMax = 32;
// No wait is longer, so that a step of the system's own clocks cannot strand it.
constexpr Duration kWaitMax = std::chrono::minutes{1};

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  WT_ASSERT(::clock_gettime(clock, &time) == 0);
  return static_cast<std::int64_t>(time.tv_sec) * kSecond + time.tv_nsec;
}

Instant monotonic() { return Instant{Duration{read_clock(CLOCK_MONOTONIC)}}; }

}  // namespace

Instant RealClock::now() const { return monotonic(); }
WallTime RealClock::wall_now() const { return WallTime{read_clock(CLOCK_REALTIME)}; }

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) { WT_ASSERT(epoll_ >= 0); }

EventLoop::~EventLoop() { ::close(epoll_); }

Status EventLoop::watch(WatchedDescriptor& descriptor) {
  epoll_event event{};
  // Edges: a waiter has always met EAGAIN before it waits, so none is missed.
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &descriptor;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor.fd, &event) != 0) return posix_error(errno, "watch", "a descriptor");
  return {};
}

void EventLoop::unwatch(WatchedDescriptor& descriptor) noexcept { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor.fd, nullptr); }

// In turn, so that nobody waits for ever.
std::size_t EventLoop::pick(std::size_t ready) { return turn_++ % ready; }

void EventLoop::running(std::uint64_t) {
  if (++switches_ >= kSwitchesMax) poll(Instant{});
}

Instant EventLoop::idle(Instant next) {
  poll(next);
  return std::min(next, monotonic());
}

Instant EventLoop::time(Instant now) { return std::max(now, monotonic()); }

void EventLoop::poll(Instant deadline) {
  switches_ = 0;
  const Duration wait = std::clamp(deadline == kForever ? kWaitMax : deadline - monotonic(), Duration{0}, kWaitMax);
  // To the nanosecond, where the kernel can (Linux 5.11) and a sandbox lets it: else timers are late by a millisecond.
  const timespec timeout{.tv_sec = static_cast<time_t>(wait.count() / kSecond), .tv_nsec = static_cast<long>(wait.count() % kSecond)};
  std::array<epoll_event, 64> events;
  int found = -1;
  if (has_exact_waits_) {
    found = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    has_exact_waits_ = found >= 0 || (errno != ENOSYS && errno != EPERM);
  }
  if (!has_exact_waits_) {
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(wait);
    found = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), static_cast<int>(rounded.count()));
  }
  WT_ASSERT(found >= 0 || errno == EINTR);  // anything else, and it would spin
  for (int i = 0; i < found; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto& descriptor = *static_cast<WatchedDescriptor*>(event.data.ptr);
    if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) descriptor.readers.wake_all(*tasks_);
    if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) descriptor.writers.wake_all(*tasks_);
  }
}

}  // namespace windtunnel::core
