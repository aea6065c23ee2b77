#include "cli/allocator.h"

#include <cstdlib>  // says whose it is

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace windtunnel::cli {

void give_back_large_buffers() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);  // its default, which no longer grows
#endif
}

void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);  // the most that glibc takes
  ::mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
  ::mallopt(M_TOP_PAD, 4 * 1024 * 1024);
#endif
}

}  // namespace windtunnel::cli
