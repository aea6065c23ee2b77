// The invariant of a stream's concurrent history as a whole: what all its clients were told of publishes, gets, deletions, purges and
// roll-ups is what one server would have told them, that did one after the other, each between its call and its answer.
//
// The sequences are that server's order of publishes, so of these there is nothing to be searched for: they must only lie as their
// calls and answers do, which takes one pass. Where somebody looked, or took something away, the rest is a search, subject by
// subject (scenarios/invariants/client_history.h).

#include <algorithm>
#include <optional>
#include <vector>

#include "scenarios/invariants/client_history.h"
#include "scenarios/invariants/durability.h"
#include "scenarios/invariants/invariants.h"
#include "scenarios/world.h"

namespace windtunnel::scenarios {

std::vector<Divergence> check_stream_linearizable(const Evidence& evidence);

namespace {

constexpr std::string_view kName = "stream-linearizable";
// So many states a subject. What is not concurrent takes one an operation.
constexpr std::uint64_t kStatesMax = 200'000;

// An acknowledged publish.
struct Acked {
  core::Seq seq;
  core::Instant called;
  core::Instant returned;
  PublishId id;
};

std::string span_text(core::Instant called, std::optional<core::Instant> returned) {
  return " (" + clock_text(called) + (returned ? " to " + clock_text(*returned) : " on") + ")";
}

// Whether the sequences ascend as time does: nobody was told a lower one after the answer to a higher one.
std::optional<Divergence> judge_order(const Evidence& evidence, const FinalStream& stream, const std::vector<Epoch>& epochs,
                                      std::vector<Acked>& acked) {
  for (const Epoch& epoch : epochs) {
    std::vector<Acked> own;
    const std::vector<Acked>* all = &acked;
    if (epochs.size() > 1 || epoch.to != core::kForever) {
      std::copy_if(acked.begin(), acked.end(), std::back_inserter(own), [&](const Acked& a) { return epoch.has(a.called, a.returned); });
      all = &own;
    }
    const Acked* latest = nullptr;  // called, of those with lower sequences
    const Acked* before = nullptr;
    for (const Acked& each : *all) {
      const bool is_twice = before != nullptr && before->seq == each.seq;
      if (is_twice || (latest != nullptr && each.returned < latest->called)) {
        const Acked& other = is_twice ? *before : *latest;
        Divergence d = about(kName, stream, each.seq, each.returned);
        d.message = evidence.ledger.name_of(each.id);
        d.expected = "publishes have sequences in the order in which they can have happened, each its own";
        d.actual = d.message + span_text(each.called, each.returned) + " was told " + std::to_string(each.seq.value) + ", and " +
                   evidence.ledger.name_of(other.id) + span_text(other.called, other.returned) + " " + std::to_string(other.seq.value);
        return d;
      }
      if (latest == nullptr || each.called > latest->called) latest = &each;
      before = &each;
    }
  }
  return std::nullopt;
}

std::optional<Divergence> judge_subject(const FinalStream& stream, const SubjectCase& subject) {
  const Linearization found = linearize(subject.model, subject.history, kStatesMax);
  if (found.verdict != Linearization::Verdict::impossible) return std::nullopt;
  SubjectModel::State state = subject.model.initial();
  for (const std::size_t index : found.order) state = subject.model.step(state, subject.history[index].operation).value_or(state);
  Divergence d = about(kName, stream, core::Seq{}, core::Instant{});
  d.expected = "what the clients of " + (subject.subject.empty() ? "a subject" : "subject " + subject.subject) +
               " were told can have happened in some order, each operation between its call and its answer";
  d.actual = "no order explains it";
  if (!found.order.empty()) {
    const Timed<SubjectStep>& last = subject.history[found.order.back()];
    d.actual = "after " + subject.model.text_of(last.operation) + span_text(last.called, last.returned) + " there are " +
               subject.model.text_of(state);
  }
  if (found.stuck) {
    const Timed<SubjectStep>& stuck = subject.history[*found.stuck];
    d.actual += ", and no order explains " + subject.model.text_of(stuck.operation) + span_text(stuck.called, stuck.returned);
    d.at = stuck.returned.value_or(stuck.called);
    const std::size_t message = stuck.operation.message != SubjectStep::kNone ? stuck.operation.message : stuck.operation.begin;
    if (message < subject.model.messages().size()) d.first_seq = subject.model.messages()[message].seq;
  }
  return d;
}

std::optional<Divergence> judge_epoch(const Evidence& evidence, const FinalStream& stream, const Epoch& epoch,
                                      const MessagesByContent& messages) {
  const StreamCase of_stream = case_of(evidence, stream, epoch, messages);
  if (of_stream.mistold) {
    Divergence d = about(kName, stream, of_stream.mistold->seq, of_stream.mistold->at);
    d.expected = of_stream.mistold->expected;
    d.actual = of_stream.mistold->actual;
    return d;
  }
  for (const SubjectCase& subject : of_stream.subjects) {
    if (std::optional<Divergence> d = judge_subject(stream, subject)) return d;
  }
  return std::nullopt;
}

// Of each stream its acknowledged publishes, by sequence.
std::vector<std::vector<Acked>> acked_of(const Evidence& evidence) {
  std::vector<std::vector<Acked>> out(evidence.end.streams.size());
  AckStreams acked_by{evidence};
  const std::vector<Ledger::Book>& books = evidence.ledger.books();
  for (std::size_t w = 0; w < books.size(); ++w) {
    books[w].each([&](std::uint64_t i, const PublishRecord& record) {
      const FinalStream* stream = record.outcome() == Outcome::acked && !record.is_duplicate() ? acked_by.of(record) : nullptr;
      if (stream == nullptr) return true;
      std::vector<Acked>& own = out[static_cast<std::size_t>(stream - evidence.end.streams.data())];
      own.push_back({record.seq(), record.published_at(), record.settled_at(), {static_cast<std::uint16_t>(w), i}});
      return true;
    });
  }
  const auto is_before = [](const Acked& a, const Acked& b) { return a.seq < b.seq; };
  for (std::vector<Acked>& own : out) {
    if (!std::is_sorted(own.begin(), own.end(), is_before)) std::stable_sort(own.begin(), own.end(), is_before);
  }
  return out;
}

}  // namespace

std::vector<Divergence> check_stream_linearizable(const Evidence& evidence) {
  std::vector<Divergence> out;
  std::vector<std::vector<Acked>> acked = acked_of(evidence);
  std::optional<MessagesByContent> messages;
  for (std::size_t i = 0; i < evidence.end.streams.size(); ++i) {
    const FinalStream& stream = evidence.end.streams[i];
    if (stream.spec == nullptr || stream.key.stream.starts_with("KV_")) continue;  // cas-exact's and latest-per-subject-visible's
    const std::vector<Epoch> epochs = epochs_of(evidence, stream);
    std::optional<Divergence> d = judge_order(evidence, stream, epochs, acked[i]);
    if (!d && is_looked_at(evidence, stream)) {
      if (!messages) messages = messages_by_content(evidence.ledger);
      for (const Epoch& epoch : epochs) {
        if (!d) d = judge_epoch(evidence, stream, epoch, *messages);
      }
    }
    if (d) out.push_back(std::move(*d));
  }
  return out;
}

}  // namespace windtunnel::scenarios
