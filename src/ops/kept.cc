#include "ops/kept.h"

#include "kernels/bfloat16.h"

namespace espalier::ops {

Kept::Kept(const Tensor& input, Precision precision) {
  if (precision != Precision::kBf16) {
    whole_ = input;
    return;
  }
  rounded_ = Bfloat16Tensor::empty(input.shape());
  kernels::round_to_bfloat16(input.size(), input.data(), rounded_.data());
}

Tensor Kept::value() const {
  if (!rounded_.defined()) return whole_;
  Tensor wide = Tensor::empty(rounded_.shape());
  kernels::widen_bfloat16(wide.size(), rounded_.data(), wide.data());
  return wide;
}

}  // namespace espalier::ops
