#include "scenarios/model/key_value.h"

#include <algorithm>

namespace windtunnel::scenarios {
namespace {

using State = KeyValueModel::State;
using Known = State::Known;
using Told = KeyValueStep::Told;

State exactly(std::uint64_t revision, std::optional<std::string> value) { return {Known::exactly, revision, std::move(value)}; }

// Whether the key's revision can be this one.
bool may_be(const State& state, std::uint64_t revision) {
  if (state.known == Known::exactly) return state.revision == revision;
  return state.known == Known::not_at_all || revision > state.revision;
}

std::optional<State> write(const State& state, const KeyValueStep& step) {
  if (step.told == Told::refused) {
    if (step.expected == step.revision || !may_be(state, step.revision)) return std::nullopt;
    return exactly(step.revision, state.value);
  }
  if (step.expected && !may_be(state, *step.expected)) return std::nullopt;
  std::uint64_t before = state.known == Known::not_at_all ? 0 : state.revision;
  before = std::max(before, step.expected.value_or(0));
  if (step.told == Told::nothing) return State{Known::above, before, step.value};
  if (step.revision <= before) return std::nullopt;
  return exactly(step.revision, step.value);
}

std::optional<State> read(const State& state, const KeyValueStep& step) {
  if (!may_be(state, step.revision)) return std::nullopt;
  if (step.revision == 0) return exactly(0, std::nullopt);
  if (state.value && *state.value != step.value) return std::nullopt;
  return exactly(step.revision, step.value);
}

}  // namespace

std::optional<State> KeyValueModel::step(const State& state, const Operation& operation) const {
  if (operation.kind == KeyValueStep::Kind::loss) return State{Known::not_at_all, 0, std::nullopt};
  return operation.kind == KeyValueStep::Kind::write ? write(state, operation) : read(state, operation);
}

std::string KeyValueModel::key(const State& state) const {
  return std::to_string(static_cast<int>(state.known)) + ":" + std::to_string(state.revision) + ":" + state.value.value_or("");
}

std::string text_of(const KeyValueStep& step) {
  if (step.kind == KeyValueStep::Kind::loss) return "a crash that may cost what was not synced";
  if (step.kind == KeyValueStep::Kind::read)
    return step.revision == 0 ? "get: nothing there" : "get: " + step.value + " at revision " + std::to_string(step.revision);
  std::string out = "write of " + step.value;
  if (step.expected) out += " expecting revision " + std::to_string(*step.expected);
  if (step.told == Told::done) return out + ": done, revision " + std::to_string(step.revision);
  return out + (step.told == Told::refused ? ": refused, it is " + std::to_string(step.revision) : ": no answer");
}

std::string text_of(const State& state) {
  if (state.known == Known::not_at_all) return "anything that was ever written";
  if (state.known == Known::exactly && state.revision == 0) return "nothing";
  return state.value.value_or("a value") + (state.known == Known::exactly ? " at revision " : " at a revision above ") +
         std::to_string(state.revision);
}

}  // namespace windtunnel::scenarios
