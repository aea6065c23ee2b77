#include "core/base/profiles.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

using namespace windtunnel::core;

namespace {

// Which of three releases had a defect, as read at their tags (reference: defect corpus, "Releases", and the "Affected" and
// "Fixed" columns of filestore 6).
struct Membership {
  std::string_view defect;
  bool in_12;
  bool in_17;
  bool in_27;
};
constexpr std::array kMembers = {
    Membership{"nats-6600", true, true, true},    Membership{"nats-6881", true, true, true},
    Membership{"nats-6685", true, true, true},    Membership{"nats-7676", true, true, true},
    Membership{"nats-8004", true, true, true},    Membership{"nats-6244", true, true, true},
    Membership{"nats-8423", true, true, true},    Membership{"nats-7691", true, true, true},
    Membership{"nats-8168", true, true, true},    Membership{"nats-6383", true, true, true},
    Membership{"nats-8040", true, true, true},    Membership{"nats-3207", true, true, true},
    Membership{"nats-6206", true, true, true},    Membership{"nats-6981", true, true, true},
    Membership{"no-dir-sync", true, true, true},  Membership{"nats-7692", true, true, true},
    Membership{"nats-5497", true, false, false},  Membership{"nats-5227", true, false, false},
    Membership{"nats-5305", true, false, false},  Membership{"nats-5901", true, true, false},
    Membership{"nats-5818", true, true, false},   Membership{"nats-5702a", false, true, false},
    Membership{"nats-5702b", false, true, false}, Membership{"nats-4775", false, false, false},
    Membership{"nats-6526", false, false, false}, Membership{"nats-7594", false, false, false},
    Membership{"nats-7796", false, false, false}, Membership{"nats-8111", false, false, false},
    Membership{"nats-6828", false, false, false}, Membership{"nats-5697", false, false, false},
    Membership{"nats-6343", false, false, false}, Membership{"nats-5426", true, false, false},
    Membership{"nats-5973", true, true, false},   Membership{"nats-6352", false, true, true},
    Membership{"nats-5831", true, true, false},   Membership{"nats-7384", true, true, true},
    Membership{"nats-7387", true, true, true},    Membership{"nats-7123", true, true, true},
    Membership{"nats-6753", true, true, true},    Membership{"nats-6684", true, true, true},
    Membership{"nats-6798", true, true, true},    Membership{"nats-7388", true, true, true},
    Membership{"nats-7549", true, true, true},    Membership{"nats-7782", false, false, false},
    Membership{"nats-6034", false, true, false},  Membership{"nats-5497b", true, false, false},
    Membership{"nats-7530", true, true, true},    Membership{"nats-7896", true, true, true},
    Membership{"nats-8069", true, true, true},    Membership{"nats-8152", true, true, true},
    Membership{"nats-8387", true, true, true},
};

bool has(std::string_view profile, Defect defect) { return defects_of(*profile_named(profile)).is_on(defect); }

}  // namespace

TEST_CASE("the three releases that were read have the defects that they had") {
  for (const DefectInfo& info : all_defects()) {
    CAPTURE(info.name);
    if (info.affected.empty()) continue;
    const auto* member = std::find_if(kMembers.begin(), kMembers.end(), [&](const Membership& each) { return each.defect == info.name; });
    REQUIRE_MESSAGE(member != kMembers.end(), "a defect needs a row here");
    CHECK(has("nats-2.10.12", info.defect) == member->in_12);
    CHECK(has("nats-2.10.17", info.defect) == member->in_17);
    CHECK(has("nats-2.10.27", info.defect) == member->in_27);
  }
}

TEST_CASE("no release had a sabotage") {
  for (const DefectInfo& info : all_defects()) {
    if (!info.name.starts_with("break-")) continue;
    for (const Release& release : profiled_releases()) CHECK_FALSE(defects_of(release).is_on(info.defect));
  }
}

TEST_CASE("ranges: both ends belong to them, and either may be missing") {
  CHECK(is_affected("2.10.16..2.10.18", {2, 10, 16}));
  CHECK(is_affected("2.10.16..2.10.18", {2, 10, 18}));
  CHECK_FALSE(is_affected("2.10.16..2.10.18", {2, 10, 19}));
  CHECK_FALSE(is_affected("2.10.16..2.10.18", {2, 10, 14}));
  CHECK(is_affected("..2.10.27, 2.11.0..2.11.1", {2, 9, 0}));
  CHECK(is_affected("..2.10.27, 2.11.0..2.11.1", {2, 11, 1}));
  CHECK_FALSE(is_affected("..2.10.27, 2.11.0..2.11.1", {2, 10, 28}));
  CHECK(is_affected("2.12.0..", {2, 14, 5}));
  CHECK(is_affected("..", {2, 14, 5}));
  CHECK(is_affected("2.10.25", {2, 10, 25}));
  CHECK_FALSE(is_affected("2.10.25", {2, 10, 26}));
  CHECK_FALSE(is_affected("", {2, 10, 25}));
}

TEST_CASE("profiles are named by releases that exist") {
  CHECK(profile_named("nats-2.10.17") == Release{2, 10, 17});
  CHECK(profile_named("nats-2.10.13") == std::nullopt);   // never published
  CHECK(profile_named("nats-2.10.017") == std::nullopt);  // spelled otherwise
  CHECK(profile_named("nats-2.10") == std::nullopt);
  CHECK(profile_named("2.10.17") == std::nullopt);
  CHECK(profile_named("") == std::nullopt);
  for (const Release& release : profiled_releases()) CHECK(profile_named(profile_name(release)) == release);
}
