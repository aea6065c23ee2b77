// Ledger: every message that a workload published, and what its client was told. The one side of most invariants; what
// the streams hold is the other.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text_map.h"
#include "core/base/types.h"
#include "scenarios/scenario.h"

namespace windtunnel::scenarios {

enum class Outcome : std::uint8_t {
  pending,        // no answer yet
  sent,           // plain publish: handed to the connection, and nobody will ever say more
  acked,          // a PubAck
  error,          // a PubAck with an error, or the client refused to send
  no_responders,  // 503
  timed_out,
};

// Why a stream refused a publish.
enum class Refusal : std::uint8_t {
  none,          // it did not
  other,         // or nobody knows which stream it was
  subject_full,  // max_msgs_per_subject, with discard_new_per_subject
  stream_full,   // max_msgs or max_bytes, with discard new
  too_large,     // max_msg_size
};

// What became of one publish, in 24 bytes: a long run has millions of them (issue 5).
class PublishRecord {
 public:
  explicit PublishRecord(core::Instant published_at);

  // The first attempt. Exact up to 13 days.
  [[nodiscard]] core::Instant published_at() const { return core::Instant{core::Duration{published_ns_}}; }
  // When the outcome was known: never earlier, and at most kSettledUnit later.
  [[nodiscard]] core::Instant settled_at() const { return core::after(published_at(), settled_after_ * kSettledUnit); }
  // Of the PubAck; 0: there was none.
  [[nodiscard]] core::Seq seq() const { return core::Seq{outcome() == Outcome::acked ? std::uint64_t{seq_} : 0}; }
  // Of the last answer, where the outcome is an error.
  [[nodiscard]] Refusal refusal() const { return outcome() == Outcome::error ? static_cast<Refusal>(seq_ & kRefusalMask) : Refusal::none; }
  // There is no outcome yet, for it is tried again and again; but the last attempt that is over was answered with an error.
  [[nodiscard]] bool is_refused_so_far() const { return outcome() == Outcome::pending && (seq_ & kRefusalMask) != 0; }
  // Of a republish loop, which job this was (RepublishSpec). nullopt: nobody knows, or it was acknowledged: the sequence took the
  // place, and the stream says what it stored there.
  [[nodiscard]] std::optional<std::uint64_t> job() const;
  // Of the PubAck, or of what refused it: Ledger::stream_of.
  [[nodiscard]] std::uint16_t stream() const { return static_cast<std::uint16_t>(stream_); }
  [[nodiscard]] bool is_duplicate() const { return is_duplicate_ != 0; }
  // Hash of headers and payload, as stream.stored reports it.
  [[nodiscard]] std::uint64_t content() const { return content_; }
  [[nodiscard]] Outcome outcome() const { return static_cast<Outcome>(outcome_); }

  void set_content(std::uint64_t content) { content_ = content; }
  void set_job(std::uint64_t job);
  // Requires: it has no outcome yet.
  void note_attempt(bool is_refused);
  void settle(Outcome outcome, core::Instant at);
  void settle_acked(core::Instant at, std::uint16_t stream, core::Seq seq, bool is_duplicate);
  void settle_refused(core::Instant at, std::uint16_t stream, Refusal why);

  static constexpr core::Duration kSettledUnit{std::chrono::microseconds{100}};
  static constexpr std::uint16_t kStreamsMax = 1 << 10;

 private:
  static constexpr std::uint64_t kRefusalBits = 3;
  static constexpr std::uint64_t kRefusalMask = (1U << kRefusalBits) - 1;
  static constexpr std::uint64_t kSeqMask = (std::uint64_t{1} << 36) - 1;

  std::uint64_t published_ns_ : 50;
  std::uint64_t outcome_ : 3;
  std::uint64_t is_duplicate_ : 1;
  std::uint64_t stream_ : 10;
  std::uint64_t seq_ : 36;  // unless it was acknowledged: above the Refusal 1 + its job, or 0
  std::uint64_t settled_after_ : 28;
  std::uint64_t content_;
};
static_assert(sizeof(PublishRecord) == 24);

// A message's identity: which workload published it, and the how-manieth it was, from 0.
struct PublishId {
  std::uint16_t workload = 0;
  std::uint64_t index = 0;
  friend auto operator<=>(const PublishId&, const PublishId&) = default;
};

class Ledger {
 public:
  // Of one workload. Of messages whose story is over (Ledger::forget) only the number is left.
  struct Book {
    std::string name;
    Via via = Via::core;

