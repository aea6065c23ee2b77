// The port through which the core says what it does. In the simulator every event goes into the trace hash, whether it
// is kept, shown, or neither; so an event's fields must be deterministic, and asking for more logging changes nothing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>

#include "core/base/hash.h"

namespace windtunnel::core {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };

// "mirror.gap": lower-case words, most significant first. Make constants of them: the hash is computed at compile time.
struct EventName {
  std::string_view text;
  std::uint64_t hash;
  consteval EventName(const char* name) : text(name), hash(hash_text(text)) {}  // NOLINT: implicit on purpose
  friend bool operator==(EventName a, EventName b) { return a.hash == b.hash; }
};

// key=value of an event. The value is a number or a text that lives until the call returns.
struct LogField {
  std::string_view key;
  std::string_view text;
  std::int64_t number = 0;
  bool is_text = false;

  template <typename N>
  requires std::is_integral_v<N>
  constexpr LogField(std::string_view k, N n) : key(k), number(static_cast<std::int64_t>(n)) {}
  constexpr LogField(std::string_view k, std::string_view t) : key(k), text(t), is_text(true) {}
};

using LogFields = std::initializer_list<LogField>;

class Log {
 public:
  virtual ~Log() = default;
  // Never suspends, never draws.
  virtual void event(LogLevel level, EventName name, LogFields fields) noexcept = 0;

  void trace(EventName name, LogFields fields = {}) noexcept { event(LogLevel::trace, name, fields); }
  void debug(EventName name, LogFields fields = {}) noexcept { event(LogLevel::debug, name, fields); }
  void info(EventName name, LogFields fields = {}) noexcept { event(LogLevel::info, name, fields); }
  void warn(EventName name, LogFields fields = {}) noexcept { event(LogLevel::warn, name, fields); }
  void error(EventName name, LogFields fields = {}) noexcept { event(LogLevel::error, name, fields); }
};

}  // namespace windtunnel::core
