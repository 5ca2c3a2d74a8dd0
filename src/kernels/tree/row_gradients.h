// Gradients of weight rows that only some tokens used: row r gets the sum over its users of
// coefficient * token vector. Users of a row are summed in token order, so the bits depend neither on threads
// nor on how a batch is cut into micro-batches.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/scratch.h"
#include "kernels/tree/nodes.h"

namespace espalier::kernels {

// Uses of rows, sorted by row and within a row by use (a stable counting sort). A use is a (token, row) pair
// given in token order. A "row" may stand for a group of rows that are always used together (an MLP leaf).
class RowUses {
 public:
  // rows: number of rows; row[i], token[i]: of use i, i < count.
  RowUses(std::int64_t rows, std::int64_t count, const std::int32_t* row, const std::int32_t* token);

  std::int64_t rows() const { return rows_; }
  std::int64_t count() const { return count_; }
  // The uses of row r are [begin(r), begin(r + 1)) in sorted order.
  std::int64_t begin(std::int64_t r) const { return begin_[r]; }
  const std::int32_t* tokens() const { return token_.data(); }
  // Where use i, as given, is in sorted order.
  const std::int32_t* places() const { return place_.data(); }
  // values [count, units] of the uses, in sorted order.
  Scratch<float> sorted(const float* values, std::int64_t units) const;

 private:
  std::int64_t rows_;
  std::int64_t count_;
  Scratch<std::int64_t> begin_;
  Scratch<std::int32_t> place_;  // of use i in sorted order
  Scratch<std::int32_t> token_;  // sorted
};

// out[r * units + u, :] = sum over the uses of r of coefficients[use, u] * source[token, :]; out is
// [rows * units, width]. Rows without uses become zero, or stay as they are with out.accumulate.
// coefficients: sorted, [count, units]. Parallel over rows and column blocks.
void row_gradients(const RowUses& uses, std::int64_t units, const float* coefficients, RowSource source,
                   std::int64_t width, Destination out);
// The same for one number a row: out[r * units + u] = sum of coefficients[use, u].
void row_sums(const RowUses& uses, std::int64_t units, const float* coefficients, Destination out);

}  // namespace espalier::kernels
