// LeafInterest: what this side has announced to the other side of one leaf connection, counted (reference: wire 13.3).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

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

  // Everything that is announced, by "subject" or "subject queue".
  [[nodiscard]] const std::map<std::string, std::int64_t, std::less<>>& all() const { return counts_; }
  // How many LS+ and LS- were appended.
  [[nodiscard]] std::uint64_t said() const { return said_; }
  [[nodiscard]] std::size_t size() const { return counts_.size(); }

 private:
  std::map<std::string, std::int64_t, std::less<>> counts_;  // "subject" or "subject queue" -> how many, > 0
  std::uint64_t said_ = 0;
};

}  // namespace windtunnel::core
