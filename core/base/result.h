// Result<T>: a value or an Error. Spelled like std::expected, which GCC 12 has only in C++23.
//
// Errors are values here: whatever the disk, the network or a user can cause comes back as a Result. A broken
// contract between two pieces of our own code is WT_ASSERT's business instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/assert.h"

namespace windtunnel::core {

// What went wrong, for a program to decide by. The detail in Error is for people.
enum class Errc {
  invalid_argument,  // the caller's input is not valid
  not_found,
  already_exists,
  io_error,   // EIO or its like: the device failed
  no_space,   // ENOSPC
  read_only,  // EROFS, EACCES
  corrupt,    // bytes read from disk or network do not make sense
  closed,     // the object or the peer was closed in an orderly way
  reset,      // the connection broke
  refused,    // nobody listens
  timeout,
  unsupported,    // valid in NATS, not supported here
  limit_reached,  // a configured limit refuses it
  sequence_mismatch,
  protocol,  // the peer broke the protocol
};

// "io_error", "no_space", ...
[[nodiscard]] std::string_view name_of(Errc code);

struct Error {
  Errc code = Errc::invalid_argument;
  std::string detail;  // a sentence for people: what, where

  // "corrupt: record length 7 at offset 120 of 3.blk"
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Error&, const Error&) = default;
};

// Whether the device refused, and another time may not: nothing is known of what it holds.
[[nodiscard]] inline bool is_device_error(const Error& why) {
  return why.code == Errc::io_error || why.code == Errc::no_space || why.code == Errc::read_only;
}
[[nodiscard]] inline Error error(Errc code, std::string detail) { return Error{code, std::move(detail)}; }

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}          // NOLINT: implicit on purpose
  Result(Error failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  [[nodiscard]] T& value() & { return checked(); }
  [[nodiscard]] const T& value() const& { return const_cast<Result*>(this)->checked(); }
  [[nodiscard]] T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->checked(); }

  [[nodiscard]] const Error& error() const {
    WT_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }
  [[nodiscard]] T value_or(T fallback) const { return has_value() ? *std::get_if<0>(&state_) : std::move(fallback); }

 private:
  T& checked() {
    WT_ASSERT(has_value());
    return *std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error failure) : failure_(std::move(failure)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool has_value() const { return !failure_; }
  explicit operator bool() const { return has_value(); }
  void value() const { WT_ASSERT(has_value()); }
  [[nodiscard]] const Error& error() const {
    WT_ASSERT(failure_.has_value());
    return *failure_;
  }

 private:
  std::optional<Error> failure_;
};

using Status = Result<void>;

}  // namespace windtunnel::core

#define WT_CONCAT_INNER(a, b) a##b
#define WT_CONCAT(a, b) WT_CONCAT_INNER(a, b)

// WT_TRY(auto x, f()); declares x with f's value, or returns f's error from the enclosing function.
#define WT_TRY(declaration, expression)                                           \
  auto WT_CONCAT(wt_try_, __LINE__) = (expression);                               \
  if (!WT_CONCAT(wt_try_, __LINE__)) return WT_CONCAT(wt_try_, __LINE__).error(); \
  declaration = *std::move(WT_CONCAT(wt_try_, __LINE__))

// WT_CHECK(f()); returns f's error from the enclosing function, if it has one.
#define WT_CHECK(expression)                                                 \
  do {                                                                       \
    if (auto wt_check_ = (expression); !wt_check_) return wt_check_.error(); \
  } while (false)
