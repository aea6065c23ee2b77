#include "core/fiber/stack_pool.h"

#include <sys/mman.h>

#include "core/base/assert.h"
#include "core/fiber/sanitizer.h"

namespace windtunnel::core {
namespace {

// Enough for JSON and formatting; sanitizers make frames several times larger.
constexpr std::size_t kStackSize = kHasAddressSanitizer ? 512 * 1024 : 64 * 1024;
constexpr std::size_t kPage = 4096;
// A guard page doubles the number of mappings, of which Linux allows 65,530 by default.
constexpr std::size_t kGuardedStacks = 10'000;
constexpr std::size_t kColours = 16;
constexpr std::size_t kColourStep = 256;  // Boost aligns its control block, the stack's true top, to 256

}  // namespace

StackPool::~StackPool() {
  for (const Slot& slot : free_) munmap(slot.base, kStackSize + kPage);
}

StackPool::Slot StackPool::take() {
  if (!free_.empty()) {
    const Slot slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void* base = mmap(nullptr, kStackSize + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  WT_ASSERT(base != MAP_FAILED);
  if (made_ < kGuardedStacks) {
    const int failed = mprotect(base, kPage, PROT_NONE);
    WT_ASSERT(failed == 0);
  }
  return Slot{static_cast<char*>(base), (made_++ % kColours) * kColourStep};
}

void StackPool::give_back(Slot slot) {
  unpoison(slot.base + kPage, kStackSize);
  free_.push_back(slot);
}

boost::context::stack_context StackPool::Allocator::allocate() {
  const Slot slot = pool_->take();
  boost::context::stack_context context;
  context.size = kStackSize - slot.colour;
  context.sp = slot.base + kPage + context.size;
  *bottom_ = slot.base + kPage;
  *size_ = context.size;
  return context;
}

void StackPool::Allocator::deallocate(boost::context::stack_context& context) noexcept {
  char* const base = static_cast<char*>(context.sp) - context.size - kPage;
  pool_->give_back(Slot{base, kStackSize - context.size});
}

}  // namespace windtunnel::core
