#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/base/random.h"
#include "scenarios/model/key_value.h"
#include "scenarios/model/linearizability.h"
#include "tests/scenarios/every_order.h"

namespace windtunnel::scenarios {
namespace {

using Verdict = Linearization::Verdict;

// A register that is read and written; 0 at first.
struct Register {
  using State = int;
  struct Operation {
    bool is_write = false;
    int value = 0;
  };
  [[nodiscard]] State initial() const { return 0; }
  [[nodiscard]] std::optional<State> step(const State& state, const Operation& op) const {
    if (op.is_write) return op.value;
    return op.value == state ? std::optional{state} : std::nullopt;
  }
  [[nodiscard]] std::string key(const State& state) const { return std::to_string(state); }
};
using Registers = std::vector<Timed<Register::Operation>>;

core::Instant at(int when) { return core::Instant{core::Duration{when}}; }
Timed<Register::Operation> write(int value, int from, int to) { return {{true, value}, at(from), at(to)}; }
Timed<Register::Operation> read(int value, int from, int to) { return {{false, value}, at(from), at(to)}; }
Timed<Register::Operation> lost_write(int value, int from) { return {{true, value}, at(from), std::nullopt}; }

Linearization judge(const Registers& history) { return linearize(Register{}, history); }

TEST_CASE("a history is linearizable if some order within calls and returns explains it") {
  struct Row {
    const char* what;
    Registers history;
    Verdict verdict;
  };
  const std::vector<Row> rows = {
      {"nothing happened", {}, Verdict::possible},
      {"one after the other", {write(1, 0, 1), read(1, 2, 3)}, Verdict::possible},
      {"a stale read", {write(1, 0, 1), read(0, 2, 3)}, Verdict::impossible},
      {"a read beside the write may see either: the old", {write(1, 0, 10), read(0, 2, 3)}, Verdict::possible},
      {"a read beside the write may see either: the new", {write(1, 0, 10), read(1, 2, 3)}, Verdict::possible},
      {"but not the new and then the old", {write(1, 0, 10), read(1, 2, 3), read(0, 4, 5)}, Verdict::impossible},
      {"two overlapping writes in either order", {write(1, 0, 10), write(2, 1, 9), read(1, 11, 12)}, Verdict::possible},
      {"a lost update", {write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)}, Verdict::impossible},
      {"readers who disagree about the order",
       {write(1, 0, 20), write(2, 0, 20), read(1, 1, 2), read(2, 3, 4), read(1, 5, 6)},
       Verdict::impossible},
      {"out of thin air", {read(7, 0, 1)}, Verdict::impossible},
      {"no answer, and it never happened", {lost_write(1, 0), read(0, 5, 6)}, Verdict::possible},
      {"no answer, and it happened later", {lost_write(1, 0), read(0, 5, 6), read(1, 7, 8)}, Verdict::possible},
      {"no answer, it happened, and it cannot go away",
       {lost_write(1, 0), read(0, 5, 6), read(1, 7, 8), read(0, 9, 10)},
       Verdict::impossible},
      {"no answer, and not before its call", {read(1, 0, 1), lost_write(1, 2)}, Verdict::impossible},
      {"calls and returns at one instant overlap", {write(1, 0, 5), read(0, 5, 6)}, Verdict::possible},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(judge(row.history).verdict == row.verdict);
  }
}

TEST_CASE("an impossible history names the operation that does not fit, and a possible one has an order") {
  const Linearization stale = judge({write(1, 0, 1), read(1, 2, 3), write(2, 4, 5), read(1, 6, 7)});
  REQUIRE(stale.stuck.has_value());
  CHECK(*stale.stuck == 3);
  CHECK(stale.order == std::vector<std::size_t>{0, 1, 2});
  // The write whose answer never came is part of the order, since it was seen.
  CHECK(judge({read(0, 0, 1), lost_write(4, 0), read(4, 2, 3)}).order == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("a search ends at its bound") {
  Registers history;
  for (int i = 0; i < 14; ++i) history.push_back(write(i + 1, 0, 100));
  history.push_back(read(99, 101, 102));
  CHECK(linearize(Register{}, history, 500).verdict == Verdict::undecided);
}

TEST_CASE("dead ends are not searched twice") {
  // Without a memory this would take 12! steps; what matters is the set that was placed and the state that it left.
  Registers history;
  for (int i = 0; i < 12; ++i) history.push_back(write(i % 2 + 1, 0, 100));
  history.push_back(read(99, 101, 102));
  const Linearization found = judge(history);
  CHECK(found.verdict == Verdict::impossible);
  CHECK(found.states < 10'000);
}

TEST_CASE("the search agrees with trying every order") {
  core::Random random{core::Seed{11}};
  int impossible = 0;
  for (int round = 0; round < 3000; ++round) {
    Registers history;
    const std::uint64_t size = random.between(2, 7);
    for (std::uint64_t i = 0; i < size; ++i) {
      const bool is_write = random.chance({1, 2});
      const int value = static_cast<int>(random.between(is_write ? 1 : 0, 3));
      const int from = static_cast<int>(random.below(20));
      const int to = from + static_cast<int>(random.between(1, 12));
      const bool is_lost = is_write && random.chance({1, 5});
      history.push_back({{is_write, value}, at(from), is_lost ? std::nullopt : std::optional{at(to)}});
    }
    std::vector<bool> done(history.size());
    const bool expected = is_possible_by_force(Register{}, history, done, 0);
    CAPTURE(round);
    CHECK((judge(history).verdict == Verdict::possible) == expected);
    impossible += expected ? 0 : 1;
  }
  CHECK(impossible > 500);
  CHECK(impossible < 2500);
}

// --- a key of a bucket

using Kind = KeyValueStep::Kind;
using Told = KeyValueStep::Told;

KeyValueStep put(const char* value, std::uint64_t revision, std::optional<std::uint64_t> expected = std::nullopt) {
  return {Kind::write, Told::done, value, expected, revision};
}
KeyValueStep refused(const char* value, std::uint64_t expected, std::uint64_t revision) {
  return {Kind::write, Told::refused, value, expected, revision};
}
KeyValueStep unanswered(const char* value, std::optional<std::uint64_t> expected = std::nullopt) {
  return {Kind::write, Told::nothing, value, expected, 0};
}
KeyValueStep got(const char* value, std::uint64_t revision) { return {Kind::read, Told::done, value, std::nullopt, revision}; }
KeyValueStep got_nothing() { return {Kind::read, Told::done, {}, std::nullopt, 0}; }

// `history`: one after the other, but what has no answer.
Verdict judge(const std::vector<KeyValueStep>& steps) {
  KeyValueHistory history;
  for (const KeyValueStep& step : steps) {
    const int when = 10 * static_cast<int>(history.size());
    const bool has_answer = step.kind != Kind::write || step.told != Told::nothing;
    history.push_back({step, at(when), has_answer ? std::optional{at(when + 5)} : std::nullopt});
  }
  return linearize(KeyValueModel{}, history).verdict;
}

TEST_CASE("a key's history is judged by what its clients were told") {
  struct Row {
    const char* what;
    std::vector<KeyValueStep> steps;
    bool is_possible;
  };
  const KeyValueStep loss{Kind::loss, Told::nothing, {}, std::nullopt, 0};
  const std::vector<Row> rows = {
      {"put and get", {got_nothing(), put("a", 3), got("a", 3)}, true},
      {"another revision than the put was told", {put("a", 3), got("a", 4)}, false},
      {"another value", {put("a", 3), got("b", 3)}, false},
      {"a stale get", {put("a", 3), put("b", 4), got("a", 3)}, false},
      {"a key that is gone", {put("a", 3), got_nothing()}, false},
      {"a revision that goes back", {put("a", 3), put("b", 2)}, false},
      {"an update upon the last revision", {put("a", 3), put("b", 5, 3), got("b", 5)}, true},
      {"an update upon an older one", {put("a", 3), put("b", 5), put("c", 6, 3)}, false},
      {"two updates that both succeed upon one revision", {put("a", 3), put("b", 5, 3), put("c", 6, 3)}, false},
      {"a refusal that is right", {put("a", 3), put("b", 5), refused("c", 3, 5), got("b", 5)}, true},
      {"a refusal without reason", {put("a", 3), refused("c", 3, 3)}, false},
      {"a refusal that names another revision", {put("a", 3), refused("c", 2, 7)}, false},
      {"a creation upon a deletion is refused", {put("a", 3), put("DEL", 4), refused("b", 0, 4), put("b", 5, 4)}, true},
      {"a write without an answer that is seen later", {put("a", 3), unanswered("b"), got("a", 3), got("b", 4), got("b", 4)}, true},
      {"and that is not seen", {put("a", 3), unanswered("b"), got("a", 3)}, true},
      {"and that is seen with two revisions", {put("a", 3), unanswered("b"), got("b", 4), got("b", 5)}, false},
      {"and that a refusal betrays", {put("a", 3), unanswered("b"), refused("c", 3, 7), got("b", 7)}, true},
      {"and that cannot have happened: its expectation was wrong", {put("a", 3), unanswered("b", 2), got("b", 4)}, false},
      {"and whose expectation came true later", {unanswered("b", 3), put("a", 3), got("a", 3), got("b", 4)}, true},
      {"after a loss an older value may be there", {put("a", 3), put("b", 4), loss, got("a", 3), got("a", 3)}, true},
      {"but only one of them", {put("a", 3), put("b", 4), loss, got("a", 3), got("b", 4)}, false},
      {"after a loss revisions may be used again", {put("a", 3), loss, got_nothing(), put("b", 3, 0), got("b", 3)}, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(judge(row.steps) == (row.is_possible ? Verdict::possible : Verdict::impossible));
  }
}

TEST_CASE("what a client did reads as a sentence") {
  CHECK(text_of(refused("alice#3", 4, 6)) == "write of alice#3 expecting revision 4: refused, it is 6");
  CHECK(text_of(put("alice#3", 7)) == "write of alice#3: done, revision 7");
  CHECK(text_of(got_nothing()) == "get: nothing there");
  CHECK(text_of(unanswered("DEL")) == "write of DEL: no answer");
}

}  // namespace
}  // namespace windtunnel::scenarios
