// LeafInterest: what this side has announced to the other side of one leaf connection, counted (reference: wire 13.3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/server/interest_names.h"

namespace windtunnel::core {

class LeafInterest {
 public:
  using Name = InterestNames::Id;

  // Borrowed for this object's life; what is announced is held there.
  explicit LeafInterest(InterestNames& names) : names_(names) {}
  ~LeafInterest();
  LeafInterest(const LeafInterest&) = delete;
  LeafInterest& operator=(const LeafInterest&) = delete;

  // Counts `delta` more (or fewer) subscriptions, without saying so: for the first burst. Requires: delta > 0.
  void add(Name name, std::int64_t delta);
  // Appends LS+ for everything counted so far, in order of subject.
  void append_all(std::string& out);
  // Counts, and appends the LS+ or LS- that this makes necessary: for a plain subject when its count leaves or reaches
  // 0, for a queue at every change, with the new weight.
  void change(Name name, std::int64_t delta, std::string& out);

  // Everything that is announced, in order of subject and queue.
  [[nodiscard]] std::vector<Name> all() const;
  [[nodiscard]] std::int64_t count(Name name) const { return name < counts_.size() ? counts_[name] : 0; }
  // How many LS+ and LS- were appended.
  [[nodiscard]] std::uint64_t said() const { return said_; }

 private:
  std::int64_t& count_of(Name name);
  void append(Name name, std::string& out) const;

  InterestNames& names_;
  std::vector<std::int64_t> counts_;  // by name: how many, >= 0
  std::uint64_t said_ = 0;
};

}  // namespace windtunnel::core
