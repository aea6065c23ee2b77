// JsonWriter: appends JSON to a string, field by field in the order of the calls, as nats-server writes it: no spaces,
// "<", ">" and "&" escaped as \u003c and so on, times as RFC 3339 with nanoseconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/types.h"

namespace windtunnel::core {

// "2024-01-01T00:00:00.0001Z"; trailing zeros of the fraction are dropped, as Go's RFC3339Nano does.
[[nodiscard]] std::string rfc3339(WallTime time);
// The zero time of Go, which nats-server prints where there is no time.
inline constexpr std::string_view kZeroTimeText = "0001-01-01T00:00:00Z";
[[nodiscard]] std::string base64(std::string_view bytes);

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& text(std::string_view value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(std::uint64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // a complete value

  JsonWriter& field(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonWriter& field(std::string_view name, const char* value) { return key(name).text(value); }
  template <typename T>
  requires std::is_integral_v<T> JsonWriter& field(std::string_view name, T value) {
    key(name);
    if constexpr (std::is_same_v<T, bool>) {
      return boolean(value);
    } else if constexpr (std::is_signed_v<T>) {
      return number(static_cast<std::int64_t>(value));
    } else {
      return number(static_cast<std::uint64_t>(value));
    }
  }
  JsonWriter& field(std::string_view name, WallTime value) { return key(name).text(rfc3339(value)); }

  [[nodiscard]] const std::string& view() const { return out_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate();
  std::string out_;
  bool needs_comma_ = false;
};

}  // namespace windtunnel::core
