// What the clients of a stream asked it for and were told, subject by subject, as histories that can be searched for an order
// (scenarios/model/subject_history.h).
//
// Why it may be taken apart by subject: an order of all that happened to a stream, without the operations that do not concern a
// subject, is an order of what happened to that subject; so if one of its parts has none, the whole has none. What concerns several
// subjects (a purge, a roll-up of everything) is an operation of each of them. That they happened at once is lost in taking apart,
// and so is what follows from it: a search by subject misses some of what is wrong, and never finds what is right wrong. What makes
// one subject depend on the others, limits of the whole stream above all, is not in the parts at all: such a limit may take a
// message whenever it likes. What it refuses is judged beside them (scenarios/invariants/refusals.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "scenarios/invariants/epochs.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/invariants/stream_entries.h"
#include "scenarios/model/subject_history.h"

namespace windtunnel::scenarios {

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

// Whether anybody looked at what is in the stream, took something away, or was refused for what there is: else there is only one order,
// that of the sequences.
[[nodiscard]] bool is_looked_at(const Evidence& evidence, const FinalStream& stream);
[[nodiscard]] StreamCase case_of(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch,
                                 const MessagesByContent& messages);

}  // namespace windtunnel::scenarios
