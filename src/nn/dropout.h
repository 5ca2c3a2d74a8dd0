// Dropout at the next site of a forward pass.
#pragma once

#include "espalier/nn/context.h"
#include "espalier/ops/dropout.h"

namespace espalier::nn {

inline ops::DropoutKey next_dropout_key(ForwardContext& context) {
  return {context.seed, context.step, context.next_dropout_site++};
}

// x itself where dropout is off. Every pass counts the same sites, on or off.
inline Variable apply_dropout(const Variable& x, double probability, ForwardContext& context) {
  const ops::DropoutKey key = next_dropout_key(context);
  if (!context.dropout || probability == 0.0) return x;
  return ops::dropout(x, static_cast<float>(probability), key);
}

}  // namespace espalier::nn
