#include "core/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace windtunnel::core {
namespace {

constexpr int kExitInternalError = 4;  // the CLI contract: windtunnel itself failed

struct Hook {
  AssertContext print = nullptr;
  void* data = nullptr;
};
Hook hook;  // see set_assert_context

}  // namespace

void set_assert_context(AssertContext print, void* data) { hook = Hook{print, data}; }

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "windtunnel: assertion failed: %s\n  at %s:%d\n", condition, file, line);
  if (hook.print != nullptr) {
    const Hook once = hook;
    hook = Hook{};  // a failure inside the printer must not call it again
    once.print(once.data);
  }
  std::fflush(stderr);
  if (std::getenv("WINDTUNNEL_ABORT_ON_ASSERT") != nullptr) std::abort();  // a core file for a debugger
  std::_Exit(kExitInternalError);
}

}  // namespace windtunnel::core
