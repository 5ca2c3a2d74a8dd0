#include "espalier/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <sstream>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "base/cpu_quota.h"
#include "base/parallel_backend.h"
#include "espalier/base/error.h"

namespace espalier {
namespace {

int affinity_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

// Quota of control groups in whole cores, rounded up; 0 where there is none.
int cgroup_cores() {
  std::stringstream groups;
  groups << std::ifstream("/proc/self/cgroup").rdbuf();
  return static_cast<int>(std::ceil(cpu_quota("/sys/fs/cgroup", groups.str())));
}

std::atomic<int> thread_count_setting{0};
std::atomic<int> default_thread_count{0};  // 0: not known yet

}  // namespace

int available_cores() {
  const int quota = cgroup_cores();
  const int cores = affinity_cores();
  return std::max(1, quota > 0 ? std::min(quota, cores) : cores);
}

void set_thread_count(int threads) {
  ESPALIER_CHECK(threads >= 1);
  thread_count_setting = threads;
}

void set_default_thread_count(int threads) {
  ESPALIER_CHECK(threads >= 1);
  default_thread_count = threads;
}

int requested_threads() {
  return thread_count_setting;
}

int thread_count() {
  if (thread_count_setting != 0) return thread_count_setting;
  if (default_thread_count == 0) default_thread_count = available_cores();
  return default_thread_count;
}

void parallel_for(std::int64_t count, std::int64_t grain,
                  FunctionRef<void(std::int64_t, std::int64_t)> body) {
  ESPALIER_CHECK(grain > 0);
  if (count <= 0) return;
  const std::int64_t pieces = (count + grain - 1) / grain;
  const auto piece = [&](std::int64_t i) {
    const ScopedFlushToZero flush;
    body(i * grain, std::min(count, (i + 1) * grain));
  };
  const int threads = thread_count();
  if (pieces == 1 || threads == 1) {
    for (std::int64_t i = 0; i < pieces; ++i) piece(i);
    return;
  }
  detail::run_tasks(pieces, threads, piece);
}

#if defined(__SSE__)
// Bit 15 flushes results to zero, bit 6 reads denormal inputs as zero.
ScopedFlushToZero::ScopedFlushToZero() : saved_(_mm_getcsr()) {
  _mm_setcsr(saved_ | 0x8040U);
}
ScopedFlushToZero::~ScopedFlushToZero() {
  _mm_setcsr(saved_);
}
#else
ScopedFlushToZero::ScopedFlushToZero() : saved_(0) {}
ScopedFlushToZero::~ScopedFlushToZero() = default;
#endif

}  // namespace espalier
