#include "espalier/tensor/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "tensor/zeroed_block.h"

namespace espalier {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Sizes are multiples of 64, and from 1024 on 1/8 of a power of two apart, so that at most 12.5 % of a large
// block is unused.
std::size_t rounded(std::size_t bytes) {
  const std::size_t wanted = std::max(bytes, kAlignment);
  const std::size_t step = std::max(std::bit_floor(wanted) / 8, kAlignment);
  return (wanted + step - 1) / step * step;
}

constexpr std::size_t kClasses = 512;
// A large block may serve a request up to four classes below it, that is of 2/3 of its size: batches of texts
// differ in length, and each new size would otherwise be paid in memory and in pages that the system clears.
constexpr std::size_t kNearClasses = 4;
constexpr std::size_t kClassesOfTwice = 8;

// Of a rounded size: 8 classes for each power of two.
std::size_t class_of(std::size_t size) {
  const auto power = static_cast<std::size_t>(std::bit_width(size)) - 1;
  return (power - 6) * 8 + ((size >> (power - 3)) & 7U);
}

std::size_t size_of(std::size_t size_class) {
  return (8 + size_class % 8) << (size_class / 8 + 3);
}

struct Block {
  void* data;
  std::size_t size;  // a rounded one
  bool is_zero = false;
};

// Large blocks are mapped by themselves, which makes them zero. They begin at a huge page.
void* map_huge(std::size_t size) {
  const std::size_t wide = size + kHugePage;
  void* const mapped = mmap(nullptr, wide, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(mapped);
  const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(mapped) % kHugePage) % kHugePage;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + size, wide - before - size);
  // Fewer TLB misses: worth 5 to 8 % in the tree kernels.
  madvise(begin + before, size, MADV_HUGEPAGE);
  return begin + before;
}

Block from_system(std::size_t size) {
  if (size >= kHugePage) return {map_huge(size), size, true};
  void* block = nullptr;
  if (posix_memalign(&block, kAlignment, size) != 0) throw std::bad_alloc();
  return {block, size};
}

void to_system(Block block) noexcept {
  if (block.size >= kHugePage) {
    munmap(block.data, block.size);
  } else {
    std::free(block.data);
  }
}

// Blocks that were cut into two halves, each with a life of its own.
class Halves {
 public:
  // The second half; the first lies where the block did.
  void* cut(const Block& block) {
    cut_.push_back(block);
    return static_cast<std::byte*>(block.data) + block.size / 2;
  }
  bool has(const Block& half) const { return place_of(half) < cut_.size(); }
  void* other(const Block& half) const {
    const Block& whole = cut_[place_of(half)];
    return half.data == whole.data ? static_cast<std::byte*>(whole.data) + half.size : whole.data;
  }
  // The block again that these are halves of.
  Block join(const Block& half) {
    const std::size_t place = place_of(half);
    const Block whole = cut_[place];
    cut_[place] = cut_.back();
    cut_.pop_back();
    return whole;
  }

 private:
  // Those are few, and asked for where megabytes change hands.
  std::size_t place_of(const Block& half) const {
    std::size_t place = 0;
    for (; place < cut_.size(); ++place) {
      const auto* const begin = static_cast<const std::byte*>(cut_[place].data);
      if (cut_[place].size == 2 * half.size && (half.data == begin || half.data == begin + half.size)) break;
    }
    return place;
  }

  std::vector<Block> cut_;
};

class Pool {
 public:
  // A block of this rounded size, or of a class up to so many above it; or half of one of twice the size.
  Block take(std::size_t size, std::size_t near_classes, bool halves = false) {
    Block smaller{nullptr, 0};
    {
      const std::lock_guard lock(mutex_);
      const std::size_t exact = class_of(size);
      for (std::size_t i = exact; i <= std::min(exact + near_classes, kClasses - 1); ++i) {
        if (free_[i] != nullptr) return {pop(i), lent(size_of(i))};
      }
      const std::size_t twice = exact + kClassesOfTwice;
      if (halves && size >= kHugePage && free_[twice] != nullptr) {
        void* const whole = pop(twice);
        put_back({halves_.cut({whole, 2 * size}), size});
        return {whole, lent(size)};
      }
      // Growing batches leave behind large blocks that nobody asks for again: one of them makes room.
      for (std::size_t i = exact; smaller.data == nullptr && size_of(i) >= kHugePage; --i) {
        if (free_[i] != nullptr && !halves_.has({free_[i], size_of(i)})) smaller = {pop(i), size_of(i)};
      }
    }
    if (smaller.data != nullptr) to_system(smaller);
    const Block block = from_system(size);
    const std::lock_guard lock(mutex_);
    ++statistics_.system_allocations;
    lent(size);
    return block;
  }

