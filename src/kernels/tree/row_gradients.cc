#include "kernels/tree/row_gradients.h"

#include <algorithm>
#include <limits>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/tensor/pool.h"
#include "kernels/grouped.h"

namespace espalier::kernels {
namespace {

// Columns a task sums: three registers of accumulators and more, and enough tasks for the root, which every
// token uses. The order of sums does not depend on it.
constexpr std::int64_t kColumnBlock = 192;
constexpr std::int64_t kRowTasks = 64;

// Cuts the rows into ranges of about equal numbers of uses and of rows: range i is [cuts[i], cuts[i + 1]).
PoolVector<std::int64_t> balanced_ranges(const RowUses& uses) {
  const std::int64_t most_uses = uses.count() / kRowTasks + 1;
  const std::int64_t most_rows = uses.rows() / kRowTasks + 1;
  PoolVector<std::int64_t> cuts{0};
  for (std::int64_t r = 1; r < uses.rows(); ++r) {
    const std::int64_t first = cuts.back();
    if (r - first >= most_rows || uses.begin(r) - uses.begin(first) >= most_uses) cuts.push_back(r);
  }
  cuts.push_back(uses.rows());
  return cuts;
}

}  // namespace

RowUses::RowUses(std::int64_t rows, std::int64_t count, const std::int32_t* row, const std::int32_t* token)
    : rows_(rows), count_(count), place_(count), token_(count) {
  ESPALIER_CHECK(count <= std::numeric_limits<std::int32_t>::max());
  begin_ = group_by_key(
      rows, count, [&](std::int64_t i) { return row[i]; },
      [&](std::int64_t i, std::int64_t place) {
        place_[i] = static_cast<std::int32_t>(place);
        token_[place] = token[i];
      });
}

Scratch<float> RowUses::sorted(const float* values, std::int64_t units) const {
  Scratch<float> out(count_ * units);
  for (std::int64_t i = 0; i < count_; ++i) {
    std::copy_n(values + i * units, units, out.data() + place_[i] * units);
  }
  return out;
}

void row_gradients(const RowUses& uses, std::int64_t units, const float* coefficients, RowSource source,
                   std::int64_t width, Destination out) {
  if (!out.wanted() || uses.rows() == 0 || width == 0) return;
  const PoolVector<std::int64_t> cuts = balanced_ranges(uses);
  const auto ranges = static_cast<std::int64_t>(cuts.size()) - 1;
  const std::int64_t blocks = (width + kColumnBlock - 1) / kColumnBlock;
  const auto sum_range = [&](std::int64_t range, std::int64_t column) {
    const std::int64_t columns = std::min(kColumnBlock, width - column);
    const RowSource from{source.data + column, source.stride};
    for (std::int64_t r = cuts[static_cast<std::size_t>(range)];
         r < cuts[static_cast<std::size_t>(range) + 1]; ++r) {
      const std::int64_t first = uses.begin(r);
      const std::int64_t count = uses.begin(r + 1) - first;
      for (std::int64_t u = 0; u < units; ++u) {
        weighted_row_sum(count, uses.tokens() + first, {coefficients + first * units + u, units}, from,
                         columns, out + (r * units + u) * width + column);
      }
    }
  };
  parallel_for(ranges * blocks, 1, [&](std::int64_t task, std::int64_t) {
    sum_range(task / blocks, task % blocks * kColumnBlock);
  });
}

void row_sums(const RowUses& uses, std::int64_t units, const float* coefficients, Destination out) {
  if (!out.wanted()) return;
  const std::int64_t grain = uses.rows() / kRowTasks + 1;
  parallel_for(uses.rows(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * units; i < end * units; ++i) {
      float sum = out.accumulate ? out.data[i] : 0.0F;
      const std::int64_t r = i / units;
      for (std::int64_t use = uses.begin(r); use < uses.begin(r + 1); ++use) {
        sum += coefficients[use * units + i % units];
      }
      out.data[i] = sum;
    }
  });
}

}  // namespace espalier::kernels
