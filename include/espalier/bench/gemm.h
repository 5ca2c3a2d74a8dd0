// Dense matrix products: what they reach on this machine.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "espalier/bench/machine.h"

namespace espalier::bench {

struct GemmShape {
  std::string name;
  std::int64_t m = 0, n = 0, k = 0;
  bool over_rows = false;  // C[m, n] = A[k, m]^T B[k, n]: the gradient of a weight over k tokens
};

struct GemmOptions {
  std::vector<GemmShape> shapes;  // none: those of a crammed BERT with `tokens` tokens and `width`
  std::int64_t tokens = 4096;
  std::int64_t width = 768;
  std::int64_t rounds = 5;
};

struct GemmRow {
  GemmShape shape;
  int threads = 0;
  double ms = 0;      // median of the rounds
  double spread = 0;  // (slowest - fastest) / median
  double gflops = 0;
  double share = 0;      // of the speed of the 2048 x 2048 x 2048 product in the same rounds
  double max_error = 0;  // of C v against A (B v) in double for a random v, relative to the largest value
  bool correct = false;
};

struct GemmReport {
  Machine machine;
  std::vector<GemmRow> rows;
};

// "MxNxK". Throws InputError for anything else.
GemmShape parse_gemm_shape(const std::string& text);

GemmReport bench_gemm(const GemmOptions& options,
                      const std::function<void(const GemmRow&)>& on_row = nullptr);
io::Json gemm_json(const GemmRow& row);

}  // namespace espalier::bench
