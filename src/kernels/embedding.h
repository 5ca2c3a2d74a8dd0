// Look-up of rows by id and its gradient.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"

namespace espalier::kernels {

// out[t] = table[ids[t]] for `tokens` ids, rows of `width`. Every id must be a row of the table.
void embedding(std::int64_t tokens, std::int64_t width, const std::int32_t* ids, const float* table,
               float* out);

// dtable[id] = (or +=) the sum of dout[t] over the tokens t with that id, added one by one in token order, so
// micro-batches accumulated one after the other give the bits of one batch. Tokens with `skipped_id` (-1:
// none) contribute nothing. Parallel over ids: tokens are first sorted by id (a stable counting sort).
// Where nothing is added to, rows without tokens are left unwritten and get a 1 in unwritten [rows], others
// a 0.
void embedding_backward(std::int64_t tokens, std::int64_t width, const std::int32_t* ids,
                        std::int64_t skipped_id, const float* dout, std::int64_t rows, Destination dtable,
                        char* unwritten);

}  // namespace espalier::kernels
