#include "espalier/data/masking.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "espalier/base/error.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::Ids;

struct Masked {
  Ids ids, positions, targets;
  bool operator==(const Masked&) const = default;
};

MaskingOptions masking_options(std::uint64_t seed = 1) {
  MaskingOptions options;
  options.seed = seed;
  options.mask_id = 6;
  options.vocabulary_size = 1000;
  return options;
}

// Tokens 100, 101, ... so that every change is visible.
Masked masked(const MaskingOptions& options, std::uint64_t epoch, std::uint64_t sequence,
              std::size_t length = 128) {
  Masked result;
  for (std::size_t i = 0; i < length; ++i) result.ids.push_back(static_cast<std::int32_t>(100 + i));
  mask_sequence(options, epoch, sequence, result.ids, result.positions, result.targets);
  return result;
}

}  // namespace

TEST_CASE("exactly 32 of 128 positions: 26 masked, 3 random, 3 kept") {
  std::map<std::string, int> totals;
  for (std::uint64_t sequence = 0; sequence < 500; ++sequence) {
    const Masked result = masked(masking_options(), 0, sequence);
    REQUIRE(result.positions.size() == 32);
    REQUIRE(std::is_sorted(result.positions.begin(), result.positions.end()));
    REQUIRE(std::adjacent_find(result.positions.begin(), result.positions.end()) == result.positions.end());
    int masks = 0, kept = 0;
    std::size_t next = 0;
    for (std::int32_t i = 0; i < 128; ++i) {
      const std::int32_t id = result.ids[static_cast<std::size_t>(i)];
      if (next == 32 || result.positions[next] != i) {
        REQUIRE(id == 100 + i);  // untouched where nothing is predicted
        continue;
      }
      REQUIRE(result.targets[next++] == 100 + i);
      masks += id == 6;
      kept += id == 100 + i;
    }
    totals["mask"] += masks;
    totals["kept"] += kept;
    REQUIRE(masks >= 26);  // one of the three random tokens may be <mask> by chance
    REQUIRE(masks <= 29);
  }
  CHECK(totals["mask"] < 26 * 500 + 15);
  CHECK(totals["kept"] >= 3 * 500);
  CHECK(totals["kept"] < 3 * 500 + 15);
}

TEST_CASE("a pure function of seed, epoch and sequence") {
  const Masked base = masked(masking_options(1), 2, 3);
  CHECK(base == masked(masking_options(1), 2, 3));
  CHECK(base.positions != masked(masking_options(2), 2, 3).positions);
  CHECK(base.positions != masked(masking_options(1), 3, 3).positions);
  CHECK(base.positions != masked(masking_options(1), 2, 4).positions);
}

TEST_CASE("every position is masked equally often, random tokens cover the whole vocabulary") {
  MaskingOptions options = masking_options();
  options.vocabulary_size = 20;
  options.mask_id = 100000;
  std::vector<int> positions(128, 0);
  std::map<std::int32_t, int> tokens;
  const int sequences = 4000;
  for (std::uint64_t sequence = 0; sequence < sequences; ++sequence) {
    const Masked result = masked(options, 0, sequence);
    for (const std::int32_t position : result.positions) ++positions[static_cast<std::size_t>(position)];
    for (const std::int32_t id : result.ids) tokens[id] += id < 20;
  }
  // Expected 1000 of 4000 each; standard deviation 27.4.
  for (const int count : positions) CHECK(std::abs(count - 1000) < 5 * 27.4);
  // 3 of 128 tokens of 4000 sequences, 20 values: 600 each, standard deviation 24.
  for (std::int32_t token = 0; token < 20; ++token) CHECK(std::abs(tokens[token] - 600) < 5 * 24);
}

TEST_CASE("counts round halves to even and are never zero") {
  CHECK(masked_count(0.25, 128) == 32);
  CHECK(masked_count(0.25, 10) == 2);
  CHECK(masked_count(0.25, 14) == 4);
  CHECK(masked_count(0.15, 128) == 19);
  CHECK(masked_count(0.25, 1) == 1);
  CHECK(masked_count(1.0, 16) == 16);
  CHECK(masked(masking_options(), 0, 0, 1).positions == Ids{0});
}

TEST_CASE("a rate outside (0, 1] is refused") {
  for (const double rate : {0.0, -0.1, 1.01, std::nan("")}) {
    CHECK(testing::error_of([&] { masked_count(rate, 128); }).find("masking rate must be above 0") == 0);
  }
}

}  // namespace espalier::data