    // How many it has published, those that are forgotten included.
    [[nodiscard]] std::uint64_t size() const { return first_ + records_.size(); }
    [[nodiscard]] std::uint64_t count(Outcome outcome) const;
    [[nodiscard]] std::uint64_t count_duplicates() const;
    // nullptr: it is forgotten, or was never published.
    [[nodiscard]] const PublishRecord* find(std::uint64_t index) const;
    // Calls visit(index, record) for each that is remembered, ascending, until it returns false.
    template <typename Visit>
    void each(const Visit& visit) const {
      for (const auto& [index, record] : odd_) {
        if (!visit(index, record)) return;
      }
      for (std::uint64_t i = 0; i < records_.size(); ++i) {
        if (!visit(first_ + i, records_[i])) return;
      }
    }

   private:
    friend class Ledger;
    std::deque<PublishRecord> records_;           // from index first_ on
    std::map<std::uint64_t, PublishRecord> odd_;  // older ones that are not forgotten
    std::uint64_t first_ = 0;
    std::map<Outcome, std::uint64_t> forgotten_;
    std::uint64_t forgotten_duplicates_ = 0;
  };

  // Workloads are numbered in the order of their registration.
  std::uint16_t open(std::string name, Via via);
  [[nodiscard]] const std::vector<Book>& books() const { return books_; }
  [[nodiscard]] const Book* book(std::string_view name) const;
  // Calls visit(id, record) for each publish that is remembered, workload by workload.
  template <typename Visit>
  void each(const Visit& visit) const {
    for (std::size_t w = 0; w < books_.size(); ++w) {
      books_[w].each([&](std::uint64_t index, const PublishRecord& record) {
        visit(PublishId{static_cast<std::uint16_t>(w), index}, record);
        return true;
      });
    }
  }
  // Requires: it is not forgotten.
  [[nodiscard]] PublishRecord& at(PublishId id);
  [[nodiscard]] const PublishRecord& at(PublishId id) const;
  // Whether `content` (a hash, as in a record) is what that message of ours carried. Of a forgotten one nobody knows: true.
  [[nodiscard]] bool is_genuine(PublishId id, std::uint64_t content) const;
  // The next message of a workload. Its content is still to be set.
  PublishId add(std::uint16_t workload, core::Instant now);
  // Forgets, of the messages of a workload that were first published up to `until`, those of which is_over(index, record) holds.
  template <typename IsOver>
  void forget(std::uint16_t workload, core::Instant until, const IsOver& is_over) {
    Book& book = books_[workload];
    const auto forgets = [&](std::uint64_t index, const PublishRecord& record) {
      if (!is_over(index, record)) return false;
      ++book.forgotten_[record.outcome()];
      if (record.is_duplicate()) ++book.forgotten_duplicates_;
      return true;
    };
    std::erase_if(book.odd_, [&](const auto& entry) { return forgets(entry.first, entry.second); });
    for (; !book.records_.empty() && book.records_.front().published_at() <= until; ++book.first_, book.records_.pop_front()) {
      if (!forgets(book.first_, book.records_.front())) book.odd_.emplace(book.first_, book.records_.front());
    }
  }

  // What PubAcks named, numbered: "ORDERS" or "ORDERS@hub" with a domain.
  std::uint16_t stream_number(const std::string& stream, const std::string& domain);
  [[nodiscard]] const std::string& stream_of(std::uint16_t number) const { return streams_[number].first; }
  [[nodiscard]] const std::string& domain_of(std::uint16_t number) const { return streams_[number].second; }

  // "careful#17".
  [[nodiscard]] std::string name_of(PublishId id) const;
  // The payload that identifies a message: "careful#17;" and filler up to `size`. Never shorter than its identity.
  [[nodiscard]] std::string payload(PublishId id, core::Bytes size) const;
  // Whose payload this is; nullopt if it is none of ours.
  [[nodiscard]] std::optional<PublishId> identify(std::string_view payload) const;

 private:
  std::vector<Book> books_;
  core::TextMap<std::vector<std::uint16_t>> numbers_;  // of the workloads of a name; one, in a scenario
  std::vector<std::pair<std::string, std::string>> streams_;
  std::map<std::pair<std::string, std::string>, std::uint16_t> stream_numbers_;
};

}  // namespace windtunnel::scenarios
