// Defects: behaviours that were wrong in some release of the real server, or that are wrong on purpose, each a switch
// that is off by default and read at the exact place where the wrong code would be.
//
// Two kinds. A *historic* defect ("nats-6981") is what a release really did; a profile is the set that a release had. Two of
// them no release had as code: they are reports of wrong configurations ("nats-4148", "nats-6468"), and with the switch a right
// one shows what those did. A *sabotage* ("break-...") never existed: it breaks the core so that a test can watch an invariant
// fail. Which are on is a value in each node's environment, so nodes may differ. Built with -Ddefects=false, is_on is
// constantly false.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace windtunnel::core {

enum class Defect : std::uint8_t {
  // Historic.
  nats_3207,    // copies of a work queue are not acknowledged: what is on the way is gone at the origin
  nats_4148,    // a leaf without its hub answers for streams that the hub would have
  nats_4775,    // discard new admits what does not fit, and evicts for it
  nats_5227,    // the repair of an ack floor takes the lowest pending message for acknowledged
  nats_5305,    // a redelivery that fails takes the position back
  nats_5426,    // a compaction drops every tombstone
  nats_5497,    // skips in an empty last block stay in memory
  nats_5497b,   // a graceful stop does not wait for the last writes
  nats_5697,    // the sweep of acknowledged messages runs on work queues, and minds no filter
  nats_5702a,   // tombstones do not count in a block's size: compaction storms
  nats_5702b,   // an ack is answered before its message leaves the stream
  nats_5818,    // a message id that was not stored for want of interest points to sequence 0
  nats_5831,    // each sync pass rewrites a block that cannot shrink
  nats_5901,    // a stale index.db is patched instead of rebuilt
  nats_5973,    // tombstones never roll a block
  nats_6206,    // a source does not notice that its origin was made anew
  nats_6244,    // a first per-subject limit is not enforced when it is set
  nats_6343,    // an ack out of order lowers the count of what is not delivered yet
  nats_6352,    // a block of tombstones is rewritten with every removal
  nats_6383,    // a mirror refuses message ids that it has seen, and loses step
  nats_6468,    // a source looks for its origin at home, and says nothing if it is not there
  nats_6526,    // the newest message of a subject drops out of the index after a removal
  nats_6600,    // an emptied last block is removed before its successor exists
  nats_6684,    // N.blk.tmp is taken for a block
  nats_6685,    // purges write no tombstones below the new first sequence
  nats_6753,    // a configured first sequence purges its own message at a restart
  nats_6798,    // records above 32 MiB are written but never read
  nats_6881,    // the last sequence of an emptied stream is not taken from index.db
  nats_6981,    // copies resume by timer after an outage, not by the link's return
  nats_7123,    // a missing block goes unnoticed when index.db is current
  nats_7384,    // a block of tombstones alone stands for the lowest of them
  nats_7387,    // a block goes with tombstones that are still needed
  nats_7388,    // meta.* and o.dat are written in place
  nats_7530,    // what a copy asks and nobody answers leaves no error in its status
  nats_7549,    // damage inside a block costs all that follows in it
  nats_7594,    // the sync pass drops records that wait to be written
  nats_7676,    // a purge moves the blocks away before their successor exists
  nats_7691,    // a consumer state that does not decode is ignored
  nats_7692,    // a consumer that is ahead of its stream waits there
  nats_7782,    // a last sequence from index.db is not written down
  nats_7796,    // a link's return re-creates the healthy sources too
  nats_7896,    // a message id that a source repeats is an error, tried again and again
  nats_8004,    // the last message of a subject is looked for behind its block
  nats_8040,    // copies are refused for a roll-up that the target does not permit
  nats_8069,    // a source takes its consumer's position for one message more
  nats_8111,    // a link's return adds an attempt for each source, whatever is under way
  nats_8152,    // a mirror falls back to the last sequence of an origin that has fewer
  nats_8168,    // an ack of what ran out of deliveries is not written down
  nats_8387,    // a source without a position begins at the time of the stream's last message
  nats_8423,    // an ack of all removes what lies between and was never delivered
  no_dir_sync,  // directories are never synced
  // Sabotage.
  break_ack_before_store,      // a PubAck leaves, the message is not stored
  break_sync_always,           // sync: always does not sync
  break_disk_errors,           // what a disk refuses is given up, and what it cannot read is taken for absent
  break_mirror_skips,          // a mirror drops a message and takes it for a hole
  break_mirror_duplicates,     // a mirror stores a message twice
  break_mirror_never_resumes,  // a mirror gives up after the first loss of its link
  break_interest_missed,       // a stream that keeps what somebody wants keeps nothing of every 20th sequence
  break_source_skips,          // a source drops a message
  break_source_duplicates,     // a source stores a message twice
  break_source_rereads,        // a source that finds its origin again begins some messages too early
  break_source_never_resumes,  // a source gives up after the first loss of its link
  break_silent_no_responders,  // no 503 when nobody listens, and a fake PubAck instead
  break_state_counts,          // a stream counts messages that it does not have
  break_first_seq,             // a stream's first sequence lags behind its first message
  break_consumer_flush,        // a consumer's state is written when it is made, and never again
  break_torn_tail,             // recovery cuts the last whole record with the torn one behind it
  break_full_disk,             // a message for which there was no room is acknowledged
  break_orphans,               // a stream whose meta.inf cannot be read is deleted
  break_cas,                   // a publish's expected last sequence of its subject is not compared
  break_stale_latest,          // a direct get by subject does not see the stream's newest message
  break_dedupe,                // a repeated message id is not recognised
  break_subject_limit,         // more messages a subject than its limit
  break_expiry,                // messages never expire
  break_purge,                 // a purge leaves the newest message
  break_ack_removal,           // some acknowledged messages stay
  break_interest,              // the first ack removes, whoever else wants the message
  break_skip_delivery,         // a consumer passes messages over
  break_delivery_count,        // every delivery counts as the first
  break_ack_floor,             // the ack floor stands still
  break_max_ack_pending,       // a consumer delivers beyond it
  break_consumer_shutdown,     // a shutdown deletes consumers
  break_leaf_interest,         // interest is announced to leaf connections, and never withdrawn
  break_leaf_echo,             // some messages go back over the leaf connection that they came from
  count_,                      // not a defect
};

