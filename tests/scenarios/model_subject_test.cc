// The model of one subject of a stream, by histories made by hand and by the stream's own model.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "scenarios/model/stream_model.h"
#include "scenarios/model/subject_history.h"
#include "tests/scenarios/every_order.h"

namespace windtunnel::scenarios {
namespace {

using Kind = SubjectStep::Kind;
using Verdict = Linearization::Verdict;
constexpr std::size_t kNone = SubjectStep::kNone;

core::Instant at(int when) { return core::Instant{core::Duration{when}}; }

Timed<SubjectStep> timed(SubjectStep step, int from, int to) {
  step.called = at(from);
  step.returned = at(to);
  return {std::move(step), at(from), at(to)};
}
SubjectStep step_of(Kind kind, std::size_t message = kNone) {
  SubjectStep step;
  step.kind = kind;
  step.message = message;
  return step;
}
SubjectStep range(std::size_t begin, std::size_t end, std::size_t message) {
  SubjectStep step = step_of(Kind::look, message);
  step.begin = begin;
  step.end = end;
  return step;
}
Timed<SubjectStep> publish(std::size_t m, int from, int to) { return timed(step_of(Kind::publish, m), from, to); }
Timed<SubjectStep> unanswered(std::size_t m, int from) { return {step_of(Kind::publish, m), at(from), std::nullopt}; }
Timed<SubjectStep> repeat(std::size_t m, int from, int to) { return timed(step_of(Kind::repeat, m), from, to); }
Timed<SubjectStep> refused(std::uint64_t most, int from, int to) {
  SubjectStep step = step_of(Kind::refuse);
  step.keep = most;
  return timed(std::move(step), from, to);
}
Timed<SubjectStep> remove(std::size_t m, int from, int to) { return timed(step_of(Kind::remove, m), from, to); }
Timed<SubjectStep> got(std::size_t m, int from, int to) { return timed(range(m, m, m), from, to); }
Timed<SubjectStep> missing(std::size_t m, int from, int to) { return timed(range(m, m + 1, kNone), from, to); }
Timed<SubjectStep> last(std::size_t m, int from, int to) { return timed(range(m + 1, kNone, m), from, to); }
Timed<SubjectStep> no_last(int from, int to) { return timed(range(0, kNone, kNone), from, to); }
Timed<SubjectStep> next(std::size_t begin, std::size_t m, int from, int to) { return timed(range(begin, m, m), from, to); }
Timed<SubjectStep> scan(std::vector<std::size_t> there, int when) {
  SubjectStep step = step_of(Kind::scan);
  step.there = std::move(there);
  return timed(std::move(step), when, when);
}
Timed<SubjectStep> purge(std::uint64_t keep, std::optional<std::uint64_t> purged, int from, int to) {
  SubjectStep step = step_of(Kind::purge);
  step.keep = keep;
  step.purged = purged;
  return timed(std::move(step), from, to);
}
Timed<SubjectStep> roll_up(std::size_t m, int from, int to) {
  SubjectStep step = step_of(Kind::purge, m);
  step.end = m;
  return timed(std::move(step), from, to);
}

std::vector<SubjectMessage> messages(std::size_t count) {
  std::vector<SubjectMessage> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back({core::Seq{10 + i * 5}, core::kForever, core::kForever});
  return out;
}

struct Row {
  const char* what;
  SubjectHistory history;
  bool is_possible;
  std::uint64_t limit = 0;
  std::uint64_t most = 0;
};

void check(const std::vector<Row>& rows, const std::vector<SubjectMessage>& of) {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const SubjectModel model{of, row.limit, row.most};
    CHECK(linearize(model, row.history).verdict == (row.is_possible ? Verdict::possible : Verdict::impossible));
  }
}

TEST_CASE("publishes lie in time as their sequences do, and a get finds what is there") {
  check(
      {
          {"one after the other", {publish(0, 0, 1), got(0, 2, 3), publish(1, 4, 5), last(1, 6, 7)}, true},
          {"two at once, the lower sequence called last", {publish(0, 3, 9), publish(1, 0, 10)}, true},
          {"the lower sequence after the answer to the higher one", {publish(0, 6, 9), publish(1, 0, 5)}, false},
          {"found before it was published", {got(0, 0, 1), publish(0, 2, 3)}, false},
          {"not found after the answer", {publish(0, 0, 1), missing(0, 2, 3)}, false},
          {"not found beside the publish", {publish(0, 0, 5), missing(0, 2, 3)}, true},
          {"found and then not, beside the publish", {publish(0, 0, 9), got(0, 1, 2), missing(0, 3, 4)}, false},
          {"the last one, when a newer one has its answer", {publish(0, 0, 1), publish(1, 2, 3), last(0, 4, 5)}, false},
          {"the last one, beside the newer one", {publish(0, 0, 1), publish(1, 2, 6), last(0, 4, 5)}, true},
          {"the newer one and then the older one", {publish(0, 0, 1), publish(1, 2, 9), last(1, 3, 4), last(0, 5, 6)}, false},
          {"no last one, when there is one", {publish(0, 0, 1), no_last(2, 3)}, false},
          {"the next one from a sequence on", {publish(0, 0, 1), publish(1, 2, 3), next(0, 0, 4, 5), next(1, 1, 4, 5)}, true},
          {"the next one passes over what is there", {publish(0, 0, 1), publish(1, 2, 3), next(0, 1, 4, 5)}, false},
          {"a repeat is told of what is stored", {publish(0, 0, 5), repeat(0, 2, 3)}, true},
          {"a repeat is told of what comes later", {repeat(0, 2, 3), publish(0, 4, 5)}, false},
      },
      messages(2));
}

TEST_CASE("a subject that is full refuses, and takes nothing; one that has room takes, and refuses nothing") {
  check(
      {
          {"refused when it is full", {publish(0, 0, 1), refused(1, 2, 3)}, true, 0, 1},
          {"refused before", {publish(0, 4, 5), refused(1, 2, 3)}, false, 0, 1},
          {"refused beside the message that fills it", {publish(0, 1, 5), refused(1, 2, 3)}, true, 0, 1},
          {"refused when one is missing", {publish(0, 0, 1), refused(2, 2, 3)}, false, 0, 2},
          {"refused after the removal", {publish(0, 0, 1), remove(0, 2, 3), refused(1, 4, 5)}, false, 0, 1},
          {"refused beside the removal", {publish(0, 0, 1), remove(0, 2, 5), refused(1, 3, 4)}, true, 0, 1},
          {"not found, and then refused for it", {publish(0, 0, 1), remove(0, 2, 9), missing(0, 3, 4), refused(1, 5, 6)}, false, 0, 1},
          {"refused for a message of which nobody heard", {unanswered(0, 0), refused(1, 2, 3)}, true, 0, 1},
          {"so that it was there", {unanswered(0, 0), refused(1, 2, 3), missing(0, 4, 5)}, false, 0, 1},
          {"taken when it is full", {publish(0, 0, 1), publish(1, 2, 3)}, false, 0, 1},
          {"taken beside the removal", {publish(0, 0, 1), remove(0, 2, 5), publish(1, 3, 4)}, true, 0, 1},
          {"taken before the removal", {publish(0, 0, 1), publish(1, 2, 3), remove(0, 4, 5)}, false, 0, 1},
          {"refused and taken, with a removal that can lie between",
           {publish(0, 0, 1), remove(0, 2, 9), refused(1, 3, 4), publish(1, 5, 6)},
           true,
           0,
           1},
          {"taken and refused as well, as the next fills it",
           {publish(0, 0, 1), remove(0, 2, 9), publish(1, 3, 4), refused(1, 5, 6)},
           true,
           0,
           1},
      },
      messages(2));
  // A message that may go by itself may be there, and may have made room; but not once it must have gone.
  std::vector<SubjectMessage> leaving = messages(2);
  leaving[0].may_go_from = at(5);
  leaving[0].must_go_by = at(9);
  check(
      {
          {"refused while it may be there", {publish(0, 0, 1), refused(1, 6, 7)}, true, 0, 1},
          {"refused when it must be gone", {publish(0, 0, 1), refused(1, 10, 11)}, false, 0, 1},
          {"taken while it must be there", {publish(0, 0, 1), publish(1, 2, 4)}, false, 0, 1},
          {"taken when it may be gone", {publish(0, 0, 1), publish(1, 5, 7)}, true, 0, 1},
      },
      leaving);
}

TEST_CASE("a publish without an answer may have happened, and what was seen of it stays") {
  check(
      {
          {"it never did", {unanswered(0, 0), missing(0, 2, 3), no_last(4, 5)}, true},
          {"it did, late", {unanswered(0, 0), missing(0, 2, 3), got(0, 4, 5)}, true},
          {"and went back", {unanswered(0, 0), got(0, 2, 3), missing(0, 4, 5)}, false},
          {"not before its call", {got(0, 0, 1), unanswered(0, 2)}, false},
          {"a higher sequence was answered, so it did", {unanswered(0, 0), publish(1, 2, 3), missing(0, 4, 5)}, false},
          {"and lies before it", {unanswered(0, 0), publish(1, 2, 3), got(0, 4, 5), last(1, 6, 7)}, true},
          {"a higher sequence was answered before its call", {publish(1, 0, 1), unanswered(0, 2)}, false},
      },
      messages(2));
}

TEST_CASE("what is removed was there and does not come back") {
  check(
      {
          {"found beside the deletion", {publish(0, 0, 1), remove(0, 2, 9), got(0, 3, 4), missing(0, 5, 6)}, true},
          {"gone and back beside the deletion", {publish(0, 0, 1), remove(0, 2, 9), missing(0, 3, 4), got(0, 5, 6)}, false},
          {"found after it", {publish(0, 0, 1), remove(0, 2, 3), got(0, 4, 5)}, false},
          {"gone before it", {publish(0, 0, 1), missing(0, 2, 3), remove(0, 4, 5)}, false},
          {"deleted before it was there", {remove(0, 0, 1), publish(0, 2, 3)}, false},
          {"deleted twice", {publish(0, 0, 1), remove(0, 2, 3), remove(0, 4, 5)}, false},
          {"deleted twice at once", {publish(0, 0, 1), remove(0, 2, 9), remove(0, 2, 9)}, false},
          {"the last one is the one before it", {publish(0, 0, 1), publish(1, 2, 3), remove(1, 4, 5), last(0, 6, 7)}, true},
          {"a scan that lacks one", {publish(0, 0, 1), publish(1, 2, 3), scan({1}, 9)}, false},
          {"a scan that has a deleted one", {publish(0, 0, 1), publish(1, 2, 3), remove(0, 4, 5), scan({0, 1}, 9)}, false},
          {"a scan that is right", {publish(0, 0, 1), publish(1, 2, 3), remove(0, 4, 5), scan({1}, 9)}, true},
          {"a scan that has what was never stored", {publish(0, 0, 1), scan({0, 1}, 9)}, false},
      },
      messages(2));
}

TEST_CASE("a purge takes all that it names, at once") {
  const auto three = [](std::vector<Timed<SubjectStep>> more) {
    SubjectHistory out{publish(0, 0, 1), publish(1, 2, 3), publish(2, 4, 5)};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  };
  check(
      {
          {"nothing is left", three({purge(0, 3, 6, 7), no_last(8, 9), scan({}, 10)}), true},
          {"something is left", three({purge(0, 3, 6, 7), got(1, 8, 9)}), false},
          {"part of it while it is under way", three({purge(0, 3, 6, 19), missing(0, 8, 9), got(1, 10, 11)}), false},
          {"it counts too few", three({purge(0, 2, 6, 7)}), false},
          {"it counts too many", three({purge(0, 4, 6, 7)}), false},
          {"what was deleted before does not count", three({remove(1, 6, 7), purge(0, 2, 8, 9), scan({}, 10)}), true},
          {"the newest stay", three({purge(2, 1, 6, 7), scan({1, 2}, 10)}), true},
          {"others than the newest stay", three({purge(2, 1, 6, 7), scan({0, 2}, 10)}), false},
          {"too few stay", three({purge(2, std::nullopt, 6, 7), scan({2}, 10)}), false},
          {"a publish beside it stays or goes", {publish(0, 0, 1), publish(1, 2, 9), purge(0, 2, 3, 8), scan({}, 10)}, true},
          {"a publish beside it stays, and is not counted", {publish(0, 0, 1), publish(1, 2, 9), purge(0, 2, 3, 8), scan({1}, 10)}, false},
          {"what has nothing to take at once may have something to take a moment later",
           {purge(0, std::nullopt, 0, 9), publish(0, 1, 4), no_last(5, 6)},
           true},
          {"a roll-up and its message in two steps", three({roll_up(2, 4, 9), got(2, 5, 6), got(0, 7, 8), scan({2}, 10)}), true},
          {"a roll-up before its message is there",
           {publish(0, 0, 1), publish(1, 2, 9), roll_up(1, 2, 9), no_last(4, 5), scan({1}, 10)},
           false},
          {"a roll-up that left something", three({roll_up(2, 4, 7), scan({0, 2}, 10)}), false},
          {"a roll-up that took its own message", three({roll_up(2, 4, 7), scan({}, 10)}), false},
      },
      messages(3));
}

TEST_CASE("a limit takes the oldest when there are too many, and not before") {
  check(
      {
          {"the newest two stay", {publish(0, 0, 1), publish(1, 2, 3), publish(2, 4, 5), scan({1, 2}, 9)}, true, 2},
          {"three stay", {publish(0, 0, 1), publish(1, 2, 3), publish(2, 4, 5), scan({0, 1, 2}, 9)}, false, 2},
          {"one goes too early", {publish(0, 0, 1), publish(1, 2, 3), missing(0, 4, 5), publish(2, 6, 7)}, false, 2},
          {"it goes beside the publish", {publish(0, 0, 1), publish(1, 2, 3), missing(0, 4, 5), publish(2, 4, 7)}, true, 2},
          {"a deletion made room", {publish(0, 0, 1), publish(1, 2, 3), remove(1, 4, 5), publish(2, 6, 7), scan({0, 2}, 9)}, true, 2},
          {"a deletion made room, and it went all the same",
           {publish(0, 0, 1), publish(1, 2, 3), remove(1, 4, 5), publish(2, 6, 7), scan({2}, 9)},
           false,
           2},
          // Nobody knows whether the publish between them happened; the one after it was answered, so it did.
          {"an unanswered one counts", {publish(0, 0, 1), unanswered(1, 2), publish(2, 4, 5), scan({1, 2}, 9)}, true, 2},
          {"an unanswered one counts, and nothing went",
           {publish(0, 0, 1), unanswered(1, 2), publish(2, 4, 5), scan({0, 1, 2}, 9)},
           false,
           2},
      },
      messages(3));
}

TEST_CASE("what may go by itself goes when it may, once, and by when it must") {
  std::vector<SubjectMessage> aging = messages(2);
  aging[0].may_go_from = at(10);
  aging[1].must_go_by = at(20);
  aging[1].may_go_from = at(5);
  check(
      {
          {"not before it may", {publish(0, 0, 1), missing(0, 5, 6)}, false},
          {"at the end of a look that began before", {publish(0, 0, 1), missing(0, 5, 10)}, true},
          {"later, or never", {publish(0, 0, 1), got(0, 30, 31), missing(0, 32, 33)}, true},
          {"gone and back", {publish(0, 0, 1), missing(0, 12, 13), got(0, 14, 15)}, false},
          {"a scan without it", {publish(0, 0, 1), scan({}, 12)}, true},
          {"a purge may count it", {publish(0, 0, 1), purge(0, 1, 12, 13), scan({}, 14)}, true},
          {"or not", {publish(0, 0, 1), purge(0, 0, 12, 13), scan({}, 14)}, true},
          {"but not twice", {publish(0, 0, 1), purge(0, 2, 12, 13), scan({}, 14)}, false},
          {"there before it must have gone", {publish(0, 0, 1), publish(1, 2, 3), last(1, 15, 25)}, true},
          {"there after that", {publish(0, 0, 1), publish(1, 2, 3), last(1, 21, 25)}, false},
          {"what a purge that keeps one may have kept, stays or goes",
           {publish(0, 0, 1), publish(1, 2, 3), purge(1, std::nullopt, 12, 13), scan({0}, 14)},
           true},
      },
      aging);
}

TEST_CASE("what is not concurrent is searched in about one step an operation") {
  constexpr int kMessages = 20'000;
  SubjectHistory history;
  for (int i = 0; i < kMessages; ++i) {
    const auto m = static_cast<std::size_t>(i);
    history.push_back(publish(m, 10 * i, 10 * i + 4));
    history.push_back(last(m, 10 * i + 5, 10 * i + 6));
    if (i % 3 == 0) history.push_back(missing(m, 10 * i + 1, 10 * i + 2));
  }
  const Linearization found = linearize(SubjectModel{messages(kMessages), 5}, history);
  CHECK(found.verdict == Verdict::possible);
  CHECK(found.states >= history.size());
  CHECK(found.states < history.size() * 5 / 4);  // a message is published first, and then found missing
}

TEST_CASE("a wrong answer among many that overlap is found without trying them in every order") {
  SubjectHistory history;
  for (int i = 0; i < 400; ++i) {
    const auto m = static_cast<std::size_t>(i);
    history.push_back(i % 7 == 3 ? unanswered(m, 10 * i) : publish(m, 10 * i, 10 * i + 35));
    history.push_back(got(m, 10 * i + 5, 10 * i + 45));
    if (i % 5 == 4) history.push_back(remove(m, 10 * i + 36, 10 * i + 70));
  }
  CHECK(linearize(SubjectModel{messages(400), 0}, history).verdict == Verdict::possible);
  history.push_back(missing(200, 3000, 3001));
  const Linearization found = linearize(SubjectModel{messages(400), 0}, history, 20'000);
  CHECK(found.verdict == Verdict::impossible);
  CHECK(found.stuck == history.size() - 1);
}

// --- against the stream's own model

// A stream of one subject, its clients one after the other; what they are told is what the model of streams says.
struct Conversation {
  StreamModel stream;
  SubjectHistory history;
  std::vector<SubjectMessage> all;
  int when = 0;

  explicit Conversation(std::uint64_t limit)
      : stream([&] {
          ModelStreamConfig config;
          config.max_msgs_per_subject = static_cast<std::int64_t>(limit);
          return config;
        }()) {}

  // The index of the first message at or after the sequence.
  [[nodiscard]] std::size_t place(std::uint64_t seq) const {
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const SubjectMessage& m) { return m.seq.value < seq; }));
  }
  void add(SubjectStep step) {
    when += 2;
    history.push_back(timed(std::move(step), when, when + 1));
  }
  void act(core::Random& random) {
    const std::uint64_t what = random.below(7);
    const std::uint64_t seq = random.between(1, stream.last_seq() + 1);
    if (what <= 2) {
      const ModelPubAck ack = stream.publish("s", "", "x", at(0));
      all.push_back({core::Seq{ack.seq}, core::kForever, core::kForever});
      return add(step_of(Kind::publish, all.size() - 1));
    }
    if (what == 3) {
      const std::uint64_t found = stream.last_of("s");
      return add(range(found == 0 ? 0 : place(found) + 1, kNone, found == 0 ? kNone : place(found)));
    }
    if (what == 4) {
      const std::uint64_t found = stream.next_of("s", seq);
      return add(range(place(seq), found == 0 ? kNone : place(found), found == 0 ? kNone : place(found)));
    }
    if (what == 5 && place(seq) < all.size()) {
      const std::size_t m = place(seq);
      return add(stream.remove(seq) ? step_of(Kind::remove, m) : range(m, m + 1, kNone));
    }
    if (what == 6 && random.chance({1, 4})) {
      const std::uint64_t keep = random.below(3);
      SubjectStep step = step_of(Kind::purge);
      step.keep = keep;
      step.purged = stream.purge({.filter = "", .below = 0, .keep = keep});
      add(std::move(step));
    }
  }
  void end() {
    SubjectStep step = step_of(Kind::scan);
    for (const auto& [seq, message] : stream.messages()) step.there.push_back(place(seq));
    add(std::move(step));
  }
};

