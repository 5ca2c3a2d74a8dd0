// Which instruction set the SIMD kernels run on.
#pragma once

#include <string>

namespace espalier::kernels {

// Highway's name of the best target of this machine, e.g. "AVX2" or "AVX3". Bits of results may differ
// between targets, so checkpoints note it.
std::string active_isa();

}  // namespace espalier::kernels