  void give_back(Block block) noexcept {
    const std::lock_guard lock(mutex_);
    statistics_.live_bytes -= static_cast<std::int64_t>(block.size);
    // A half may itself be half of a block.
    while (block.size >= kHugePage && halves_.has(block) && remove({halves_.other(block), block.size}))
      block = halves_.join(block);
    put_back(block);
  }

  void release_cached() {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < kClasses; ++i) {
      FreeBlock* next = std::exchange(free_[i], nullptr);
      while (next != nullptr) {
        FreeBlock* const block = std::exchange(next, next->next);
        statistics_.cached_bytes -= static_cast<std::int64_t>(size_of(i));
        if (halves_.has({block, size_of(i)})) {
          put_back({block, size_of(i)});
        } else {
          to_system({block, size_of(i)});
        }
      }
    }
  }

  PoolStatistics statistics() {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

 private:
  // Lies in the block itself, so that keeping it costs no memory.
  struct FreeBlock {
    FreeBlock* next;
  };

  void put_back(const Block& block) {
    FreeBlock*& first = free_[class_of(block.size)];
    first = new (block.data) FreeBlock{first};
    statistics_.cached_bytes += static_cast<std::int64_t>(block.size);
  }

  // Takes this very block out of the free ones, if it is there.
  bool remove(const Block& block) {
    FreeBlock** place = &free_[class_of(block.size)];
    while (*place != nullptr && *place != block.data) place = &(*place)->next;
    if (*place == nullptr) return false;
    *place = (*place)->next;
    statistics_.cached_bytes -= static_cast<std::int64_t>(block.size);
    return true;
  }

  void* pop(std::size_t size_class) {
    FreeBlock* const block = free_[size_class];
    free_[size_class] = block->next;
    statistics_.cached_bytes -= static_cast<std::int64_t>(size_of(size_class));
    return block;
  }

  std::size_t lent(std::size_t size) {
    statistics_.live_bytes += static_cast<std::int64_t>(size);
    statistics_.peak_live_bytes = std::max(statistics_.peak_live_bytes, statistics_.live_bytes);
    return size;
  }

  std::mutex mutex_;
  std::array<FreeBlock*, kClasses> free_{};
  Halves halves_;
  PoolStatistics statistics_;
};

// Never destroyed: tensors with static storage may outlive any order of destruction.
Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

}  // namespace

static PoolBlock allocate(std::size_t bytes, bool halves) {
  const std::size_t size = rounded(bytes);
  const Block block = pool().take(size, size < kHugePage ? 0 : kNearClasses, halves);
  std::shared_ptr<void> memory(
      block.data,
      [size = block.size](void* data) {
        pool().give_back({data, size});
      },
      PoolAllocator<std::byte>());
  return {std::move(memory), block.is_zero};
}

PoolBlock pool_allocate_block(std::size_t bytes) {
  return allocate(bytes, false);
}
std::shared_ptr<void> pool_allocate(std::size_t bytes) {
  return allocate(bytes, false).memory;
}
std::shared_ptr<void> pool_allocate_half(std::size_t bytes) {
  return allocate(bytes, true).memory;
}

void* pool_allocate_object(std::size_t bytes) {
  return pool().take(rounded(bytes), 0).data;
}
void pool_free_object(void* object, std::size_t bytes) noexcept {
  pool().give_back({object, rounded(bytes)});
}

PoolStatistics pool_statistics() {
  return pool().statistics();
}
void pool_release_cached() {
  pool().release_cached();
}

}  // namespace espalier
