// ctest-label: threads
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "espalier/base/parallel.h"

namespace espalier {

TEST_CASE("every index is visited once, in ranges that depend on the grain alone") {
  for (const int threads : {1, 2, 3, 8}) {
    set_thread_count(threads);
    std::vector<int> visits(1003, 0);
    std::atomic<int> pieces{0};
    parallel_for(1003, 10, [&](std::int64_t begin, std::int64_t end) {
      CHECK(begin % 10 == 0);
      ++pieces;
      for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
    });
    CHECK(pieces == 101);
    for (const int count : visits) CHECK(count == 1);
  }
  set_thread_count(available_cores());
}

TEST_CASE("an empty range calls nothing") {
  parallel_for(0, 4, [](std::int64_t, std::int64_t) { FAIL("called"); });
}

TEST_CASE("an exception of the body reaches the caller") {
  set_thread_count(2);
  CHECK_THROWS_AS(parallel_for(100, 1,
                               [](std::int64_t begin, std::int64_t) {
                                 if (begin == 57) throw std::runtime_error("stop");
                               }),
                  std::runtime_error);
  set_thread_count(available_cores());
}

TEST_CASE("calls nest") {
  set_thread_count(2);
  std::atomic<int> sum{0};
  parallel_for(4, 1, [&](std::int64_t, std::int64_t) {
    parallel_for(8, 2, [&](std::int64_t begin, std::int64_t end) { sum += static_cast<int>(end - begin); });
  });
  CHECK(sum == 32);
  set_thread_count(available_cores());
}

TEST_CASE("denormals are zero inside the body and the caller's mode is restored") {
  volatile float tiny = 1e-38F;
  float inside = 1;
  parallel_for(1, 1, [&](std::int64_t, std::int64_t) { inside = tiny * 0.1F; });
  CHECK(inside == 0.0F);
  CHECK(tiny * 0.1F > 0.0F);
}

}  // namespace espalier
