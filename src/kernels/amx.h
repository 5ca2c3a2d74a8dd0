// Products by AMX, which multiplies tiles of 16 rows of 64 bytes at once: bfloat16 summed in float32, bytes
// exactly. oneDNN 2.6 has such products of bfloat16 too, which copy both operands: with them a training step
// of the dense 3072 takes 1.2 to 1.4 times as long, a forward pass 1.3 to 1.5 (experiments/speed/TABLES.md).
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/matrix_view.h"
#include "kernels/quantized_part.h"

namespace espalier::kernels {

// Whether the two below are used: where has_amx(), but for tests of the other forms.
bool use_amx();
void allow_amx(bool allowed);

// C[m,n] = A[m,k] B[k,n], or C +=, on the calling thread; all of m, n, k at least 1. Each element is summed
// over k in steps of 32, whatever the shape: a row of C depends on that row of A and on B alone.
void amx_product(std::int64_t m, std::int64_t n, std::int64_t k, Bfloat16View a, Bfloat16View b,
                 Destination c, std::int64_t stride);

// What vnni_part() computes, to the same bits.
void amx_part(const QuantizedPart& part);

}  // namespace espalier::kernels
