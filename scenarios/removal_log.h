// RemovalLog: what the workloads asked streams to remove. What was asked for may be gone, and what was not may not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::scenarios {

// A purge or a deletion. It may have taken effect at any time from when it was asked for; one without an answer, even at the end.
struct RequestedRemoval {
  std::string node;
  std::string stream;
  core::Instant asked_at;
  std::optional<core::Instant> answered_at;
  core::Seq seq;                        // of a deletion; 0: a purge
  std::string filter_subject;           // of a purge; empty: every subject
  std::uint64_t keep = 0;               // of a purge: what it leaves
  bool is_done = false;                 // the answer was no error
  bool is_absent = false;               // of a deletion: it was refused because there is no such message
  std::optional<std::uint64_t> purged;  // of a purge: how many it removed, by its answer
};

class RemovalLog {
 public:
  std::size_t add(RequestedRemoval removal) {
    const std::size_t index = removals_.size();
    OfStream& own = streams_[{removal.node, removal.stream}];
    (removal.seq.value != 0 ? own.deletions[removal.seq] : own.purges).push_back(index);
    removals_.push_back(std::move(removal));
    return index;
  }
  [[nodiscard]] RequestedRemoval& at(std::size_t index) { return removals_[index]; }
  [[nodiscard]] const std::vector<RequestedRemoval>& all() const { return removals_; }
  [[nodiscard]] bool is_empty() const { return removals_.empty(); }

  // Whether a removal that may have come after `since` satisfies `is_meant`, among the deletions of `seq` and the purges.
  template <typename IsMeant>
  [[nodiscard]] bool any_of(const std::string& node, const std::string& stream, core::Seq seq, core::Instant since,
                            const IsMeant& is_meant) const {
    const auto own = streams_.find({node, stream});
    if (own == streams_.end()) return false;
    const auto fits = [&](std::size_t index) {
      const RequestedRemoval& removal = removals_[index];
      return (!removal.answered_at || *removal.answered_at >= since) && is_meant(removal);
    };
    const auto deletions = own->second.deletions.find(seq);
    const bool was_deleted =
        deletions != own->second.deletions.end() && std::any_of(deletions->second.begin(), deletions->second.end(), fits);
    return was_deleted || std::any_of(own->second.purges.begin(), own->second.purges.end(), fits);
  }

 private:
  struct OfStream {
    std::map<core::Seq, std::vector<std::size_t>> deletions;
    std::vector<std::size_t> purges;
  };
  std::vector<RequestedRemoval> removals_;
  std::map<std::pair<std::string, std::string>, OfStream> streams_;  // by node and stream
};

}  // namespace windtunnel::scenarios
