// What an operation keeps of an input for its backward pass.
#pragma once

#include "espalier/autograd/variable.h"
#include "espalier/ops/precision.h"

namespace espalier::ops {

Bfloat16Tensor to_bfloat16(const Tensor& tensor);

// The input itself, or with bf16 its rounding to bfloat16, which takes half the memory.
class Kept {
 public:
  Kept() = default;
  Kept(const Tensor& input, Precision precision);

  // In float32: the input, or the rounded numbers in memory of their own.
  Tensor value() const;

  // `use` gets pointers to the elements of both, which were kept in the same precision.
  template <class Use>
  static void visit(const Kept& a, const Kept& b, const Use& use) {
    if (a.rounded_.defined()) return use(a.rounded_.data(), b.rounded_.data());
    use(a.whole_.data(), b.whole_.data());
  }

 private:
  Tensor whole_;
  Bfloat16Tensor rounded_;
};

}  // namespace espalier::ops
