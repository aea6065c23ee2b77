// Which messages a stream has or had in one of its epochs, as far as anybody said so: the stream itself, those who published to it
// or read from it, and the end of the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/types.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/epochs.h"
#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

// Whose message has which content. The ledger's, read once for all streams.
using MessagesByContent = std::unordered_map<std::uint64_t, PublishId>;
[[nodiscard]] MessagesByContent messages_by_content(const Ledger& ledger);

struct StreamEntry {
  core::Seq seq;
  std::uint64_t subject = 0;  // hash
  core::Instant called;
  std::optional<core::Instant> returned = std::nullopt;  // its publisher was told this sequence
  std::optional<PublishId> id = std::nullopt;
  core::Instant said = core::Instant{};  // when the stream said that it stored it; before all else: it never did
};

class StreamEntries {
 public:
  StreamEntries(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch, const MessagesByContent& messages);

  [[nodiscard]] const std::vector<StreamEntry>& all() const { return entries_; }  // ascending
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] const StreamEntry& operator[](std::size_t i) const { return entries_[i]; }
  [[nodiscard]] const StreamEntry* find(core::Seq seq) const;  // nullptr: nobody ever spoke of it

 private:
  void take_from_stream(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch, const MessagesByContent& messages);
  void take_from_others(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch);
  void sort();

  std::vector<StreamEntry> entries_;
};

// Of a stream that never said a word: empty.
[[nodiscard]] const StreamLife& life_of(const Evidence& evidence, const FinalStream& stream);
// What was read of it, in order of the answers; nullptr: nothing.
[[nodiscard]] const std::vector<StreamRead>* reads_of(const Evidence& evidence, const FinalStream& stream);
// What should be so of what was found, whatever the order; nullptr: it is.
[[nodiscard]] const char* why_wrong(const StreamEntries& entries, const StreamRead& read);
// What the stream has at the end belongs to this epoch, and all of it is known.
[[nodiscard]] bool is_told_to_the_end(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch);
// The subject of a message of ours, if its hash is this one: workloads that draw theirs tell only of what kind it is. Else empty.
[[nodiscard]] std::string subject_by_hash(const Evidence& evidence, PublishId id, std::uint64_t subject);

// The acknowledged publishes to this stream.
template <typename Visit>
void each_acked(const Evidence& evidence, const FinalStream& stream, AckStreams& acked_by, const Visit& visit) {
  evidence.ledger.each([&](PublishId id, const PublishRecord& record) {
    if (record.outcome() == Outcome::acked && acked_by.of(record) == &stream) visit(id, record);
  });
}

}  // namespace windtunnel::scenarios
