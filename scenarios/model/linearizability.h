// Linearizability: could a history of overlapping operations have happened one at a time, each at some moment between its
// call and its return? The search of Wing and Gong with Lowe's memory of the dead ends, as Porcupine does it.
//
// An operation without a return (a timeout) may have happened at any time after its call, or never.
//
// A model says what one operation may answer in a state, and what state it leaves:
//
//   struct Register {
//     using State = int;
//     struct Operation { bool is_write; int value; };
//     State initial() const { return 0; }
//     std::optional<State> step(const State& s, const Operation& op) const;  // nullopt: it cannot have answered so there
//     std::string key(const State& s) const;                                 // equal for equal states, and only then
//     // May be left out. Such an operation only shows a state. Where it fits and tells nothing new it need not be tried later: an
//     // operation that has nothing to do here (a purge of nothing) may have something to do later, and is none.
//     bool is_look(const Operation& op) const { return !op.is_write; }
//   };
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::scenarios {

template <typename Operation>
struct Timed {
  Operation operation;
  core::Instant called;
  std::optional<core::Instant> returned = std::nullopt;  // at or after `called`
};

struct Linearization {
  enum class Verdict : std::uint8_t {
    possible,
    impossible,
    undecided,  // the search had its bound
  };
  Verdict verdict = Verdict::possible;
  std::vector<std::size_t> order;    // with the most of what returned, as indices into the history; if possible, with all of that
  std::optional<std::size_t> stuck;  // if impossible: what returned after that order and fits nowhere before its return
  std::uint64_t states = 0;          // visited
};

// `states_max`: after so many states the search gives up. Does not suspend.
template <typename Model>
class LinearizabilitySearch {
 public:
  using Operation = typename Model::Operation;
  using State = typename Model::State;
  using History = std::vector<Timed<Operation>>;

  LinearizabilitySearch(const Model& model, const History& history, std::uint64_t states_max)
      : model_(model), history_(history), states_max_(states_max) {
    by_call_.resize(history.size());
    for (std::size_t i = 0; i < history.size(); ++i) by_call_[i] = i;
    std::stable_sort(by_call_.begin(), by_call_.end(), [&](std::size_t a, std::size_t b) { return history[a].called < history[b].called; });
    link_events();
  }

  [[nodiscard]] Linearization run() {
    Linearization out;
    struct Step {
      std::size_t entry;
      bool is_look;  // it changed nothing
      State before;
      std::string key;  // of the state before
    };
    std::vector<Step> taken;
    State state = model_.initial();
    std::string key = model_.key(state);
    std::size_t entry = next_[kHead];
    std::size_t fewest_left = unreturned_;
    bool wants_unanswered = false;  // what returned is tried first, and then what did not: most of that nobody will ever miss
    while (unreturned_ > 0) {
      bool is_dead_end = false;
      if (entry != kHead && events_[entry].is_call) {
        if ((events_[entry].other == 0) != wants_unanswered) {
          entry = next_[entry];
          continue;
        }
        const std::size_t op = events_[entry].op;
        std::optional<State> after = model_.step(state, history_[by_call_[op]].operation);
        std::string key_after = after ? model_.key(*after) : std::string{};
        const bool is_look = after && key_after == key && is_only_look(history_[by_call_[op]].operation);
        if (after && !(is_look && wants_unanswered)) {
          add(op);
          if (seen_.insert(place() + "|" + key_after).second) {
            taken.push_back({entry, is_look, std::exchange(state, std::move(*after)), std::exchange(key, std::move(key_after))});
            lift(entry);
            entry = next_[kHead];
            wants_unanswered = false;
            if (++out.states > states_max_) {
              out.verdict = Linearization::Verdict::undecided;
              return out;
            }
            continue;
          }
          drop(op);
          is_dead_end = is_look;
        }
        if (!is_dead_end) {
          entry = next_[entry];
          continue;
        }
      } else if (!wants_unanswered) {
        wants_unanswered = true;
        entry = next_[kHead];
        continue;
      }
      // What returned here could not be placed before its return.
      if (!is_dead_end && (unreturned_ < fewest_left || (taken.empty() && !out.stuck))) {
        fewest_left = unreturned_;
        remember(out, taken);
        if (entry != kHead) out.stuck = by_call_[events_[entry].op];
      }
      // A look that fits need not come later: whatever order goes on from here goes on without it as well.
      bool was_look = true;
      while (was_look) {
        if (taken.empty()) {
          out.verdict = Linearization::Verdict::impossible;
          return out;
        }
        was_look = taken.back().is_look;
        entry = taken.back().entry;
        state = std::move(taken.back().before);
        key = std::move(taken.back().key);
        taken.pop_back();
        unlift(entry);
        drop(events_[entry].op);
      }
      wants_unanswered = events_[entry].other == 0;
      entry = next_[entry];
    }
    remember(out, taken);
    out.stuck.reset();
    return out;
  }

 private:
  static constexpr std::size_t kHead = 0;

  [[nodiscard]] bool is_only_look(const Operation& operation) const {
    if constexpr (requires { model_.is_look(operation); }) {
      return model_.is_look(operation);
    } else {
      return false;
    }
  }

  struct Event {
    bool is_call = false;
    std::size_t op = 0;     // index into by_call_
    std::size_t other = 0;  // of a call: its return's event; 0: none
  };

  // Calls and returns in the order of time, as a list from which operations can be taken out. At one instant calls come
  // first: such operations overlap.
  void link_events() {
    struct Moment {
      core::Instant at;
      bool is_return;
      std::size_t op;
    };
    std::vector<Moment> moments;
    for (std::size_t op = 0; op < by_call_.size(); ++op) {
      const Timed<Operation>& timed = history_[by_call_[op]];
      moments.push_back({timed.called, false, op});
      if (timed.returned) moments.push_back({*timed.returned, true, op});
    }
    std::stable_sort(moments.begin(), moments.end(),
                     [](const Moment& a, const Moment& b) { return a.at != b.at ? a.at < b.at : a.is_return < b.is_return; });
    events_.resize(moments.size() + 1);
    std::vector<std::size_t> call_of(by_call_.size());
    for (std::size_t i = 0; i < moments.size(); ++i) {
      events_[i + 1] = Event{!moments[i].is_return, moments[i].op, 0};
      if (moments[i].is_return) {
        events_[call_of[moments[i].op]].other = i + 1;
        ++unreturned_;
      } else {
        call_of[moments[i].op] = i + 1;
      }
    }
    next_.resize(events_.size());
    previous_.resize(events_.size());
    for (std::size_t i = 0; i < events_.size(); ++i) {
      next_[i] = i + 1 == events_.size() ? kHead : i + 1;
      previous_[i] = i == 0 ? events_.size() - 1 : i - 1;
    }
  }

  void unlink(std::size_t entry) {
    next_[previous_[entry]] = next_[entry];
    previous_[next_[entry]] = previous_[entry];
  }
  void relink(std::size_t entry) {
    next_[previous_[entry]] = entry;
    previous_[next_[entry]] = entry;
  }
  void lift(std::size_t call) {
    unlink(call);
    if (events_[call].other == 0) return;
    unlink(events_[call].other);
    --unreturned_;
  }
  void unlift(std::size_t call) {  // in the opposite order
    if (events_[call].other != 0) {
      relink(events_[call].other);
      ++unreturned_;
    }
    relink(call);
  }

  // Which operations have been placed: all below prefix_, and those of ahead_.
  void add(std::size_t op) {
    ahead_.insert(op);
    while (!ahead_.empty() && *ahead_.begin() == prefix_) {
      ahead_.erase(ahead_.begin());
      ++prefix_;
    }
  }
  void drop(std::size_t op) {
    if (op >= prefix_) {
      ahead_.erase(op);
      return;
    }
    for (std::size_t above = op + 1; above < prefix_; ++above) ahead_.insert(above);
    prefix_ = op;
  }
  [[nodiscard]] std::string place() const {
    std::string out = std::to_string(prefix_);
    for (const std::size_t op : ahead_) out += "," + std::to_string(op);
    return out;
  }

  template <typename Steps>
  void remember(Linearization& out, const Steps& taken) const {
    out.order.clear();
    for (const auto& step : taken) out.order.push_back(by_call_[events_[step.entry].op]);
  }

  const Model& model_;
  const History& history_;
  std::uint64_t states_max_;
  std::vector<std::size_t> by_call_;  // indices into the history
  std::vector<Event> events_;         // the first is the list's head
  std::vector<std::size_t> next_;
  std::vector<std::size_t> previous_;
  std::size_t unreturned_ = 0;  // operations with a return that are not placed
  std::size_t prefix_ = 0;
  std::set<std::size_t> ahead_;
  std::unordered_set<std::string> seen_;  // never walked
};

template <typename Model>
[[nodiscard]] Linearization linearize(const Model& model, const std::vector<Timed<typename Model::Operation>>& history,
                                      std::uint64_t states_max = 1'000'000) {
  return LinearizabilitySearch<Model>{model, history, states_max}.run();
}

}  // namespace windtunnel::scenarios
