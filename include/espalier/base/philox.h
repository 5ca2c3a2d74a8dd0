// Counter-based random numbers: every draw is a pure function of (seed, stream, step, index), so nothing has
// to be replayed after a resume and no thread order matters. Philox4x32-10 of Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3" (2011).
#pragma once

#include <array>
#include <cstdint>

namespace espalier {

// Who draws; a new consumer takes a new number and never reuses another's.
enum class RandomStream : std::uint32_t {
  kInit = 1,
  kMasking = 2,
  kShuffle = 3,
  kDropout = 4,
  kRegionLeak = 5,
  kSplit = 6,
  kBootstrap = 7,
  kPairedBootstrap = 8,
  kTest = 1000,
};

// What the generator turns into four words: a counter and a key, after Salmon et al.
struct PhiloxCounter {
  std::array<std::uint32_t, 4> counter;
  std::array<std::uint32_t, 2> key;

  static constexpr int kRounds = 10;
  static constexpr std::uint32_t kFactor0 = 0xD2511F53U, kFactor1 = 0xCD9E8D57U;
  static constexpr std::uint32_t kWeyl0 = 0x9E3779B9U, kWeyl1 = 0xBB67AE85U;
};

class Philox {
 public:
  Philox(std::uint64_t seed, RandomStream stream, std::uint64_t step = 0)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        stream_(static_cast<std::uint32_t>(stream)),
        step_(step) {}

  // The counter of `index` is (index low 32, index high 16 | stream 16, step).
  PhiloxCounter counter(std::uint64_t index) const {
    return {{static_cast<std::uint32_t>(index),
             (static_cast<std::uint32_t>(index >> 32) & 0xFFFFU) | (stream_ << 16),
             static_cast<std::uint32_t>(step_), static_cast<std::uint32_t>(step_ >> 32)},
            key_};
  }
  // Four independent 32-bit words for `index`.
  std::array<std::uint32_t, 4> words(std::uint64_t index) const;
  std::uint32_t word(std::uint64_t index) const { return words(index >> 2)[index & 3]; }

  // Uniform in [0, 1), 24 bits.
  float uniform(std::uint64_t index) const { return static_cast<float>(word(index) >> 8) * 0x1p-24F; }
  // Standard normal, by Box and Muller's transform from the two words of an index pair.
  float normal(std::uint64_t index) const;
  // Uniform integer in [0, bound), bound >= 1, by Lemire's multiplication (bias below bound / 2^32).
  std::uint32_t below(std::uint64_t index, std::uint32_t bound) const {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(word(index)) * bound) >> 32);
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t stream_;
  std::uint64_t step_;
};

}  // namespace espalier
