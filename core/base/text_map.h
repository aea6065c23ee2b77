// TextMap: by text, for what is looked up and erased far more often than it is walked. Its order is nobody's business: whoever
// walks it does so by in_order.h.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/hash.h"

namespace windtunnel::core {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return hash_bytes(text); }
};

template <typename T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

}  // namespace windtunnel::core
