#include "tests/train/allocation_support.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ESPALIER_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ESPALIER_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef ESPALIER_COUNTS_ALLOCATIONS
#define ESPALIER_COUNTS_ALLOCATIONS 1
#endif

namespace {

constexpr int kDeepest = 32;

std::atomic<bool> counting{false};
std::atomic<std::int64_t> ours{0};
std::atomic<std::int64_t> libraries{0};
void* first_stack[kDeepest];
int first_depth = 0;

#if ESPALIER_COUNTS_ALLOCATIONS
thread_local bool inside = false;  // looking at the stack may itself allocate

// The C and C++ runtimes allocate for whoever called them.
bool is_runtime(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view file = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return file.starts_with("libc.") || file.starts_with("libstdc++") || file.starts_with("libgcc_s");
}

// Frames 0 and 1 are this function and the allocator's entry.
__attribute__((noinline)) void note() {
  if (!counting.load(std::memory_order_relaxed) || inside) return;
  inside = true;
  Dl_info own;
  dladdr(reinterpret_cast<void*>(&is_runtime), &own);
  void* stack[kDeepest];
  const int depth = backtrace(stack, kDeepest);
  bool of_library = true;
  for (int i = 2; i < depth; ++i) {
    Dl_info frame;
    if (dladdr(stack[i], &frame) == 0) continue;
    if (frame.dli_fbase != own.dli_fbase && is_runtime(frame.dli_fname)) continue;
    of_library = frame.dli_fbase != own.dli_fbase;
    break;
  }
  if (of_library) {
    ++libraries;
  } else if (ours++ == 0) {
    first_depth = depth;
    for (int i = 0; i < depth; ++i) first_stack[i] = stack[i];
  }
  inside = false;
}
#endif

}  // namespace

#if ESPALIER_COUNTS_ALLOCATIONS
// The C library's own allocator behind ours; these replace malloc and its kin in the whole program.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) noexcept {
  note();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  note();
  return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) noexcept {
  note();
  return __libc_realloc(block, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  note();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  note();
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}
}
#endif

namespace espalier::testing {

void begin_counting_allocations() {
  void* stack[4];
  backtrace(stack, 4);  // loads the unwinder, once
  ours = 0;
  libraries = 0;
  counting = true;
}

AllocationCounts end_counting_allocations() {
  counting = false;
  AllocationCounts counts{ours, libraries, ""};
  if (counts.ours == 0) return counts;
  for (int i = 0; i < first_depth; ++i) {
    Dl_info frame;
    if (dladdr(first_stack[i], &frame) == 0) continue;
    const auto offset = static_cast<const char*>(first_stack[i]) - static_cast<const char*>(frame.dli_fbase);
    counts.first += fmt::format("{}+{:#x} ", frame.dli_fname, offset);
  }
  return counts;
}

bool can_count_allocations() {
  return ESPALIER_COUNTS_ALLOCATIONS == 1;
}

}  // namespace espalier::testing
