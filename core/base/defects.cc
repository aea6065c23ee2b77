#include "core/base/defects.h"

#include <array>

#include "core/base/assert.h"

namespace windtunnel::core {
namespace {

constexpr std::array<DefectInfo, static_cast<std::size_t>(Defect::count_)> kDefects = {{
    {Defect::nats_6600, "nats-6600", "An emptied last block is removed before its successor exists.", "..2.10.27, 2.11.0..2.11.1",
     "2.10.28, 2.11.2, 2.12.0"},
    {Defect::nats_6981, "nats-6981", "A mirror stays idle long after its link has healed: retries follow a back-off of up to two minutes.",
     "..2.11.8", "2.11.5 (daisy-chained leafs: 2.11.9), 2.12.0"},
    {Defect::no_dir_sync, "no-dir-sync", "Directories are never synced: a power loss may take names whose files were synced.", "..", ""},
    {Defect::break_ack_before_store, "break-ack-before-store", "A PubAck is sent for a message that is not stored.", "", ""},
    {Defect::break_sync_always, "break-sync-always", "sync: always acknowledges without syncing.", "", ""},
    {Defect::break_mirror_skips, "break-mirror-skips", "A mirror drops a message and takes it for a hole of its origin.", "", ""},
    {Defect::break_mirror_duplicates, "break-mirror-duplicates", "A mirror stores a message twice.", "", ""},
    {Defect::break_mirror_never_resumes, "break-mirror-never-resumes", "A mirror gives up when it first loses its origin.", "", ""},
    {Defect::break_silent_no_responders, "break-silent-no-responders", "A publish that nobody takes is answered by a made-up PubAck.", "",
     ""},
    {Defect::break_state_counts, "break-state-counts", "A stream counts messages that it does not have.", "", ""},
}};

}  // namespace

std::span<const DefectInfo> all_defects() { return kDefects; }

std::string_view name_of(Defect defect) {
  const DefectInfo& info = kDefects[static_cast<std::size_t>(defect)];
  WT_ASSERT(info.defect == defect);
  return info.name;
}

std::optional<Defect> defect_named(std::string_view name) {
  for (const DefectInfo& info : kDefects) {
    if (info.name == name) return info.defect;
  }
  return std::nullopt;
}

}  // namespace windtunnel::core
