// One subject of a stream as its clients may see it: the model against which their histories are checked.
//
// A message is stored once, under a sequence that nobody gets again, and leaves once. So which messages there ever were is known
// beforehand, and in which order they were stored: that of their sequences. What is left to be searched for is where between them
// the removals and the looks came.
//
// Not everything that may take a message is an operation somebody was answered: of those (an unanswered purge, an ack, an age) a
// message knows from when on it may be gone, and by when it must.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.h"
#include "scenarios/model/linearizability.h"

namespace windtunnel::scenarios {

// `must_go_by` is when somebody was told that it has gone. An answer is on its way for some time, and a call as well: what is called
// at that very moment no longer finds it.
struct SubjectMessage {
  core::Seq seq;
  core::Instant may_go_from = core::kForever;
  core::Instant must_go_by = core::kForever;
};

struct SubjectStep {
  enum class Kind : std::uint8_t {
    publish,  // of `message`
    repeat,   // a publish of an id that `message` has: it was told so
    refuse,   // a publish that was told that the subject holds as many messages as it may, which is `keep`
    remove,   // of `message`, which was there
    purge,    // of what there is below message `end`, but for the newest `keep`; `message`, if any, must be stored (a roll-up)
    look,     // `message`, if any, is the first (or last) from `begin` to below `end`
    scan,     // everything that is there
  };
  // No message, and no end: whatever is stored by then.
  static constexpr std::size_t kNone = ~std::size_t{0};

  Kind kind = Kind::look;
  std::size_t message = kNone;  // index into the model's messages
  std::size_t begin = 0;
  std::size_t end = kNone;
  std::uint64_t keep = 0;               // of a purge: so many of the newest stay
  std::optional<std::uint64_t> purged;  // how many messages it removed, as far as anybody knows
  std::vector<std::size_t> there;       // of a scan, ascending
  core::Instant called;                 // as of the operation
  core::Instant returned = core::kForever;
};

class SubjectModel {
 public:
  using Operation = SubjectStep;
  enum class Presence : std::uint8_t { gone, unknown };
  struct State {
    std::size_t stored = 0;  // so many messages have been stored
    std::size_t floor = 0;   // all below are gone
    // Those at or above the floor that are not certainly there, ascending.
    std::vector<std::pair<std::size_t, Presence>> odd;
  };

  // `messages`: ascending. `limit`: of messages, beyond which the oldest goes; 0: none. With a limit no message may have times of
  // its own to go. `most`: so many there may be, and no message is taken beyond that; 0: any number.
  SubjectModel(std::vector<SubjectMessage> messages, std::uint64_t limit, std::uint64_t most = 0)
      : messages_(std::move(messages)), limit_(limit), most_(most) {}

  [[nodiscard]] State initial() const { return {}; }
  [[nodiscard]] std::optional<State> step(const State& state, const Operation& operation) const;
  [[nodiscard]] std::string key(const State& state) const;
  [[nodiscard]] bool is_look(const Operation& operation) const {
    return operation.kind == SubjectStep::Kind::repeat || operation.kind == SubjectStep::Kind::refuse ||
           operation.kind >= SubjectStep::Kind::look;
  }

  [[nodiscard]] const std::vector<SubjectMessage>& messages() const { return messages_; }
  // "get: sequence 17", "purge".
  [[nodiscard]] std::string text_of(const SubjectStep& step) const;
  // "3 messages up to sequence 17, without 4 and 6".
  [[nodiscard]] std::string text_of(const State& state) const;

 private:
  [[nodiscard]] bool show(State& state, std::size_t message, const SubjectStep& step) const;
  [[nodiscard]] bool clear(State& state, std::size_t begin, std::size_t end, const SubjectStep& step) const;
  [[nodiscard]] bool scan(State& state, const SubjectStep& step) const;
  [[nodiscard]] bool look(State& state, const SubjectStep& step) const;
  [[nodiscard]] bool purge(State& state, const SubjectStep& step) const;
  [[nodiscard]] bool has_room(const State& state, const SubjectStep& step) const;
  [[nodiscard]] bool refuse(State& state, const SubjectStep& step) const;
  void enforce_limit(State& state) const;

  std::vector<SubjectMessage> messages_;
  std::uint64_t limit_;
  std::uint64_t most_;
};

using SubjectHistory = std::vector<Timed<SubjectStep>>;

}  // namespace windtunnel::scenarios
