// The shapes that several tables of the language use. For the tables*.cc files of this folder.
#pragma once

#include <span>
#include <string_view>

#include "scenarios/language/tables.h"

namespace windtunnel::scenarios::shapes {

inline constexpr Shape kText{.type = Type::text};
inline constexpr Shape kName{.type = Type::name};
inline constexpr Shape kStreamName{.type = Type::stream_name};
inline constexpr Shape kDuration{.type = Type::duration};
inline constexpr Shape kPositiveDuration{.type = Type::positive_duration};
inline constexpr Shape kDurationRange{.type = Type::duration_range};
inline constexpr Shape kSize{.type = Type::size};
inline constexpr Shape kPositive{.type = Type::positive};
inline constexpr Shape kBound{.type = Type::bound};
inline constexpr Shape kLinkEnds{.type = Type::link_ends};
inline constexpr Shape kDefect{.type = Type::defect};
inline constexpr Shape kDefects{.type = Type::list, .element = &kDefect};
inline constexpr Shape kInvariant{.type = Type::invariant};
inline constexpr Shape kInvariants{.type = Type::list, .element = &kInvariant};

constexpr Shape object(const Table& table) { return {.type = Type::object, .table = &table}; }
constexpr Shape choice(std::span<const std::string_view> choices) { return {.type = Type::choice, .choices = choices}; }

}  // namespace windtunnel::scenarios::shapes
