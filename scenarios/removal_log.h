// RemovalLog: what the workloads asked streams to remove. What was asked for may be gone, and what was not may not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::scenarios {

// A purge or a deletion. It may have taken effect at any time from when it was asked for; one without an answer, even at the end.
struct RequestedRemoval {
  std::string node;
  std::string stream;
  core::Instant asked_at;
  std::optional<core::Instant> answered_at;
  core::Seq seq;               // of a deletion; 0: a purge
  std::string filter_subject;  // of a purge; empty: every subject
};

class RemovalLog {
 public:
  std::size_t add(RequestedRemoval removal) {
    removals_.push_back(std::move(removal));
    return removals_.size() - 1;
  }
  void answered(std::size_t index, core::Instant at) { removals_[index].answered_at = at; }
  [[nodiscard]] const std::vector<RequestedRemoval>& removals() const { return removals_; }

 private:
  std::vector<RequestedRemoval> removals_;
};

}  // namespace windtunnel::scenarios
