// Dense matrix products of float32, or of bfloat16 summed in float32: the one door to oneDNN.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/matrix_view.h"

namespace espalier::kernels {

// C[m,n] = A[m,k] B[k,n], or C += with `accumulate`. C is row-major with `stride` elements between rows.
// Parallel over fixed panels of C, so the bits do not depend on the thread count. The bits of a row depend on
// that row of A, on B and on the shape of the product, not on the row's place.
void matmul(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, Destination c,
            std::int64_t stride);

// The same of bfloat16. A row of C depends on that row of A and on B alone: neither on its place, nor on m.
// On a machine without the instructions (bfloat16_obstacle() in kernels/isa.h) the same numbers are
// multiplied in float32, which tests compare with; sums there are in another order.
void matmul(std::int64_t m, std::int64_t n, std::int64_t k, Bfloat16View a, Bfloat16View b, Destination c,
            std::int64_t stride);

// The same on the calling thread, for products inside a parallel task.
void matmul_serial(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, Destination c,
                   std::int64_t stride);
void matmul_serial(std::int64_t m, std::int64_t n, std::int64_t k, Bfloat16View a, Bfloat16View b,
                   Destination c, std::int64_t stride);

// C[m,n] = A^T B over `rows` rows of A[rows,m] and B[rows,n], or C += : the gradient of a weight. The sum
// over rows runs in order over panels of kGradientRows rows, so a batch gives the same bits as its
// micro-batches, accumulated one after the other, as long as each is a multiple of kGradientRows rows.
inline constexpr std::int64_t kGradientRows = 512;
void matmul_over_rows(std::int64_t m, std::int64_t n, std::int64_t rows, const float* a,
                      std::int64_t a_stride, const float* b, std::int64_t b_stride, Destination c,
                      std::int64_t stride);
void matmul_over_rows(std::int64_t m, std::int64_t n, std::int64_t rows, const Bfloat16* a,
                      std::int64_t a_stride, const Bfloat16* b, std::int64_t b_stride, Destination c,
                      std::int64_t stride);

}  // namespace espalier::kernels
