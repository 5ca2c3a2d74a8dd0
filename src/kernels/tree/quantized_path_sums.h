// Sums of rows of bytes along tokens' hard paths, as PathSums: the output of a tree of neurons.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/quantize.h"

namespace espalier::kernels {

struct QuantizedPathSums {
  int depth;
  const QuantizedRows& rows;  // of all trees, tree-major, in heap order
  std::int64_t first;         // the tree's root
  Destination out;            // [tokens, rows.width]
  bool stream;  // past the caches; the caller calls path_sums_done() on the same thread at the end

  // out[tokens[i]] (+)= sum over levels, root first, of (weights[i, level] * scale) * bytes of the row on the
  // path to leaves[i], i < count; weights [count, depth + 1]. The order of sums does not depend on the
  // neighbours.
  void run(std::int64_t count, const std::int32_t* tokens, const std::int32_t* leaves,
           const float* weights) const;
};

}  // namespace espalier::kernels