TEST_CASE("what the model of a stream answers is possible, however much it overlaps, and what it does not is not") {
  core::Random random{core::Seed{7}};
  std::uint64_t refuted = 0;
  std::uint64_t altered = 0;
  for (int round = 0; round < 1500; ++round) {
    CAPTURE(round);
    Conversation talk{random.below(4)};
    const std::uint64_t limit =
        talk.stream.config().max_msgs_per_subject > 0 ? static_cast<std::uint64_t>(talk.stream.config().max_msgs_per_subject) : 0;
    for (int i = 0; i < 20; ++i) talk.act(random);
    talk.end();
    const SubjectModel model{talk.all, limit};
    CHECK(linearize(model, talk.history).verdict == Verdict::possible);

    // One look shows another message than it did, or none.
    SubjectHistory wrong = talk.history;
    for (Timed<SubjectStep>& each : wrong) {
      SubjectStep& step = each.operation;
      if (step.kind != Kind::look || step.message == kNone) continue;
      // The one before the last one; or nothing, where there is something.
      const bool is_last = step.begin > step.message;
      step.message = is_last && step.message > 0 ? step.message - 1 : kNone;
      if (is_last) step.begin = step.message == kNone ? 0 : step.message + 1;
      step.end = kNone;
      ++altered;
      refuted += linearize(model, wrong).verdict == Verdict::impossible ? 1U : 0U;
      break;
    }

    // Calls earlier and answers later: more orders, and the true one among them.
    SubjectHistory wide = talk.history;
    for (Timed<SubjectStep>& each : wide) {
      each.called = each.operation.called = each.called - core::Duration{random.below(9)};
      each.operation.returned = core::after(*each.returned, core::Duration{random.below(9)});
      each.returned = each.operation.returned;
    }
    CHECK(linearize(model, wide).verdict == Verdict::possible);
  }
  CHECK(altered > 1000);
  CHECK(refuted == altered);
}

