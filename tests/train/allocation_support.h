// Counts what is asked from the system's allocator, by whom: this program (our code and the templates in it)
// or a library.
#pragma once

#include <cstdint>
#include <string>

namespace espalier::testing {

struct AllocationCounts {
  std::int64_t ours = 0;
  std::int64_t libraries = 0;
  std::string first;  // the addresses on the stack of the first of ours, as addr2line takes them
};

// Counts from here on, on all threads.
void begin_counting_allocations();
// Stops, and returns what was counted.
AllocationCounts end_counting_allocations();

// False under sanitizers, which bring an allocator of their own.
bool can_count_allocations();

}  // namespace espalier::testing
