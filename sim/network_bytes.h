// ByteQueue: bytes in, bytes out, in one piece of memory that is used again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/base/assert.h"

namespace windtunnel::sim {

class ByteQueue {
 public:
  [[nodiscard]] std::size_t size() const { return bytes_.size() - head_; }
  void append(std::string_view data) { bytes_.append(data); }
  // Takes into.size() bytes. Requires: so many are there.
  void take(std::span<char> into) {
    WT_ASSERT(into.size() <= size());
    std::copy_n(bytes_.data() + head_, into.size(), into.data());
    drop_front(into.size());
  }
  void drop_front(std::size_t count) {
    WT_ASSERT(count <= size());
    head_ += count;
    if (head_ == bytes_.size()) {
      head_ = 0;
      bytes_.clear();
      if (bytes_.capacity() > kKept) bytes_.shrink_to_fit();  // an assignment would keep it
    } else if (head_ > kKept && head_ > bytes_.size() / 2) {
      bytes_.erase(0, head_);
      head_ = 0;
    }
  }
  void drop_back(std::size_t count) {
    WT_ASSERT(count <= size());
    bytes_.resize(bytes_.size() - count);
  }

 private:
  static constexpr std::size_t kKept = 64 * 1024;
  std::string bytes_;
  std::size_t head_ = 0;
};

}  // namespace windtunnel::sim
