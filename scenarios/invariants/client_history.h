// What the clients of a stream asked it for and were told, subject by subject, as histories that can be searched for an order
// (scenarios/model/subject_history.h).
//
// Why it may be taken apart by subject: an order of all that happened to a stream, without the operations that do not concern a
// subject, is an order of what happened to that subject; so if one of its parts has none, the whole has none. What concerns several
// subjects (a purge, a roll-up of everything) is an operation of each of them. That they happened at once is lost in taking apart,
// and so is what follows from it: a search by subject misses some of what is wrong, and never finds what is right wrong. What makes
// one subject depend on the others, limits of the whole stream above all, is not in the parts at all: such a limit may take a
// message whenever it likes.
//
// A crash that may cost what was acknowledged (scenarios/invariants/durability.h) ends a history, and the next begins: sequences
// may be used again. What is of an earlier one nothing is said of in the next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/types.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/model/subject_history.h"

namespace windtunnel::scenarios {

// Between two crashes that may cost something. `from` belongs to it.
struct Epoch {
  core::Instant from;
  core::Instant to = core::kForever;
  [[nodiscard]] bool has(core::Instant called, core::Instant returned) const { return called >= from && returned < to; }
};
// Of a stream up to where its files were damaged or its configuration changed; empty if nothing can be said of it: others write to
// it (it is a copy), or its subjects are not those that were published to.
[[nodiscard]] std::vector<Epoch> epochs_of(const Evidence& evidence, const FinalStream& stream);

struct SubjectCase {
  std::string subject;  // empty: nobody knows its name
  SubjectModel model{{}, 0};
  SubjectHistory history;
};

// Something that was told wrongly whatever the order.
struct Mistold {
  core::Seq seq;
  core::Instant at;
  std::string expected;
  std::string actual;
};

struct StreamCase {
  std::vector<SubjectCase> subjects;
  std::optional<Mistold> mistold;
};

// Whose message has which content. The ledger's, read once for all streams.
using MessagesByContent = std::unordered_map<std::uint64_t, PublishId>;
[[nodiscard]] MessagesByContent messages_by_content(const Ledger& ledger);

// Whether anybody looked at what is in the stream, or took something away: else there is only one order, that of the sequences.
[[nodiscard]] bool is_looked_at(const Evidence& evidence, const FinalStream& stream);
[[nodiscard]] StreamCase case_of(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch,
                                 const MessagesByContent& messages);

}  // namespace windtunnel::scenarios
