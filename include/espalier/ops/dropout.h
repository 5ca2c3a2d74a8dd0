// Dropout of Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014),
// in its inverted form.
#pragma once

#include <cstdint>

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// Which random numbers a dropout uses: Philox(seed, kDropout, step), index site << 32 | element. Sites of one
// forward pass must differ (site < 2^18).
struct DropoutKey {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t site = 0;
};

// Each element is 0 with probability p, else x / (1 - p); p in [0, 1). The mask is a function of `key`, is
// never stored, and is drawn again in backward. x itself if p is 0. InputError if p or the site is out of
// range or x has more than 2^32 elements.
Variable dropout(const Variable& x, float p, const DropoutKey& key);

}  // namespace espalier::ops
