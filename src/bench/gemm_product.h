// One product of `bench gemm` and its check.
#pragma once

#include "espalier/bench/gemm.h"
#include "espalier/tensor/tensor.h"

namespace espalier::bench {

class GemmProduct {
 public:
  explicit GemmProduct(const GemmShape& shape);
  void run();
  // Every element of C takes part: C v against A (B v) in double for a random vector v; the largest
  // difference relative to the largest value.
  double error() const;
  Tensor& result() { return c_; }

 private:
  GemmShape shape_;
  Tensor a_, b_, c_;
};

}  // namespace espalier::bench
