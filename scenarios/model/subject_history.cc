#include "scenarios/model/subject_history.h"

#include <algorithm>

namespace windtunnel::scenarios {
namespace {

using State = SubjectModel::State;
using Presence = SubjectModel::Presence;
using Kind = SubjectStep::Kind;

auto place_of(State& state, std::size_t message) {
  return std::lower_bound(state.odd.begin(), state.odd.end(), message,
                          [](const auto& odd, std::size_t wanted) { return odd.first < wanted; });
}

// nullopt: it is there.
std::optional<Presence> presence_of(const State& state, std::size_t message) {
  if (message < state.floor || message >= state.stored) return Presence::gone;
  const auto found =
      std::lower_bound(state.odd.begin(), state.odd.end(), message, [](const auto& odd, std::size_t wanted) { return odd.first < wanted; });
  return found == state.odd.end() || found->first != message ? std::nullopt : std::optional{found->second};
}

// Equal contents look equal: what is gone at the bottom lies below the floor, and nowhere else.
void lift_floor(State& state) {
  auto end = state.odd.begin();
  while (end != state.odd.end() && end->first == state.floor && end->second == Presence::gone) {
    ++state.floor;
    ++end;
  }
  state.odd.erase(state.odd.begin(), end);
}

void set_odd(State& state, std::size_t message, Presence presence) {
  const auto place = place_of(state, message);
  if (place != state.odd.end() && place->first == message) {
    place->second = presence;
  } else {
    state.odd.insert(place, {message, presence});
  }
}

void set_there(State& state, std::size_t message) {
  const auto place = place_of(state, message);
  if (place != state.odd.end() && place->first == message) state.odd.erase(place);
}

}  // namespace

// The message is there.
bool SubjectModel::show(State& state, std::size_t message, const SubjectStep& step) const {
  if (message >= state.stored || presence_of(state, message) == Presence::gone) return false;
  if (step.called >= messages_[message].must_go_by) return false;
  set_there(state, message);
  return true;
}

// Nothing is there from `begin` to below `end`.
bool SubjectModel::clear(State& state, std::size_t begin, std::size_t end, const SubjectStep& step) const {
  end = std::min(end, state.stored);
  for (std::size_t message = std::max(begin, state.floor); message < end; ++message) {
    const std::optional<Presence> presence = presence_of(state, message);
    if (!presence && messages_[message].may_go_from > step.returned) return false;
    if (presence != Presence::gone) set_odd(state, message, Presence::gone);
  }
  lift_floor(state);
  return true;
}

// Whether `message`, if it is one, is what is found first from `begin` on, or last below `end`: then that is where it lies.
bool SubjectModel::look(State& state, const SubjectStep& step) const {
  return clear(state, step.begin, step.end, step) && (step.message == SubjectStep::kNone || show(state, step.message, step));
}

bool SubjectModel::scan(State& state, const SubjectStep& step) const {
  std::size_t from = 0;
  for (const std::size_t there : step.there) {
    if (!clear(state, from, there, step) || !show(state, there, step)) return false;
    from = there + 1;
  }
  return clear(state, from, state.stored, step);
}

bool SubjectModel::purge(State& state, const SubjectStep& step) const {
  const std::size_t end = step.end == SubjectStep::kNone ? state.stored : step.end;
  // A roll-up comes after what it takes the place of.
  if (end > state.stored || (step.message != SubjectStep::kNone && step.message >= state.stored)) return false;
  std::uint64_t certain = 0;
  std::uint64_t possible = 0;
  std::uint64_t kept = 0;             // certainly there, among the newest
  std::size_t kept_from = end;        // from here on all that is there is among the newest `keep`, for sure
  std::size_t maybe_kept_from = end;  // and below here nothing is
  std::uint64_t seen = 0;
  for (std::size_t message = end; message-- > state.floor;) {
    const std::optional<Presence> presence = presence_of(state, message);
    if (presence == Presence::gone) continue;
    const bool is_certain = !presence && messages_[message].may_go_from > step.returned;
    if (kept < step.keep) {
      maybe_kept_from = message;
      if (seen < step.keep) kept_from = message;
      kept += is_certain ? 1 : 0;
      ++seen;
      if (seen > step.keep) ++possible;
      continue;
    }
    certain += is_certain ? 1 : 0;
    ++possible;
  }
  if (step.purged && (*step.purged < certain || *step.purged > possible)) return false;
  for (std::size_t message = state.floor; message < kept_from; ++message) {
    if (presence_of(state, message) == Presence::gone) continue;
    set_odd(state, message, message < maybe_kept_from ? Presence::gone : Presence::unknown);
  }
  lift_floor(state);
  return true;
}

// What is certainly there counts; what may be there may have made room, or need not.
void SubjectModel::enforce_limit(State& state) const {
  if (limit_ == 0) return;
  const auto unknown = static_cast<std::uint64_t>(
      std::count_if(state.odd.begin(), state.odd.end(), [](const auto& odd) { return odd.second == Presence::unknown; }));
  const std::uint64_t certain = state.stored - state.floor - state.odd.size();
  if (certain + unknown <= limit_) return;
  std::uint64_t excess = certain + unknown - limit_;
  std::uint64_t newer = certain;  // certainly there, behind the one that is looked at
  for (std::size_t message = state.floor; excess > 0; ++message) {
    const std::optional<Presence> presence = presence_of(state, message);
    if (presence == Presence::gone) continue;
    --excess;
    if (!presence) --newer;
    set_odd(state, message, newer >= limit_ ? Presence::gone : Presence::unknown);
  }
  lift_floor(state);
}

// Whether one more may be taken: what is certainly there leaves room for it.
bool SubjectModel::has_room(const State& state, const SubjectStep& step) const {
  if (most_ == 0) return true;
  std::uint64_t certain = 0;
  for (std::size_t message = state.floor; message < state.stored; ++message) {
    if (!presence_of(state, message) && messages_[message].may_go_from > step.returned) ++certain;
  }
  return certain < most_;
}

// As many are there as there may be, at least. If no more can be, each of them is.
bool SubjectModel::refuse(State& state, const SubjectStep& step) const {
  std::vector<std::size_t> possible;
  for (std::size_t message = state.floor; message < state.stored; ++message) {
    const bool is_possible = presence_of(state, message) != Presence::gone && step.called < messages_[message].must_go_by;
    if (is_possible) possible.push_back(message);
  }
  if (possible.size() < step.keep) return false;
  if (possible.size() == step.keep) {
    for (const std::size_t message : possible) set_there(state, message);
  }
  return true;
}

std::optional<State> SubjectModel::step(const State& state, const Operation& operation) const {
  State out = state;
  bool is_possible = true;
  switch (operation.kind) {
    case Kind::publish:
      if (operation.message != state.stored || !has_room(state, operation)) return std::nullopt;
      ++out.stored;
      enforce_limit(out);
      break;
    case Kind::repeat: is_possible = operation.message < state.stored; break;
    case Kind::refuse: is_possible = refuse(out, operation); break;
    case Kind::remove:
      is_possible = show(out, operation.message, operation);
      if (is_possible) set_odd(out, operation.message, Presence::gone);
      lift_floor(out);
      break;
    case Kind::purge: is_possible = purge(out, operation); break;
    case Kind::look: is_possible = look(out, operation); break;
    case Kind::scan: is_possible = scan(out, operation); break;
  }
  return is_possible ? std::optional{std::move(out)} : std::nullopt;
}

std::string SubjectModel::key(const State& state) const {
  // Two hashes of different beginnings stand for what may be long.
  std::uint64_t a = 0x9e3779b97f4a7c15U;
  std::uint64_t b = 0xc2b2ae3d27d4eb4fU;
  for (const auto& [message, presence] : state.odd) {
    const std::uint64_t word = message * 2 + static_cast<std::uint64_t>(presence);
    a = (a ^ word) * 0xff51afd7ed558ccdU;
    a ^= a >> 32;
    b = (b ^ word) * 0xc4ceb9fe1a85ec53U;
    b ^= b >> 29;
  }
  std::string out = std::to_string(state.stored) + ":" + std::to_string(state.floor);
  if (!state.odd.empty()) out += ":" + std::to_string(state.odd.size()) + ":" + std::to_string(a) + ":" + std::to_string(b);
  return out;
}

std::string SubjectModel::text_of(const SubjectStep& step) const {
  const std::string seq = step.message < messages_.size() ? std::to_string(messages_[step.message].seq.value) : std::string("none");
  switch (step.kind) {
    case Kind::publish: return "the publish of sequence " + seq;
    case Kind::repeat: return "a repeat that was told of sequence " + seq;
    case Kind::refuse: return "a refusal because there are " + std::to_string(step.keep) + " messages already";
    case Kind::remove: return "the deletion of sequence " + seq;
    case Kind::purge:
      return (step.end == SubjectStep::kNone ? std::string("a purge") : std::string("a roll-up")) +
             (step.purged ? " of " + std::to_string(*step.purged) : "");
    case Kind::look:
      return step.message == SubjectStep::kNone ? std::string("a get that found nothing") : "a get that found sequence " + seq;
    case Kind::scan: return "a look at all that is left, " + std::to_string(step.there.size()) + " messages";
  }
  return {};
}

std::string SubjectModel::text_of(const State& state) const {
  if (state.stored == 0) return "no message yet";
  const std::size_t there = state.stored - state.floor - state.odd.size();
  std::string out = std::to_string(there) + " of the messages up to sequence " + std::to_string(messages_[state.stored - 1].seq.value);
  const auto unknown = std::count_if(state.odd.begin(), state.odd.end(), [](const auto& odd) { return odd.second == Presence::unknown; });
  if (unknown > 0) out += ", and perhaps " + std::to_string(unknown) + " more";
  for (std::size_t message = state.stored; message-- > state.floor;) {
    if (presence_of(state, message)) continue;
    return out + ", the last of them " + std::to_string(messages_[message].seq.value);
  }
  return out;
}

}  // namespace windtunnel::scenarios
