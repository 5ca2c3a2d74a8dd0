// Messages in pieces, between a process and itself.
#include "processes/gather.h"

#include <doctest/doctest.h>

#include <numeric>

#include "tests/support/support.h"

namespace espalier::processes {

TEST_CASE("what is larger than a message goes in pieces, and the next exchange begins after the last one") {
  if (messages::library().empty()) return testing::skip_test("built without MPI");
  messages::initialise();
  std::vector<unsigned char> numbers(9);
  std::iota(numbers.begin(), numbers.end(), static_cast<unsigned char>(1));
  const auto all = std::as_bytes(std::span(numbers));
  for (const std::size_t size : {std::size_t{9}, std::size_t{8}, std::size_t{3}, std::size_t{0}}) {
    // As the second of two, whose first is this process.
    Gather job(all.first(size), Place{1, 2}, Gather::Way::kToAll, 4);
    while (job.advance() != Job::State::kDone) {
    }
    const std::vector<Bytes> got = job.take();
    CHECK(got[0] == Bytes(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size)));
    CHECK(got[1] == got[0]);
  }
  messages::finalise();
}

}  // namespace espalier::processes