TEST_CASE("looks first and unanswered publishes last: the search still agrees with trying every order") {
  core::Random random{core::Seed{5}};
  int impossible = 0;
  constexpr int kRounds = 2000;
  for (int round = 0; round < kRounds; ++round) {
    CAPTURE(round);
    Conversation talk{random.below(3)};
    const std::int64_t limit = talk.stream.config().max_msgs_per_subject;
    while (talk.history.size() < 7) talk.act(random);
    SubjectHistory history = talk.history;
    for (Timed<SubjectStep>& each : history) {
      SubjectStep& step = each.operation;
      each.called = step.called = each.called - core::Duration{random.below(7)};
      each.returned = step.returned = core::after(*each.returned, core::Duration{random.below(7)});
      if (step.kind == Kind::publish && random.chance({1, 3})) each.returned.reset();
      if (step.kind == Kind::look && step.message != kNone && random.chance({1, 4})) step.message = random.below(talk.all.size());
      if (step.kind == Kind::look && random.chance({1, 8})) step.begin = random.below(talk.all.size() + 1);
    }
    const SubjectModel model{talk.all, static_cast<std::uint64_t>(std::max<std::int64_t>(0, limit))};
    std::vector<bool> done(history.size());
    const bool expected = is_possible_by_force(model, history, done, model.initial());
    CHECK((linearize(model, history).verdict == Verdict::possible) == expected);
    impossible += expected ? 0 : 1;
  }
  CHECK(impossible > kRounds / 10);
  CHECK(impossible < kRounds * 9 / 10);
}

TEST_CASE("a step and a state read as sentences") {
  const SubjectModel model{messages(3), 0};
  CHECK(model.text_of(step_of(Kind::publish, 1)) == "the publish of sequence 15");
  CHECK(model.text_of(range(0, kNone, kNone)) == "a get that found nothing");
  CHECK(model.text_of(range(0, 1, 1)) == "a get that found sequence 15");
  SubjectModel::State state = model.initial();
  CHECK(model.text_of(state) == "no message yet");
  state.stored = 3;
  state.odd = {{2, SubjectModel::Presence::gone}};
  CHECK(model.text_of(state) == "2 of the messages up to sequence 20, the last of them 15");
}

}  // namespace
}  // namespace windtunnel::scenarios
