// The durability contract: what a fault may legally cost (reference: defect corpus, "acked-is-durable"; streams A.4).
//
// A kill costs nothing that was stored: the page cache survives it. A power loss costs nothing under `sync: always`, and
// otherwise at most what was stored since the last completed sync, which is at most one sync interval ago (or two, if a sync
// in between was made to fail). A disk fault costs exactly the records that lay in what it damaged, at the moment at which
// it did (scenarios/damage.h). A legal loss is never an alarm, an illegal one always is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "faults/units.h"
#include "scenarios/history.h"
#include "scenarios/ledger.h"

namespace windtunnel::scenarios {

struct Evidence;
struct FinalStream;

// Whether what a stream stored under `seq` at `stored_at`, or was given to store then, may be gone.
[[nodiscard]] bool may_be_lost(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant stored_at);
// The same, of what may be gone by `until`; of a stream in a file.
[[nodiscard]] bool may_be_lost_by(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant stored_at,
                                  core::Instant until);
// Whether this crash of the stream's node may cost something that the stream had acknowledged.
[[nodiscard]] bool may_cost(const Evidence& evidence, const FinalStream& stream, const Crash& crash);
// Whether the stream cannot be opened because a fault damaged its metadata: then its server says so and keeps its files.
[[nodiscard]] bool is_kept_shut(const Evidence& evidence, const FinalStream& stream);
// Whether a message that left the stream at `removed_at` may be there again.
[[nodiscard]] bool may_come_back(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant removed_at);
// The same, by `until`; of a stream in a file.
[[nodiscard]] bool may_come_back_by(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant removed_at,
                                    core::Instant until);
// Whether the damage has had its effect by `until`: at once, or at the next power loss.
[[nodiscard]] bool has_taken_effect(const Evidence& evidence, const Damage& damage, core::Instant until);
// Whether a message acknowledged by `record` may be gone from its stream.
[[nodiscard]] bool may_be_lost(const Evidence& evidence, const FinalStream& stream, const PublishRecord& record);
// The stream that a PubAck named, among those of the scenario; nullptr if there is none.
[[nodiscard]] const FinalStream* stream_of_ack(const Evidence& evidence, const PublishRecord& record);
// Whether what changed in a consumer's state at `at` need not have been written when a process of its node ended by `until`: the disk was
// given no time, or would not take it.
[[nodiscard]] bool may_be_unwritten(const Evidence& evidence, const ConsumerKey& key, core::Instant at, core::Instant until);
// Whether the consumer's state is in no file, and a process of its node ended in that time.
[[nodiscard]] bool ended_with_process(const Evidence& evidence, const ConsumerKey& key, core::Instant from, core::Instant to);
// Whether the stream's node crashed in that time.
[[nodiscard]] bool crashed_between(const Evidence& evidence, const FinalStream& stream, core::Instant from, core::Instant to);
// nullptr: its workload does something else as well.
[[nodiscard]] const PublishSpec* publish_of(const Evidence& evidence, PublishId id);
// The subject to which a message was published, or one that lies like it to any filter of a stream: of a republish loop's messages
// nobody knows which job an acknowledged one was, but the stream.
[[nodiscard]] std::string subject_of(const Evidence& evidence, PublishId id);
// Exactly that; nullopt: nobody knows.
[[nodiscard]] std::optional<std::string> exact_subject_of(const Evidence& evidence, PublishId id);
// What the ack of that publish names: of a duplicate the first message with its id, which may have another subject and have been there
// long before.
struct FirstCopy {
  std::string subject;
  core::Instant since;  // at the latest
};
[[nodiscard]] FirstCopy first_copy_of(const Evidence& evidence, const FinalStream& stream, PublishId id, const PublishRecord& record);
// Of the payload, as its workload asks for it; nullopt: it does something else as well.
[[nodiscard]] std::optional<faults::SizeRange> payload_size_of(const Evidence& evidence, PublishId id);
// Which messages of a workload share a Nats-Msg-Id: those with the same number here. nullopt: this one has none.
[[nodiscard]] std::optional<std::uint64_t> msg_id_of(const Evidence& evidence, PublishId id);
// Whether a stream that has `there` under a sequence has told the truth with an ack that names it: it is the message itself or, for a
// duplicate, one with the same id.
[[nodiscard]] bool is_what_ack_names(const Evidence& evidence, PublishId id, const PublishRecord& record, std::optional<PublishId> there);
// Whether a stream may have come back with a lower last sequence.
[[nodiscard]] bool may_step_back(const Evidence& evidence, const FinalStream& stream, const StreamLife::StepBack& step);
// Whether the stream's own limits took the sequence: there are limits, and it lies below the first one or, where retention or
// a limit a subject may take what lies between others, the stream said that it removed it. Or a later message rolled it up.
[[nodiscard]] bool was_removed_by_limits(const FinalStream& stream, core::Seq seq);
// Whether a workload asked for the removal of the message that was stored there at `stored_at` or later.
[[nodiscard]] bool was_removed_on_request(const Evidence& evidence, const FinalStream& stream, core::Seq seq, std::string_view subject,
                                          core::Instant stored_at);
// Whether somebody asked for the removal of what was stored there at `stored_at`, or may have: any purge is given that much.
[[nodiscard]] bool may_be_asked_for(const Evidence& evidence, const FinalStream& stream, core::Seq seq, core::Instant stored_at);
// Whether a fault damaged files of the stream, or of the whole node.
[[nodiscard]] bool had_damage(const Evidence& evidence, const StreamKey& key);

// Whether nobody may have had an interest in the message of that sequence and that subject (its hash): the sequence was used up, a
// publish acknowledged, and the message not stored.
[[nodiscard]] bool was_of_no_interest(const Evidence& evidence, const FinalStream& stream, core::Seq seq, std::uint64_t subject);

// stream_of_ack, looked for once for each stream that acks named. Evidence: borrowed for its life.
class AckStreams {
 public:
  explicit AckStreams(const Evidence& evidence) : evidence_(evidence) {}
  [[nodiscard]] const FinalStream* of(const PublishRecord& record);

 private:
  const Evidence& evidence_;
  std::vector<std::optional<const FinalStream*>> found_;  // by the ledger's number of the stream
};

// Of each workload the messages whose publisher was told of no error and which are in no stream at the end, though no stream's
// limits took them. All workloads at once, when somebody first asks: the streams are read once and not once for each. Evidence:
// borrowed for its life.
class LostMessages {
 public:
  explicit LostMessages(const Evidence& evidence) : evidence_(evidence) {}
  // Ascending.
  [[nodiscard]] const std::vector<std::uint64_t>& of(std::uint16_t workload);

 private:
  void find();

  const Evidence& evidence_;
  bool is_found_ = false;
  std::vector<std::vector<std::uint64_t>> lost_;
};

}  // namespace windtunnel::scenarios
