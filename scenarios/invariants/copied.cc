#include "scenarios/invariants/copied.h"

#include <algorithm>

#include "scenarios/invariants/durability.h"

namespace windtunnel::scenarios {
namespace {

using Kind = CopyFinding::Kind;

const FinalStream* find_stream(const Evidence& evidence, const StreamKey& key) {
  const auto found =
      std::find_if(evidence.end.streams.begin(), evidence.end.streams.end(), [&](const FinalStream& each) { return each.key == key; });
  return found == evidence.end.streams.end() ? nullptr : &*found;
}

const FinalMessage* message_at(const FinalStream& stream, core::Seq seq) {
  const auto it =
      std::lower_bound(stream.messages.begin(), stream.messages.end(), seq, [](const FinalMessage& m, core::Seq s) { return m.seq < s; });
  return it == stream.messages.end() || it->seq != seq ? nullptr : &*it;
}

std::string text(core::Seq seq) { return std::to_string(seq.value); }

// Written before a crash that came before the word of it: the origin holds it all the same.
bool is_held_by_origin(const Evidence& evidence, const CopyFinding& finding) {
  const FinalStream* origin = find_stream(evidence, finding.origin);
  const FinalMessage* there = origin == nullptr ? nullptr : message_at(*origin, finding.seq);
  return there != nullptr && there->content == finding.content && there->subject == finding.subject;
}

// Whether the origin had the message when its mirror passed it over: it has it still, or said later that it removed it. What it lost in
// between, to a power loss or damage, it may have had no more.
bool was_there(const Evidence& evidence, const CopyFinding& finding) {
  const FinalStream* origin = find_stream(evidence, finding.origin);
  if (origin == nullptr) return false;
  if (!evidence.changes.bodies_of(finding.stream).empty() || had_damage(evidence, finding.origin)) return false;
  if (const FinalMessage* there = message_at(*origin, finding.seq)) return there->content == finding.content;
  const StreamLife* life = evidence.history.life(finding.origin);
  // What is forgotten was removed some time; had that been before, there would be no finding.
  if (life != nullptr && finding.seq <= life->pruned.through) return true;
  return said_removed(evidence, finding.origin, finding.seq, finding.at);
}

// Where the mirror had stored the same before; 0: nowhere.
core::Seq stored_before(const Evidence& evidence, const CopyFinding& finding) {
  const StreamLife* life = evidence.history.life(finding.stream);
  if (life == nullptr) return {};
  for (const StoredEvent& stored : life->stored) {
    if (stored.at > finding.at) break;
    if (stored.content == finding.content && stored.seq != finding.seq) return stored.seq;
  }
  return {};
}

// How often the origin stored it, with careless retries.
bool is_stored_once(const Evidence& evidence, const StreamKey& origin, std::uint64_t content) {
  const StreamLife* life = evidence.history.life(origin);
  if (life == nullptr) return false;
  return std::count_if(life->stored.begin(), life->stored.end(), [&](const StoredEvent& each) { return each.content == content; }) <= 1;
}

Divergence divergence(const FinalStream& stream, std::string_view invariant, const CopyFinding& finding, std::string expected,
                      std::string actual) {
  Divergence out = about(invariant, stream, finding.seq, finding.at);
  out.expected = std::move(expected);
  out.actual = std::move(actual);
  return out;
}

// The source, and the stream that it copies; nullptr: the scenario does not have it, or its sequences do not mean one message each.
const FinalCopy* source_of(const Evidence& evidence, const FinalStream& stream, const CopyFinding& finding) {
  const auto copy =
      std::find_if(stream.copies.begin(), stream.copies.end(), [&](const FinalCopy& each) { return each.key == finding.source_key; });
  if (copy == stream.copies.end() || stream.spec == nullptr) return nullptr;
  const StreamSpec* origin = evidence.scenario.origin(*stream.spec, *copy->from);
  const FinalStream* end = origin == nullptr ? nullptr : evidence.end.find(origin->on, origin->name);
  const StreamLife* life = end == nullptr ? nullptr : evidence.history.life(end->key);
  const bool uses_sequences_once = end != nullptr && (life == nullptr || (life->ascents.size() <= 1 && life->steps_back.empty()));
  return uses_sequences_once ? &*copy : nullptr;
}

// After a loss: whether the stream still had under `first` what its source brought again. It has it at the end, or said later that it
// removed it, and had not given that sequence to another message in between.
bool was_still_held(const Evidence& evidence, const FinalStream& stream, const FinalCopy& copy, const CopyFinding& finding) {
  const core::Seq first = *finding.first;
  const StreamLife* life = evidence.history.life(finding.stream);
  if (life == nullptr || first >= finding.seq) return false;
  const auto is_behind = [&](const StreamLife::StepBack& step) { return step.at > finding.at && step.to < first; };
  const std::vector<const StoredEvent*> stored = life->at(first);
  const bool is_used_again =
      std::any_of(life->steps_back.begin(), life->steps_back.end(), is_behind) || (!stored.empty() && stored.back()->at > finding.at);
  if (is_used_again) return false;
  const bool is_there = std::any_of(stream.sourced.begin(), stream.sourced.end(), [&](const SourcedMessage& each) {
    return &stream.copies[each.copy] == &copy && each.origin_seq == finding.origin_seq && each.seq == first;
  });
  return is_there || said_removed(evidence, finding.stream, first, core::after(finding.at, core::Duration{1}));
}

// Of what a source brought behind its place: whether it had brought just that before.
bool was_brought_before(const FinalStream& stream, const FinalCopy& copy, const CopyFinding& finding) {
  if (finding.first || finding.origin_seq == finding.last) return true;
  return std::any_of(stream.sourced.begin(), stream.sourced.end(), [&](const SourcedMessage& each) {
    return &stream.copies[each.copy] == &copy && each.origin_seq == finding.origin_seq && each.seq < finding.seq;
  });
}

std::vector<Divergence> found_of_sources(const Evidence& evidence, bool is_again, std::string_view invariant) {
  std::vector<Divergence> out;
  if (evidence.copies == nullptr) return out;
  for (const CopyFinding& finding : *evidence.copies) {
    const FinalStream* stream = finding.kind == Kind::repeated ? find_stream(evidence, finding.stream) : nullptr;
    if (stream == nullptr || is_found(out, *stream)) continue;
    const FinalCopy* copy = source_of(evidence, *stream, finding);
    if (copy == nullptr || was_brought_before(*stream, *copy, finding) != is_again) continue;
    if (finding.first && !was_still_held(evidence, *stream, *copy, finding)) continue;
    const std::string what = "sequence " + text(finding.origin_seq) + " of source " + copy->from->name;
    out.push_back(is_again
                      ? divergence(*stream, invariant, finding, what + " is stored once", "it was stored again, as " + text(finding.seq))
                      : divergence(*stream, invariant, finding, "what comes from source " + copy->from->name + " is stored in its order",
                                   what + " was stored behind " + text(finding.last)));
  }
  return out;
}

}  // namespace

bool is_found(const std::vector<Divergence>& found, const FinalStream& stream) {
  return std::any_of(found.begin(), found.end(),
                     [&](const Divergence& each) { return each.node == stream.node && each.stream == stream.key.stream; });
}

bool said_removed(const Evidence& evidence, const StreamKey& key, core::Seq seq, core::Instant since) {
  const StreamLife* life = evidence.history.life(key);
  return life != nullptr && std::any_of(life->removed.begin(), life->removed.end(),
                                        [&](const StreamLife::Removal& each) { return each.seq == seq && each.at >= since; });
}

std::string named_by_content(const Evidence& evidence, std::uint64_t content) {
  std::string out = "a message of nobody's";
  bool is_named = false;
  for (std::uint16_t w = 0; w < evidence.ledger.books().size() && !is_named; ++w) {
    evidence.ledger.books()[w].each([&](std::uint64_t index, const PublishRecord& record) {
      if (record.content() != content) return true;
      out = evidence.ledger.name_of(PublishId{w, index});
      is_named = true;
      return false;
    });
  }
  return out;
}

std::vector<Divergence> found_unlike_origin(const Evidence& evidence) {
  std::vector<Divergence> out;
  if (evidence.copies == nullptr) return out;
  for (const CopyFinding& finding : *evidence.copies) {
    const FinalStream* stream = find_stream(evidence, finding.stream);
    const FinalStream* origin = find_stream(evidence, finding.origin);
    if (stream == nullptr || origin == nullptr || !origin->is_readable || is_found(out, *stream)) continue;
    const auto report = [&](std::string expected, std::string actual) {
      out.push_back(divergence(*stream, "mirror-is-prefix", finding, std::move(expected), std::move(actual)));
    };
    const auto named = [&] { return named_by_content(evidence, finding.content); };
    switch (finding.kind) {
      case Kind::repeated: break;
      case Kind::again:
        report("the mirror goes on from " + text(finding.last), "it stored " + named() + " under " + text(finding.seq));
        break;
      case Kind::other:
        if (is_held_by_origin(evidence, finding)) break;
        report("the mirror stores under a sequence what its origin stored there",
               "it stored " + named() + ", which the origin has not had there");
        break;
      case Kind::hole:
        if (!was_there(evidence, finding) || was_of_no_interest(evidence, *stream, finding.seq, finding.subject)) break;
        report("the mirror stores the origin's " + named() + ", which it has", "it went on to " + text(finding.last) + " without it");
        break;
    }
  }
  return out;
}

std::vector<Divergence> found_again(const Evidence& evidence) {
  std::vector<Divergence> out = found_of_sources(evidence, /*is_again=*/true, "no-duplicate-in-mirror");
  if (evidence.copies == nullptr) return out;
  for (const CopyFinding& finding : *evidence.copies) {
    if (finding.kind != Kind::other && finding.kind != Kind::again) continue;
    const FinalStream* stream = find_stream(evidence, finding.stream);
    if (stream == nullptr || is_found(out, *stream) || !is_stored_once(evidence, finding.origin, finding.content)) continue;
    if (is_held_by_origin(evidence, finding)) continue;
    const core::Seq before = stored_before(evidence, finding);
    const std::string named = before.value == 0 ? std::string{} : named_by_content(evidence, finding.content);
    if (before.value == 0) continue;
    out.push_back(divergence(*stream, "no-duplicate-in-mirror", finding, named + " is stored in the mirror once, as " + text(before),
                             "it was stored again, as " + text(finding.seq)));
  }
  return out;
}

std::vector<Divergence> found_out_of_order(const Evidence& evidence) {
  return found_of_sources(evidence, /*is_again=*/false, "no-loss-after-offline");
}

}  // namespace windtunnel::scenarios