struct DefectInfo {
  Defect defect;
  std::string_view name;
  std::string_view summary;
  // The releases that had it, as closed ranges: "2.10.0..2.10.27, 2.11.0..2.11.1"; "..2.12.7" has no beginning and "2.10.16.."
  // no end. Empty for a sabotage, and for what no release had as a single server, or at all. core/base/profiles.h reads it.
  std::string_view affected;
  std::string_view fixed;  // the first release of each line without it; empty: none, or a sabotage

  [[nodiscard]] bool is_sabotage() const { return name.starts_with("break-"); }
};

// All of them, in the order of the enumeration.
[[nodiscard]] std::span<const DefectInfo> all_defects();
[[nodiscard]] std::string_view name_of(Defect defect);
[[nodiscard]] std::optional<Defect> defect_named(std::string_view name);

class Defects {
 public:
  [[nodiscard]] bool is_on([[maybe_unused]] Defect defect) const {
#ifdef WINDTUNNEL_NO_DEFECTS
    return false;
#else
    return bits_.test(static_cast<std::size_t>(defect));
#endif
  }
  void set(Defect defect) { bits_.set(static_cast<std::size_t>(defect)); }
  void add(const Defects& others) { bits_ |= others.bits_; }
  [[nodiscard]] bool is_none() const { return bits_.none(); }
  friend bool operator==(const Defects&, const Defects&) = default;

 private:
  std::bitset<static_cast<std::size_t>(Defect::count_)> bits_;
};

}  // namespace windtunnel::core
