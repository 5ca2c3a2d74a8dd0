// Multi-head scaled dot-product attention of Vaswani et al., "Attention is all you need" (2017), with
// optional rotary positions of Su et al., "RoFormer" (2021), on packed projections.
//
// Layout of a packed row, qkv [batch, length, heads * 3 * head_dim]: head h holds the columns from
// 3 head_dim h on, as query, key, value. The output [batch, length, heads * head_dim] concatenates the heads.
#pragma once

#include <cstdint>

#include "espalier/base/philox.h"

namespace espalier::kernels {

struct Attention {
  std::int64_t batch = 0, length = 0, heads = 0, head_dim = 0;
  float scale = 1.0F;  // of the scores; positive
  // [at least length, head_dim / 2, 2]: cosine and sine of each position's angles, by which neighbours 2i,
  // 2i+1 of queries and keys are rotated; null: no rotation. Needs an even head_dim.
  const float* rotary = nullptr;
  // [batch, length]: adds (1 - mask) * -10000 to every query's score for that key; null: nothing.
  const float* mask = nullptr;
  // Dropout of the probabilities, if `dropout` > 0: from index `dropout_first` (a multiple of 4) on, each
  // sequence and head draws length^2 numbers, rounded up to a multiple of 4.
  float dropout = 0.0F;
  Philox random{0, RandomStream::kDropout};
  std::uint64_t dropout_first = 0;
};

// out = dropout(softmax(scale q k^T + mask)) v for every sequence and head, one task each.
void attention(const Attention& problem, const float* qkv, float* out);

// dqkv = (or +=) the gradient from dout. Nothing is kept of the forward pass but qkv: the probabilities are
// computed again, which costs a tenth of the operation's time and saves batch * heads * length^2 floats a
// layer (25 MB for 32 sequences of 128 and 12 heads).
void attention_backward(const Attention& problem, const float* qkv, const float* dout, bool accumulate,
                        float* dqkv);

}  // namespace espalier::kernels
