// How gradients are cut and written down.
#include "processes/chunks.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace espalier::processes {
namespace {

// `length` floats, or 0: not packed.
void check_packed(const std::vector<float>& values, std::size_t length) {
  std::vector<float> message{7};
  CHECK(pack(values, message) == (length > 0));
  if (length == 0) return;
  CHECK(message.size() == length);
  CHECK(length < values.size());
  std::vector<float> back(values.size(), 5);
  unpack(message, back);
  for (std::size_t i = 0; i < values.size(); ++i)
    CHECK(std::bit_cast<std::uint32_t>(back[i]) == std::bit_cast<std::uint32_t>(values[i]));
}

}  // namespace

TEST_CASE("chunks cover each element once, the last parameter first") {
  const std::vector<std::int64_t> sizes = {600000, 3, 0, 262144, 100};
  std::vector<std::int64_t> next(sizes.size(), 0);
  std::size_t parameter = sizes.size();
  for (const Chunk& chunk : chunks_of(sizes)) {
    std::int64_t count = 0;
    for (const Piece& piece : chunk.pieces) {
      CHECK(piece.parameter <= parameter);
      CHECK(piece.begin == next[piece.parameter]);
      parameter = piece.parameter;
      next[parameter] += piece.count;
      count += piece.count;
    }
    CHECK(count == chunk.count);
    CHECK(count <= 262144);
  }
  CHECK(next == sizes);
  CHECK(chunks_of(sizes).size() == 4);
  CHECK(chunks_of(std::vector<std::int64_t>{}).empty());
}

TEST_CASE("few zeros: all values as they are") {
  std::vector<float> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
  check_packed(values, 0);
  check_packed({}, 0);
  check_packed({0.0F}, 0);  // no shorter
}

TEST_CASE("runs of 64 zeros are left out, where there are many") {
  std::vector<float> values(1000);
  values[3] = 1;
  values[700] = std::numeric_limits<float>::quiet_NaN();
  values[999] = -0.0F;  // a value: its run of 40 is sent
  check_packed(values, 1 + 64 + 64 + 40);
  check_packed(std::vector<float>(1000), 1);
  check_packed(std::vector<float>(3), 1);
}

TEST_CASE("a quarter of the runs must be zeros to be left out") {
  std::vector<float> values(64 * 8, 1.0F);
  std::fill_n(values.begin(), 64, 0.0F);
  check_packed(values, 0);
  std::fill_n(values.begin(), 128, 0.0F);
  check_packed(values, 1 + 6 * 64);
}

}  // namespace espalier::processes
