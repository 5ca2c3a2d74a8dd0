#include "espalier/data/masking.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/base/philox.h"
#include "espalier/tensor/pool.h"

namespace espalier::data {
namespace {

// Draws of a sequence: indices below this choose positions, those from here on choose random tokens.
constexpr std::uint64_t kTokenDraws = std::uint64_t{1} << 32;

// Position and its rank in the order of drawing.
using Drawn = std::pair<std::int32_t, std::int64_t>;

// The first `count` steps of a Fisher-Yates shuffle of 0 .. length-1, sorted by position.
PoolVector<Drawn> draw_positions(const Philox& random, std::int64_t length, std::int64_t count) {
  PoolVector<std::int32_t> order(static_cast<std::size_t>(length));
  std::iota(order.begin(), order.end(), 0);
  PoolVector<Drawn> drawn;
  drawn.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto left = static_cast<std::uint32_t>(length - i);
    const auto j = static_cast<std::size_t>(i) + random.below(static_cast<std::uint64_t>(i), left);
    std::swap(order[static_cast<std::size_t>(i)], order[j]);
    drawn.emplace_back(order[static_cast<std::size_t>(i)], i);
  }
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

std::int64_t rounded_share(double share, std::int64_t count) {
  return static_cast<std::int64_t>(std::nearbyint(share * static_cast<double>(count)));
}

}  // namespace

std::int64_t masked_count(double rate, std::int64_t length) {
  if (!(rate > 0 && rate <= 1)) {
    throw InputError(fmt::format("masking rate must be above 0 and at most 1, got {}", rate));
  }
  return std::clamp<std::int64_t>(rounded_share(rate, length), 1, length);
}

void mask_sequence(const MaskingOptions& options, std::uint64_t epoch, std::uint64_t sequence,
                   std::span<std::int32_t> ids, std::vector<std::int32_t>& positions,
                   std::vector<std::int32_t>& targets) {
  ESPALIER_CHECK(epoch < (std::uint64_t{1} << 24) && sequence < (std::uint64_t{1} << 40));
  ESPALIER_CHECK(options.vocabulary_size > 0 && !ids.empty());
  const auto length = static_cast<std::int64_t>(ids.size());
  const std::int64_t count = masked_count(options.rate, length);
  const std::int64_t replaced = rounded_share(0.8, count);
  const std::int64_t randomised = rounded_share(0.9, count);
  const Philox random(options.seed, RandomStream::kMasking, epoch << 40 | sequence);
  for (const auto& [position, rank] : draw_positions(random, length, count)) {
    std::int32_t& id = ids[static_cast<std::size_t>(position)];
    positions.push_back(position);
    targets.push_back(id);
    if (rank < replaced) {
      id = options.mask_id;
    } else if (rank < randomised) {
      const auto bound = static_cast<std::uint32_t>(options.vocabulary_size);
      id = static_cast<std::int32_t>(random.below(kTokenDraws + static_cast<std::uint64_t>(rank), bound));
    }
  }
}

}  // namespace espalier::data
