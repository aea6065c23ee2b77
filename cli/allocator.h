// What this program asks of glibc's allocator; with another C library it asks nothing.
#pragma once

namespace windtunnel::cli {

// For a server: large buffers go back to the system when they are freed. Left to itself, glibc takes the first that is freed for a
// sign that more will come, and keeps every later one of that size in the heap: a third more memory with 100,000 messages.
void give_back_large_buffers();

// For a process that runs one scenario after another: what is freed is kept for what comes next. Files of simulated disks grow and
// go by the megabyte, and asking the system for each anew costs 4 % of a long run.
void keep_freed_memory();

}  // namespace windtunnel::cli
