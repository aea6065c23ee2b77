#include "core/base/defects.h"

#include <array>

#include "core/base/assert.h"

namespace windtunnel::core {
namespace {

constexpr std::array<DefectInfo, static_cast<std::size_t>(Defect::count_)> kDefects = {{
    {Defect::nats_4775, "nats-4775",
     "With discard new, a message is admitted by the size of its payload alone, and others are evicted to make room.", "..2.10.5",
     "2.10.5 (the size), 2.10.6 (the eviction)"},
    {Defect::nats_5227, "nats-5227", "The repair of an ack floor far below the stream takes the lowest pending message for acknowledged.",
     "..2.10.12", "2.10.14, 2.11.0"},
    {Defect::nats_5305, "nats-5305",
     "A redelivery that nobody takes moves the consumer's position back: another message comes again, as if for the first time.",
     "..2.10.12", "2.10.14, 2.11.0"},
    {Defect::nats_5426, "nats-5426", "A compaction drops every tombstone, also those of earlier blocks.", "..2.10.14", "2.10.16, 2.11.0"},
    {Defect::nats_5497, "nats-5497",
     "Skipped sequences in an empty last block are not written, and an index.db that names such a block is not believed.", "..2.10.16",
     "2.10.17, 2.11.0"},
    {Defect::nats_5497b, "nats-5497b", "A graceful stop ends the process without waiting for what is still to be written.", "..2.10.16",
     "2.10.17, 2.11.0"},
    {Defect::nats_5697, "nats-5697",
     "The sweep for acknowledged messages runs on work queues too, and minds no filter: messages of others go.", "", "2.10.19, 2.11.0"},
    {Defect::nats_5702a, "nats-5702a",
     "Tombstones do not count in a block's size, and a compaction that gains nothing is repeated for ever.", "2.10.16..2.10.18",
     "2.10.19, 2.11.0"},
    {Defect::nats_5702b, "nats-5702b", "A confirmed ack is answered before its message has left the stream.", "2.10.16..2.10.18",
     "2.10.19, 2.11.0"},
    {Defect::nats_5818, "nats-5818",
     "A message id whose message nobody was interested in is remembered with sequence 0: its duplicate is acknowledged with that.",
     "..2.10.18", "2.10.19, 2.11.0"},
    {Defect::nats_5831, "nats-5831", "Each sync pass rewrites a block that cannot shrink.", "..2.10.18", "2.10.19, 2.11.0"},
    {Defect::nats_5901, "nats-5901",
     "A stale index.db is patched with what the last block has beyond it: blocks that went since still count.", "..2.10.20",
     "2.10.21, 2.11.0"},
    {Defect::nats_5973, "nats-5973", "Tombstones never begin a new block: a block grows far beyond its size.", "2.10.0..2.10.21",
     "2.10.22, 2.11.0"},
    {Defect::nats_6244, "nats-6244",
     "A limit of messages per subject that is set on a stream without one is not enforced until the next publish on the subject.",
     "..2.12.9, 2.14.0..2.14.1", "2.12.10, 2.14.2"},
    {Defect::nats_6343, "nats-6343", "An ack out of order lowers the count of messages that are not delivered yet.", "", "2.10.25, 2.11.0"},
    {Defect::nats_6352, "nats-6352", "A block made mostly of tombstones is rewritten with every removal.", "2.10.16..2.10.29", "2.11.0"},
    {Defect::nats_6526, "nats-6526",
     "A message stored after the newest one of its subject was removed drops out of the index with the next removal.", "2.10.25",
     "2.10.26, 2.11.0"},
    {Defect::nats_6600, "nats-6600", "An emptied last block is removed before its successor exists.", "..2.10.27, 2.11.0..2.11.1",
     "2.10.28, 2.11.2, 2.12.0"},
    {Defect::nats_6684, "nats-6684", "A block whose compression was cut short counts twice.", "..2.10.27", "2.10.28, 2.11.0"},
    {Defect::nats_6685, "nats-6685", "A purge by subject and a compaction to a sequence write no tombstones below the new first sequence.",
     "..2.10.27, 2.11.0..2.11.1", "2.10.28, 2.11.2"},
    {Defect::nats_6753, "nats-6753", "A stream whose first message has the configured first sequence is purged when it is opened.",
     "2.10.0..2.10.27, 2.11.0..2.11.1", "2.10.28, 2.11.2"},
    {Defect::nats_6798, "nats-6798", "A message is stored whose record is too large to be read back.", "..2.10.27, 2.11.0..2.11.1",
     "2.10.28, 2.11.2"},
    {Defect::nats_6881, "nats-6881",
     "The last sequence in index.db counts only where messages were found damaged: an emptied stream falls back.",
     "2.10.0..2.10.29, 2.11.0..2.11.3", "2.11.4, 2.12.0"},
    {Defect::nats_6981, "nats-6981", "A mirror stays idle long after its link has healed: retries follow a back-off of up to two minutes.",
     "..2.11.8", "2.11.5 (daisy-chained leafs: 2.11.9), 2.12.0"},
    {Defect::nats_7123, "nats-7123", "A missing block that is not the last one goes unnoticed when index.db is current.",
     "..2.10.29, 2.11.0..2.11.6", "2.11.7, 2.12.0"},
    {Defect::nats_7384, "nats-7384", "A block of tombstones alone stands for the lowest of them, not the highest.", "..2.11.10, 2.12.0",
     "2.11.11, 2.12.1"},
    {Defect::nats_7387, "nats-7387", "A block goes with tombstones that earlier blocks still need.", "..2.12.12", "2.14.0"},
    {Defect::nats_7388, "nats-7388", "meta.inf, meta.sum and o.dat are written in place.", "..2.11.10, 2.12.0", "2.11.11, 2.12.1"},
    {Defect::nats_7549, "nats-7549", "Damage in the middle of a block costs everything behind it in the block.", "..", ""},
    {Defect::nats_7594, "nats-7594",
     "Records wait in memory to be written, and the sync pass drops those of a block that was idle for 30 s.", "2.12.0..2.12.2", "2.12.3"},
    {Defect::nats_7676, "nats-7676",
     "A purge moves the blocks away before their successor exists: a crash in between empties the stream, at sequence 0.", "..2.12.12",
     "2.14.0"},
    {Defect::nats_7691, "nats-7691", "A consumer state that does not decode is ignored: the consumer starts over.",
     "..2.11.11, 2.12.0..2.12.3", "2.11.12, 2.12.4"},
    {Defect::nats_7692, "nats-7692", "A consumer that is ahead of its stream waits there.", "..2.12.12", "2.14.0"},
    {Defect::nats_7782, "nats-7782", "A last sequence that is taken from index.db is not written down: the next crash forgets it.",
     "2.11.4..2.11.17, 2.12.0..2.12.4", "2.12.5, 2.14.0"},
    {Defect::nats_8004, "nats-8004", "When one message of a subject is left it is looked for in the block of the subject's last one only.",
     "..2.12.6", "2.12.7, 2.14.0"},
    {Defect::nats_8168, "nats-8168", "An ack of a message that ran out of deliveries is forgotten by the next restart.", "..2.12.8, 2.14.0",
     "2.12.9, 2.14.1"},
    {Defect::nats_8423, "nats-8423", "An ack of everything up to a message removes what lies between from a work queue, delivered or not.",
     "..", ""},
    {Defect::no_dir_sync, "no-dir-sync", "Directories are never synced: a power loss may take names whose files were synced.", "..", ""},
    {Defect::break_ack_before_store, "break-ack-before-store", "A PubAck is sent for a message that is not stored.", "", ""},
    {Defect::break_sync_always, "break-sync-always", "sync: always acknowledges without syncing.", "", ""},
    {Defect::break_mirror_skips, "break-mirror-skips", "A mirror drops a message and takes it for a hole of its origin.", "", ""},
    {Defect::break_mirror_duplicates, "break-mirror-duplicates", "A mirror stores a message twice.", "", ""},
    {Defect::break_mirror_never_resumes, "break-mirror-never-resumes", "A mirror gives up when it first loses its origin.", "", ""},
    {Defect::break_silent_no_responders, "break-silent-no-responders", "A publish that nobody takes is answered by a made-up PubAck.", "",
     ""},
    {Defect::break_state_counts, "break-state-counts", "A stream counts messages that it does not have.", "", ""},
    {Defect::break_first_seq, "break-first-seq", "A stream's first sequence lags behind its first message.", "", ""},
    {Defect::break_consumer_flush, "break-consumer-flush", "A consumer's state is never written again after its first write.", "", ""},
    {Defect::break_torn_tail, "break-torn-tail", "Recovery cuts the last whole record of a block with the torn one behind it.", "", ""},
    {Defect::break_full_disk, "break-full-disk", "A PubAck is sent for a message for which the disk had no room.", "", ""},
    {Defect::break_orphans, "break-orphans", "A stream whose meta.inf cannot be read is taken for an orphan and deleted.", "", ""},
    {Defect::break_cas, "break-cas", "An expected last sequence of a subject is not compared with what is there.", "", ""},
    {Defect::break_stale_latest, "break-stale-latest", "A direct get by subject does not see the newest message of the stream.", "", ""},
    {Defect::break_dedupe, "break-dedupe", "A repeated message id is not recognised, and the message stored again.", "", ""},
    {Defect::break_subject_limit, "break-subject-limit", "The limit of messages a subject is not enforced.", "", ""},
    {Defect::break_expiry, "break-expiry", "Messages never expire.", "", ""},
    {Defect::break_purge, "break-purge", "A purge of everything leaves the newest message.", "", ""},
    {Defect::break_ack_removal, "break-ack-removal", "Some acknowledged messages stay in a work queue.", "", ""},
    {Defect::break_interest, "break-interest", "The first ack of a message removes it, whoever else wants it.", "", ""},
    {Defect::break_skip_delivery, "break-skip-delivery", "A consumer passes some messages over.", "", ""},
    {Defect::break_delivery_count, "break-delivery-count", "Every delivery of a message counts as its first.", "", ""},
    {Defect::break_ack_floor, "break-ack-floor", "The ack floor does not move when a message is acknowledged.", "", ""},
    {Defect::break_max_ack_pending, "break-max-ack-pending", "A consumer delivers beyond max_ack_pending.", "", ""},
    {Defect::break_consumer_shutdown, "break-consumer-shutdown", "A consumer is deleted when its server shuts down.", "", ""},
    {Defect::break_leaf_interest, "break-leaf-interest", "Interest is announced to leaf connections, and never withdrawn.", "", ""},
    {Defect::break_leaf_echo, "break-leaf-echo", "Some messages are sent back over the leaf connection that they came from.", "", ""},
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
