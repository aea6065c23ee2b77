// in_order: how an unordered container is walked in code that must not let its order show.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

namespace windtunnel::core {

// Everything that it has, sorted. Requires: no two of its elements are equivalent by `less`.
template <typename Value, typename Container, typename Less = std::less<>>
[[nodiscard]] std::vector<Value> in_order(const Container& container, Less less = {}) {
  std::vector<Value> out(container.begin(), container.end());
  std::sort(out.begin(), out.end(), less);
  return out;
}

}  // namespace windtunnel::core
