// Variant: what a run has besides its scenario and seed, as the run needs it and as reports tell it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/defects.h"
#include "core/base/profiles.h"
#include "reports/run_record.h"

namespace windtunnel::cli {

struct Variant {
  reports::RunVariant told;
  core::Defects defects;  // of the profile, and those by name
};

inline Variant make_variant(const std::optional<core::Release>& profile, const std::vector<core::Defect>& defects,
                            std::vector<scenarios::CrashAt> crashes) {
  Variant out;
  if (profile) {
    out.told.profile = core::profile_name(*profile);
    out.defects = core::defects_of(*profile);
  }
  for (const core::Defect defect : defects) {
    out.told.defects.emplace_back(core::name_of(defect));
    out.defects.set(defect);
  }
  out.told.crashes = std::move(crashes);
  return out;
}

}  // namespace windtunnel::cli
