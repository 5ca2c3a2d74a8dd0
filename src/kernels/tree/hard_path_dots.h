// Inner products of tokens' vectors with the weight rows along their hard paths.
#pragma once

#include <cstdint>

#include "kernels/tree/rows.h"

namespace espalier::kernels {

// What is brought into the second-level cache meanwhile: the tokens' vectors of another matrix or, if `rows`
// is set, the lowest rows on their paths in another matrix of the tree.
struct PathFetch {
  RowSource vectors{nullptr, 0};
  RowSource rows{nullptr, 0};
};

// out[i, level] = <vectors[tokens[i]], row of the level's node on the path to leaves[i]>, i < count; out is
// [count, depth + 1], vectors [., width]; source: the tree's rows in heap order. Neighbours in the list that
// share nodes share loads. The bits of a product are those of row_dot.
void path_dots(int depth, RowSource source, std::int64_t width, const float* vectors, std::int64_t count,
               const std::int32_t* tokens, const std::int32_t* leaves, PathFetch fetched, float* out);

}  // namespace espalier::kernels
