// Inner products of tokens' vectors with the weight rows along their hard paths.
#pragma once

#include <cstdint>

#include "kernels/tree/rows.h"

namespace espalier::kernels {

// out[i, level] = <vectors[tokens[i]], row of the level's node on the path to leaves[i]>, i < count; out is
// [count, depth + 1], vectors [., width]; source: the tree's rows in heap order. Neighbours in the list that
// share nodes share loads. The bits of a product are those of row_dot. Brings the tokens' rows of
// `prefetched` into the second-level cache meanwhile.
void path_dots(int depth, RowSource source, std::int64_t width, const float* vectors, std::int64_t count,
               const std::int32_t* tokens, const std::int32_t* leaves, RowSource prefetched, float* out);

}  // namespace espalier::kernels
