// What is wrong with a scenario file, and where.
#pragma once

#include <string>
#include <vector>

#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

struct Diagnostic {
  SourcePosition where;
  std::string message;  // a sentence without a full stop: what is wrong, and what to write instead
  [[nodiscard]] std::string text() const { return where.text() + ": " + message; }  // "hub.yaml:12:7: unknown key ..."
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

// Collects what is wrong. After kMax the rest is only counted: they are the first one's echoes, or no scenario at all.
class Diagnostics {
 public:
  static constexpr std::size_t kMax = 40;

  void add(const SourcePosition& where, std::string message) {
    ++count_;
    if (list_.size() < kMax) list_.push_back({where, std::move(message)});
  }
  [[nodiscard]] bool is_full() const { return list_.size() >= kMax; }
  [[nodiscard]] std::size_t count() const { return count_; }
  // In the order of the file; of one place, in the order in which they were found.
  [[nodiscard]] std::vector<Diagnostic> take();

 private:
  std::vector<Diagnostic> list_;
  std::size_t count_ = 0;
};

}  // namespace windtunnel::scenarios
