// Stacks for fibers: slots of one size, kept and handed out again, each top shifted a little so that they do not all
// fall into the same cache set (reference: kernel notes 5).
#pragma once

#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace windtunnel::core {

class StackPool {
 public:
  StackPool() = default;
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  struct Slot {
    char* base = nullptr;  // of the mapping, guard page included
    std::size_t colour = 0;
  };
  Slot take();
  void give_back(Slot slot);

  // What Boost wants of a stack allocator: copyable, by value.
  class Allocator {
   public:
    // `bottom`, `size`: told where the stack lies when it is allocated; not touched later.
    Allocator(StackPool& pool, const void** bottom, std::size_t* size) : pool_(&pool), bottom_(bottom), size_(size) {}
    boost::context::stack_context allocate();
    void deallocate(boost::context::stack_context& context) noexcept;

   private:
    StackPool* pool_;
    const void** bottom_;
    std::size_t* size_;
  };

 private:
  std::vector<Slot> free_;
  std::size_t made_ = 0;
};

}  // namespace windtunnel::core
