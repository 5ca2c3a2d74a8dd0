// Rows of a table looked up by id.
#pragma once

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// y [..., d] = table[ids] for ids of any shape [...] and a table [V, d].
// Tokens with `padding_id` (-1: none) are looked up like others but give the table no gradient, as
// torch.nn.Embedding(padding_idx). The gradient of a row adds its tokens in order, whatever the thread count.
// The ids are kept for backward: do not change them before it. InputError if an id is not in 0 .. V-1, naming
// its place.
Variable embedding(const IntTensor& ids, const Variable& table, std::int64_t padding_id = -1);

}  // namespace espalier::ops
