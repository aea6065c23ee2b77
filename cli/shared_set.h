// SharedSet: numbers that several processes have seen, in memory that they share across fork().
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace windtunnel::cli {

// A piece of zeroed memory that children share with their parent. Not usable if the system refuses it.
template <typename T>
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t count)
      : count_(count),
        data_(::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  ~SharedMemory() {
    if (is_good()) ::munmap(data_, count_ * sizeof(T));
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  [[nodiscard]] bool is_good() const { return data_ != MAP_FAILED; }
  [[nodiscard]] T& operator[](std::size_t i) const { return static_cast<T*>(data_)[i]; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  std::size_t count_;
  void* data_;
};

class SharedSet {
 public:
  using Word = std::atomic<std::uint64_t>;
  static_assert(Word::is_always_lock_free);

  explicit SharedSet(unsigned bits) : words_(std::size_t{1} << bits) {}
  [[nodiscard]] bool is_good() const { return words_.is_good(); }

  // False if `key` was in it. When the set is nearly full, keys that it has no place for count as new each time.
  bool insert(std::uint64_t key) {
    if (key == 0) key = 1;
    std::size_t at = key & (words_.size() - 1);
    for (unsigned probe = 0; probe < kProbesMax; ++probe, at = (at + 1) & (words_.size() - 1)) {
      std::uint64_t found = words_[at].load(std::memory_order_relaxed);
      if (found == 0 && words_[at].compare_exchange_strong(found, key, std::memory_order_relaxed)) return true;
      if (found == key) return false;
    }
    return true;
  }

 private:
  static constexpr unsigned kProbesMax = 64;
  SharedMemory<Word> words_;
};

}  // namespace windtunnel::cli
