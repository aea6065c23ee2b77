// The search for an order without any cleverness: one after the other, for small histories (scenarios/model/linearizability.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "core/base/types.h"

namespace windtunnel::scenarios {

// `done`: of each operation whether it is in the order already; none of them at first.
template <typename Model, typename History, typename State>
bool is_possible_by_force(const Model& model, const History& history, std::vector<bool>& done, const State& state) {
  bool all_returned = true;
  core::Instant limit = core::kForever;  // who is called after this must wait for who returned
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (done[i] || !history[i].returned) continue;
    all_returned = false;
    limit = std::min(limit, *history[i].returned);
  }
  if (all_returned) return true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (done[i] || history[i].called > limit) continue;
    const std::optional<State> after = model.step(state, history[i].operation);
    if (!after) continue;
    done[i] = true;
    if (is_possible_by_force(model, history, done, *after)) return true;
    done[i] = false;
  }
  return false;
}

}  // namespace windtunnel::scenarios
