// What AddressSanitizer must be told of fiber switches; nothing in a build without it (reference: kernel notes 4).
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define WT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WT_ASAN 1
#endif
#endif

#ifdef WT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace windtunnel::core {

#ifdef WT_ASAN
inline constexpr bool kHasAddressSanitizer = true;
inline void start_switch(void** save, const void* bottom, std::size_t size) { __sanitizer_start_switch_fiber(save, bottom, size); }
inline void finish_switch(void* saved, const void** old_bottom, std::size_t* old_size) {
  __sanitizer_finish_switch_fiber(saved, old_bottom, old_size);
}
inline void unpoison(const void* memory, std::size_t size) { __asan_unpoison_memory_region(memory, size); }
#else
inline constexpr bool kHasAddressSanitizer = false;
inline void start_switch(void**, const void*, std::size_t) {}
inline void finish_switch(void*, const void**, std::size_t*) {}
inline void unpoison(const void*, std::size_t) {}
#endif

}  // namespace windtunnel::core
