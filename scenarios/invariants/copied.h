// What CopyWatch found while the run went on, as far as nothing excuses it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/invariants/invariants.h"

namespace windtunnel::scenarios {

// One a stream, at the moment at which it happened: a mirror that is no prefix of its origin.
[[nodiscard]] std::vector<Divergence> found_unlike_origin(const Evidence& evidence);
// A mirror or a source that brought a message again.
[[nodiscard]] std::vector<Divergence> found_again(const Evidence& evidence);
// A source that brought messages out of their order.
[[nodiscard]] std::vector<Divergence> found_out_of_order(const Evidence& evidence);

// Whether one of them is about that stream.
[[nodiscard]] bool is_found(const std::vector<Divergence>& found, const FinalStream& stream);
// Whether the stream said that it removed what it had under that sequence, at `since` or later.
[[nodiscard]] bool said_removed(const Evidence& evidence, const StreamKey& key, core::Seq seq, core::Instant since);
// "careful#17", or "a message of nobody's".
[[nodiscard]] std::string named_by_content(const Evidence& evidence, std::uint64_t content);

}  // namespace windtunnel::scenarios
