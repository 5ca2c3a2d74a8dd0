// Products of few rows with a weight that lies as a linear layer keeps it, output by output.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// Fewer rows than this are faster here than in oneDNN, which first copies the whole weight into its own
// layout: a text of 16 tokens alone takes 3.0 to 3.6 ms through a MiniLM, whose 42 MB of weights come from
// main memory, and 4.2 to 4.9 by oneDNN (two threads, AVX-512, by turns). With weights in the cache 16 rows
// of 1536 -> 384 take 0.56 of the time, of 384 -> 1536 0.95.
inline constexpr std::int64_t kFewRows = 24;

// C[m,n] = A[m,k] B^T, or C += with `accumulate`; B is [n,k], C row-major with `stride` elements between
// rows. Parallel over fixed parts of B's rows. The bits of a row depend on that row of A alone, not on m.
void few_rows_matmul(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t a_stride,
                     const float* b, std::int64_t b_stride, Destination c, std::int64_t stride);

}  // namespace espalier::kernels
