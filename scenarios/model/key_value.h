// One key of a key-value bucket as its clients may see it: the model against which their histories are checked.
//
// A revision is the stream sequence of the write. What nobody was told (the revision of a write without an answer) the model
// does not know either: it follows from what is seen later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/model/linearizability.h"

namespace windtunnel::scenarios {

struct KeyValueStep {
  enum class Kind : std::uint8_t {
    write,  // a put, a delete, a purge; with `expected` only upon that revision
    read,
    loss,  // a crash that may legally cost writes: what is there afterwards, the next look shows
  };
  enum class Told : std::uint8_t {
    done,     // a write: it has `revision`; a read: `value` at `revision`, 0: nothing is there
    refused,  // of a write with `expected`: the last revision is `revision`, 0: none
    nothing,  // a write without an answer
  };
  Kind kind = Kind::read;
  Told told = Told::nothing;
  std::string value;  // who wrote it: "alice#17"; of a deletion "DEL" or "PURGE"
  std::optional<std::uint64_t> expected;
  std::uint64_t revision = 0;
};
// "update to alice#17 expecting revision 4: refused, it is 6"
[[nodiscard]] std::string text_of(const KeyValueStep& step);

struct KeyValueModel {
  using Operation = KeyValueStep;
  struct State {
    // Whether `revision` is the key's; else a lower bound (write without an answer), or nothing (loss).
    enum class Known : std::uint8_t { exactly, above, not_at_all };
    Known known = Known::exactly;
    std::uint64_t revision = 0;        // exactly 0: there was never a write, or it is gone
    std::optional<std::string> value;  // nullopt: not known, or none
  };

  [[nodiscard]] State initial() const { return {}; }
  [[nodiscard]] std::optional<State> step(const State& state, const Operation& operation) const;
  [[nodiscard]] std::string key(const State& state) const;
  [[nodiscard]] bool is_look(const Operation& operation) const { return operation.kind == KeyValueStep::Kind::read; }
};
// "alice#17 at revision 6"
[[nodiscard]] std::string text_of(const KeyValueModel::State& state);

using KeyValueHistory = std::vector<Timed<KeyValueStep>>;

}  // namespace windtunnel::scenarios
