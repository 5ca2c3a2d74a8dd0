// Proof that the thread sanitizer sees what runs behind parallel_for: two pieces write one variable without
// synchronisation. Built with that sanitizer only; ctest passes it only if the race is reported.
#include <atomic>
#include <cstdint>
#include <cstdio>

#include "espalier/base/parallel.h"

int main() {
  espalier::set_thread_count(2);
  // Each piece waits until both have started, so that two threads are there whatever the scheduling. Relaxed,
  // because anything stronger would order the writes.
  std::atomic<int> started{0};
  std::int64_t last = -1;
  espalier::parallel_for(2, 1, [&](std::int64_t begin, std::int64_t /*end*/) {
    started.fetch_add(1, std::memory_order_relaxed);
    while (started.load(std::memory_order_relaxed) < 2) continue;
    last = begin;
  });
  std::printf("the last piece to write was %d\n", static_cast<int>(last));
}
