// Whether a stream that refused a publish for a limit of the whole stream, or for its message's size, can have had to.
//
// Such a limit concerns all subjects at once, so it is no part of the search by subject. It is judged by what may have been there:
// everything whose publish had begun by the answer, but for what was certainly gone before the call. A stream may have had less, so
// this misses some of what is wrong, and never finds what is right wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "scenarios/invariants/client_history.h"
#include "scenarios/invariants/epochs.h"
#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

// Messages and their bytes by a moment each; asked for how many and how much there were by then.
class Tally {
 public:
  struct Sum {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  void add(core::Instant at, std::uint64_t bytes) { all_.emplace_back(at, Sum{1, bytes}); }
  // Before any of the questions.
  void sort();
  [[nodiscard]] Sum until(core::Instant at) const;  // that moment included

 private:
  std::vector<std::pair<core::Instant, Sum>> all_;  // sorted: sums up to there
};

struct Presence {
  Tally come;                // from the beginning of its publish on a message may be there
  Tally gone;                // from that moment on it is not
  std::uint64_t hidden = 0;  // messages that may have been there though nobody said so
};

// The refusals of this epoch that cannot have been; and publishes that were taken though they are too large.
[[nodiscard]] std::optional<Mistold> judge_refusals(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch,
                                                    const Presence& presence);

// The publishes that this stream refused, for one of its limits. An error names no domain: of two streams of one name nobody knows which
// it was.
template <typename Visit>
void each_refused(const Evidence& evidence, const FinalStream& stream, const Visit& visit) {
  std::size_t named = 0;
  for (const FinalStream& other : evidence.end.streams) named += other.key.stream == stream.key.stream ? 1 : 0;
  if (named != 1) return;
  evidence.ledger.each([&](PublishId id, const PublishRecord& record) {
    const Refusal why = record.refusal();
    if (why != Refusal::none && why != Refusal::other && evidence.ledger.stream_of(record.stream()) == stream.key.stream) visit(id, record);
  });
}

}  // namespace windtunnel::scenarios
