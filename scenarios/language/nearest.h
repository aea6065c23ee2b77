// The nearest valid word to a wrong one, for messages: "did you mean `latency`?".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace windtunnel::scenarios {

// The candidate that a typing mistake would most likely have turned into `word`, or an empty view if none is near: up to a
// third of its letters changed, added, dropped or swapped with their neighbour. The first of equals.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean `latency`?", or "; there are a, b and c" when none is near and they are few, or "".
[[nodiscard]] std::string hint(std::string_view word, std::span<const std::string_view> candidates);

// "a, b and c"
[[nodiscard]] std::string listed(std::span<const std::string_view> words, std::string_view last_joint = " and ");

// `text` (UTF-8) as a message shows it: in backquotes, cut after 60 bytes, control characters as \xNN.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace windtunnel::scenarios
