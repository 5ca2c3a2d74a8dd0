// The memory behind tensors: blocks aligned to a cache line, kept on free lists by size class when released,
// so that a training step in steady state asks the system for nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace espalier {

// A block of at least `bytes` bytes (never null), aligned to 64, uninitialised; released to the pool by its
// last owner.
std::shared_ptr<void> pool_allocate(std::size_t bytes);

struct PoolStatistics {
  std::int64_t live_bytes = 0;          // in use by tensors
  std::int64_t cached_bytes = 0;        // free, kept for reuse
  std::int64_t peak_live_bytes = 0;     // highest live_bytes so far
  std::int64_t system_allocations = 0;  // blocks ever asked from the system
};
PoolStatistics pool_statistics();

// Returns every free block to the system.
void pool_release_cached();

}  // namespace espalier
