// Remembers which Nats-Msg-Id values were stored recently, and at which sequence (reference: streams A.5).
//
// A publish that repeats an id inside the window is acknowledged with the sequence of the first copy and
// `duplicate: true`; it stores nothing. A mirror never consults this: it must reproduce its origin, duplicates included.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"

namespace windtunnel::core {

class DedupeWindow {
 public:
  // How long an id is remembered, counted from its message's time. 0: nothing is.
  explicit DedupeWindow(Duration window) : window_(window) {}

  void set_window(Duration window) { window_ = window; }
  [[nodiscard]] Duration window() const { return window_; }

  // Where `id` was stored, or nullopt if it is new, empty, or out of the window at `now`.
  [[nodiscard]] std::optional<Seq> find(std::string_view id, WallTime now);
  void record(std::string_view id, Seq seq, WallTime stored_at);
  [[nodiscard]] std::size_t size() const { return seqs_.size(); }

 private:
  struct Arrival {
    std::string id;
    Seq seq;
    WallTime stored_at;
  };
  void expire(WallTime now);

  Duration window_;
  std::map<std::string, Seq, std::less<>> seqs_;
  std::deque<Arrival> arrivals_;
};

}  // namespace windtunnel::core
