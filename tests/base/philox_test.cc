#include <doctest/doctest.h>

#include <cmath>

#include "espalier/base/philox.h"

namespace espalier {

// Known answers of the Random123 distribution (kat_vectors, philox 4x32 10 rounds): counter and key all zero.
TEST_CASE("the zero vector of Random123") {
  const auto words = Philox(0, static_cast<RandomStream>(0), 0).words(0);
  CHECK(words[0] == 0x6627e8d5U);
  CHECK(words[1] == 0xe169c58dU);
  CHECK(words[2] == 0xbc57ac4cU);
  CHECK(words[3] == 0x9b00dbd8U);
}

TEST_CASE("seed, stream, step and index each change the draw") {
  const auto base = Philox(1, RandomStream::kInit, 2).words(3);
  CHECK(base == Philox(1, RandomStream::kInit, 2).words(3));
  CHECK(base != Philox(2, RandomStream::kInit, 2).words(3));
  CHECK(base != Philox(1, RandomStream::kMasking, 2).words(3));
  CHECK(base != Philox(1, RandomStream::kInit, 3).words(3));
  CHECK(base != Philox(1, RandomStream::kInit, 2).words(4));
}

TEST_CASE("moments of the uniform and the normal draws") {
  const Philox random(7, RandomStream::kTest);
  const int count = 100000;
  double mean = 0, normal_mean = 0, normal_square = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const float u = random.uniform(i);
    CHECK_UNARY(u >= 0.0F && u < 1.0F);
    mean += u / count;
    const double z = random.normal(i);
    normal_mean += z / count;
    normal_square += z * z / count;
    CHECK(random.below(i, 7) < 7);
  }
  CHECK(mean == doctest::Approx(0.5).epsilon(0.01));
  CHECK(std::abs(normal_mean) < 0.02);
  CHECK(normal_square == doctest::Approx(1.0).epsilon(0.02));
}

}  // namespace espalier
