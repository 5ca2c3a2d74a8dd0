// Threads of processes that share a host, and what is said of a launcher that binds them to few cores.
#include "processes/cores.h"

#include <doctest/doctest.h>

namespace espalier::processes {
namespace {

Cores on(const std::string& host, const std::string& set, int count, int threads = 0) {
  return {.host = host, .set = set, .count = count, .of_host = 8, .threads = threads};
}

}  // namespace

TEST_CASE("processes that may use the same cores share them") {
  const std::vector<Cores> all = {on("a", "0,1,2,3,4,5,6,7,", 8), on("a", "0,1,2,3,4,5,6,7,", 8),
                                  on("b", "0,1,2,3,4,5,6,7,", 8)};
  CHECK(threads_of(all, 0) == 4);
  CHECK(threads_of(all, 1) == 4);
  CHECK(threads_of(all, 2) == 8);
  for (int i = 0; i < 3; ++i) CHECK(complaint_of(all, i, true).empty());
}

TEST_CASE("processes with cores of their own use those") {
  const std::vector<Cores> all = {on("a", "0,1,", 2), on("a", "2,3,4,5,6,7,", 6)};
  CHECK(threads_of(all, 0) == 2);
  CHECK(threads_of(all, 1) == 6);
}

TEST_CASE("more processes than cores have a thread each") {
  const std::vector<Cores> all(12, on("a", "0,1,2,3,4,5,6,7,", 8));
  CHECK(threads_of(all, 11) == 1);
  CHECK(complaint_of(all, 11, true).empty());
}

TEST_CASE("--threads wins") {
  CHECK(threads_of(std::vector<Cores>{on("a", "0,", 1, 4)}, 0) == 4);
}

TEST_CASE("one core of many is told, with what helps") {
  const std::vector<Cores> bound = {on("a", "0,", 1), on("a", "1,", 1)};
  CHECK(complaint_of(bound, 1, true) ==
        "process 1 may use 1 of the 8 cores of a, and computes with 1 thread: mpirun --bind-to none gives it "
        "those of "
        "the host");
  const std::vector<Cores> alone = {on("a", "0,1,", 2, 4)};
  CHECK(complaint_of(alone, 0, false) ==
        "this process may use 2 of the 8 cores of a, and computes with 4 threads: the launcher's option for "
        "cores a "
        "task (srun --cpus-per-task) gives it more");
}

TEST_CASE("cores survive their way to another process") {
  const Cores cores = on("host name", "0,5,", 2, 3);
  const Cores back = cores_in(bytes_of(cores));
  CHECK(back.host == cores.host);
  CHECK(back.set == cores.set);
  CHECK(back.count == 2);
  CHECK(back.of_host == 8);
  CHECK(back.threads == 3);
}

}  // namespace espalier::processes
