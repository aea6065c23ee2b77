// Whether the program runs under AddressSanitizer, ten times as slow: a test that goes over much and is not about memory then takes
// a part of it.
#pragma once

namespace windtunnel::tests {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif
#else
inline constexpr bool kIsSanitized = false;
#endif

}  // namespace windtunnel::tests
