#include "kernels/tree/hard_forest_sums.h"

#include <algorithm>

#include "kernels/scratch.h"
#include "kernels/tree/hard_path_sums.h"

namespace espalier::kernels {
namespace {

// A block's sums for a panel of columns stay in the second-level cache (512 kB) while all trees add to them;
// whole rows would come from the third-level cache for each tree, and take longer than the products.
constexpr std::int64_t kBlock = 1024;
constexpr std::int64_t kPanel = 128;

// The paths of a block's tokens, of each tree in the order of its leaves.
class BlockPaths {
 public:
  BlockPaths(const ForestSums& sums, std::int64_t begin, std::int64_t end, ForestSums::Weights weights)
      : count_(end - begin),
        levels_(sums.depth + 1),
        tokens_(sums.trees * count_),
        leaves_(sums.trees * count_),
        weights_(sums.trees * count_ * levels_) {
    parallel_for(sums.trees, 1, [&](std::int64_t k, std::int64_t) {
      const TokenOrder order(sums.depth, begin, end, sums.leaf + k, sums.trees);
      for (std::int64_t i = 0; i < count_; ++i) {
        tokens_[k * count_ + i] = order.tokens()[i] - static_cast<std::int32_t>(begin);
      }
      std::copy_n(order.leaves(), count_, leaves_.data() + k * count_);
      weights(static_cast<int>(k), order, weights_.data() + k * count_ * levels_);
    });
  }

  // Adds the rows of tree k by `sums`, whose token 0 is the block's first.
  void add(std::int64_t k, const PathSums& sums) const {
    sums.run(count_, tokens_.data() + k * count_, leaves_.data() + k * count_,
             weights_.data() + k * count_ * levels_);
  }

 private:
  std::int64_t count_;
  std::int64_t levels_;
  Scratch<std::int32_t> tokens_, leaves_;  // [trees, count]; tokens counted from the block's first
  Scratch<float> weights_;                 // [trees, count, levels]
};

void sum_panel(const ForestSums& sums, const BlockPaths& paths, std::int64_t begin, std::int64_t end,
               std::int64_t column) {
  const std::int64_t columns = std::min(kPanel, sums.width - column);
  const std::int64_t nodes = (std::int64_t{2} << sums.depth) - 1;
  Scratch<float> panel((end - begin) * columns);
  float* out = sums.out.data + begin * sums.width + column;
  if (sums.out.accumulate) stream_rows(end - begin, columns, {out, sums.width}, panel.data(), columns, false);
  for (std::int64_t k = 0; k < sums.trees; ++k) {
    const float* rows = sums.source.data + k * nodes * sums.source.stride + column;
    paths.add(k, {sums.depth,
                  {rows, sums.source.stride},
                  columns,
                  {panel.data(), k > 0 || sums.out.accumulate},
                  false});
  }
  stream_rows(end - begin, columns, {panel.data(), columns}, out, sums.width, sums.stream);
}

}  // namespace

void ForestSums::run(std::int64_t begin, std::int64_t end, Weights weights) const {
  parallel_for(end - begin, kBlock, [&](std::int64_t first, std::int64_t last) {
    const BlockPaths paths(*this, begin + first, begin + last, weights);
    const std::int64_t panels = (width + kPanel - 1) / kPanel;
    parallel_for(panels, 1, [&](std::int64_t panel, std::int64_t) {
      sum_panel(*this, paths, begin + first, begin + last, panel * kPanel);
    });
  });
}

}  // namespace espalier::kernels
