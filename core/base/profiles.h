// Profiles: the historic defects that a release of nats-server had, as one value. "Would my topology have this problem on
// that release?" is then one flag (`--as nats-2.10.17`).
//
// A profile follows from the ranges in the table of defects; nothing is listed twice. It holds the defects that windtunnel
// knows, of a single server (reference: defect corpus, "Releases").
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/defects.h"

namespace windtunnel::core {

struct Release {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned patch = 0;
  friend auto operator<=>(const Release&, const Release&) = default;
};

// "2.10.17"; nullopt if it is none.
[[nodiscard]] std::optional<Release> parse_release(std::string_view text);
[[nodiscard]] std::string to_text(const Release& release);

// The releases that there is a profile of, oldest first.
[[nodiscard]] std::span<const Release> profiled_releases();
// "nats-2.10.17", of a release that was published and is known here; nullopt else.
[[nodiscard]] std::optional<Release> profile_named(std::string_view name);
[[nodiscard]] std::string profile_name(const Release& release);
// Whether the ranges (DefectInfo::affected) cover the release. Requires: they are well-formed, as those of the table are.
[[nodiscard]] bool is_affected(std::string_view ranges, const Release& release);
[[nodiscard]] Defects defects_of(const Release& release);

}  // namespace windtunnel::core
