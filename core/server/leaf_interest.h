// LeafInterest: what this side has announced to the other side of one leaf connection, counted (reference: wire 13.3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text_map.h"

namespace windtunnel::core {

class LeafInterest {
 public:
  // Counts `delta` more (or fewer) subscriptions, without saying so: for the first burst. Requires: delta > 0.
  void add(std::string_view subject, std::string_view queue, std::int64_t delta);
  // Appends LS+ for everything counted so far, in order of subject.
  void append_all(std::string& out);
  // Counts, and appends the LS+ or LS- that this makes necessary: for a plain subject when its count leaves or reaches
  // 0, for a queue at every change, with the new weight.
  void change(std::string_view subject, std::string_view queue, std::int64_t delta, std::string& out);

  // Everything that is announced, by "subject" or "subject queue", in that order. Views: valid until the next change.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::int64_t>> all() const;
  // How many LS+ and LS- were appended.
  [[nodiscard]] std::uint64_t said() const { return said_; }
  [[nodiscard]] std::size_t size() const { return counts_.size(); }

 private:
  const std::string& key_of(std::string_view subject, std::string_view queue);

  TextMap<std::int64_t> counts_;  // "subject" or "subject queue" -> how many, > 0
  std::string key_;               // of the change under way
  std::uint64_t said_ = 0;
};

}  // namespace windtunnel::core
