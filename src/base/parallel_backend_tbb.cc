#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <memory>
#include <mutex>

#include "base/parallel_backend.h"

namespace espalier::detail {
namespace {

// An arena of exactly `threads` slots; oversubscription beyond the cores needs a matching global limit.
struct Arena {
  explicit Arena(int threads)
      : limit(oneapi::tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)),
        arena(threads) {}
  oneapi::tbb::global_control limit;
  oneapi::tbb::task_arena arena;
};

std::shared_ptr<Arena> arena_of(int threads) {
  static std::mutex mutex;
  static std::shared_ptr<Arena> current;
  static int current_threads = 0;
  const std::lock_guard lock(mutex);
  if (threads != current_threads) {
    current = std::make_shared<Arena>(threads);
    current_threads = threads;
  }
  return current;
}

}  // namespace

void run_tasks(std::int64_t count, int threads, FunctionRef<void(std::int64_t)> task) {
  const std::shared_ptr<Arena> arena = arena_of(threads);
  arena->arena.execute([&] {
    oneapi::tbb::parallel_for(
        oneapi::tbb::blocked_range<std::int64_t>(0, count, 1),
        [&](const oneapi::tbb::blocked_range<std::int64_t>& range) {
          for (std::int64_t i = range.begin(); i != range.end(); ++i) task(i);
        },
        oneapi::tbb::simple_partitioner());
  });
}

}  // namespace espalier::detail
