// Sums of weight rows along tokens' hard paths in several trees: the output of a forest of neurons, and with
// the gradients of its logits the gradient of its input.
#pragma once

#include <cstdint>

#include "espalier/base/parallel.h"
#include "espalier/tensor/destination.h"
#include "kernels/tree/hard_token_order.h"
#include "kernels/tree/nodes.h"

namespace espalier::kernels {

struct ForestSums {
  int trees;
  int depth;
  RowSource source;          // all trees' rows, tree-major, in heap order
  std::int64_t width;        // of a row
  const std::int32_t* leaf;  // [tokens, trees]
  Destination out;           // [tokens, width]
  bool stream;               // past the caches

  // Leaves in weights [order.count(), depth + 1] those of `tree`, for the tokens of `order`.
  using Weights = FunctionRef<void(int tree, const TokenOrder& order, float* weights)>;

  // out[token] (+)= sum over trees and levels of weight * the row on the token's path, for the tokens [begin,
  // end). Terms are added tree by tree and from the root down, so the bits do not depend on a token's
  // neighbours. Parallel.
  void run(std::int64_t begin, std::int64_t end, Weights weights) const;
};

}  // namespace espalier::kernels
