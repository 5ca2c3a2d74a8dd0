#include "ops/kept.h"

#include "kernels/bfloat16.h"

namespace espalier::ops {

Bfloat16Tensor to_bfloat16(const Tensor& tensor) {
  Bfloat16Tensor narrow = Bfloat16Tensor::empty(tensor.shape());
  kernels::round_to_bfloat16(tensor.size(), tensor.data(), narrow.data());
  return narrow;
}

Kept::Kept(const Tensor& input, Precision precision) {
  if (precision == Precision::kBf16) {
    rounded_ = to_bfloat16(input);
  } else {
    whole_ = input;
  }
}

Tensor Kept::value() const {
  if (!rounded_.defined()) return whole_;
  Tensor wide = Tensor::empty(rounded_.shape());
  kernels::widen_bfloat16(wide.size(), rounded_.data(), wide.data());
  return wide;
}

}  // namespace espalier::ops
