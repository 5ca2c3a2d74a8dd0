#include "espalier/data/permutation.h"

#include <cmath>

#include "espalier/base/error.h"

namespace espalier::data {
namespace {

// Four rounds already pass for random; epochs of a dozen sequences need more to mix, and a round costs 10 ns.
constexpr std::uint64_t kRounds = 8;

std::uint64_t ceiling_of_root(std::uint64_t size) {
  auto root = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(size)));
  while (root * root < size) ++root;
  return root;
}

}  // namespace

KeyedPermutation::KeyedPermutation(std::uint64_t seed, std::uint64_t epoch, std::int64_t size)
    : random_(seed, RandomStream::kShuffle, epoch), size_(static_cast<std::uint64_t>(size)) {
  // Beyond 2^40 the round function's index would run out of bits.
  ESPALIER_CHECK(size >= 1 && size <= (std::int64_t{1} << 40));
  left_size_ = ceiling_of_root(size_);
  right_size_ = (size_ + left_size_ - 1) / left_size_;
}

std::uint64_t KeyedPermutation::encipher(std::uint64_t value) const {
  std::uint64_t left = value % left_size_;
  std::uint64_t right = value / left_size_;
  for (std::uint64_t round = 0; round < kRounds; round += 2) {
    const auto words_of_right = random_.words(round << 32 | right);
    left = (left + words_of_right[0]) % left_size_;
    const auto words_of_left = random_.words((round + 1) << 32 | left);
    right = (right + words_of_left[0]) % right_size_;
  }
  return right * left_size_ + left;
}

std::int64_t KeyedPermutation::operator()(std::int64_t position) const {
  ESPALIER_CHECK(position >= 0 && position < size());
  std::uint64_t value = encipher(static_cast<std::uint64_t>(position));
  while (value >= size_) value = encipher(value);
  return static_cast<std::int64_t>(value);
}

}  // namespace espalier::data
