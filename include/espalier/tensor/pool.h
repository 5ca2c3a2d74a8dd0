// The memory behind tensors: blocks aligned to a cache line, kept on free lists by size class when released,
// so that a training step in steady state asks the system for nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace espalier {

// A block of at least `bytes` bytes (never null), aligned to 64, uninitialised; released to the pool by its
// last owner.
std::shared_ptr<void> pool_allocate(std::size_t bytes);
// The same, rather from half of a free block of twice the size than from the system; halves that are both
// free are one block again. For tensors of 16-bit numbers, which wait for the backward pass in the memory
// that its gradients, of the same counts of floats, then take: with blocks of their own a bf16 step of a 1x11
// takes 3.7 GB instead of 3.2.
std::shared_ptr<void> pool_allocate_half(std::size_t bytes);

// The same for small objects (nodes of a graph, their lists, counts behind shared pointers), which the caller
// frees with the size that was asked for.
void* pool_allocate_object(std::size_t bytes);
void pool_free_object(void* object, std::size_t bytes) noexcept;

// For standard containers and std::allocate_shared.
template <class Type>
struct PoolAllocator {
  using value_type = Type;
  PoolAllocator() = default;
  template <class Other>
  PoolAllocator(const PoolAllocator<Other>& /*other*/) {}  // NOLINT: containers rebind implicitly
  Type* allocate(std::size_t count) { return static_cast<Type*>(pool_allocate_object(count * sizeof(Type))); }
  void deallocate(Type* objects, std::size_t count) noexcept {
    pool_free_object(objects, count * sizeof(Type));
  }
  template <class Other>
  bool operator==(const PoolAllocator<Other>& /*other*/) const {
    return true;
  }
};

template <class Type>
using PoolVector = std::vector<Type, PoolAllocator<Type>>;

struct PoolStatistics {
  std::int64_t live_bytes = 0;          // in use
  std::int64_t cached_bytes = 0;        // free, kept for reuse
  std::int64_t peak_live_bytes = 0;     // highest live_bytes so far
  std::int64_t system_allocations = 0;  // blocks ever asked from the system
};
PoolStatistics pool_statistics();

// Returns every free block to the system.
void pool_release_cached();

}  // namespace espalier
