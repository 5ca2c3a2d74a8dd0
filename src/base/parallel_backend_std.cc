// Plain threads, started and joined for each call: for the thread sanitizer, which needs every
// synchronisation to be instrumented (the packaged oneTBB is not).
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/parallel_backend.h"

namespace espalier::detail {

void run_tasks(std::int64_t count, int threads, FunctionRef<void(std::int64_t)> task) {
  std::atomic<std::int64_t> next{0};
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto work = [&] {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        task(i);
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads && i < count; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace espalier::detail
