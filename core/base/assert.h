// WT_ASSERT: a condition that must hold whatever the outside world does. It stays on in every build type: a stopped
// run with a seed is worth more than a wrong one.
#pragma once

namespace windtunnel::core {

// Prints the condition, its place and what the assert context says, then exits with status 4.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

// A function that prints where the run stands (seed, node, virtual time, replay command) when an assertion fails.
// The one process-wide hook: an assertion has nobody to be handed a context by. It never influences a run.
using AssertContext = void (*)(void* data);
void set_assert_context(AssertContext print, void* data);

}  // namespace windtunnel::core

#define WT_ASSERT(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::windtunnel::core::assertion_failed(#condition, __FILE__, __LINE__))
