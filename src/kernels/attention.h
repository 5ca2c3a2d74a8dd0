// Multi-head scaled dot-product attention of Vaswani et al., "Attention is all you need" (2017), with
// optional rotary positions of Su et al., "RoFormer" (2021), on packed projections.
//
// Layout of a packed row, qkv [batch, length, heads * 3 * head_dim]: head h holds the columns from
// 3 head_dim h on, as query, key, value. Apart, queries are [queries, heads * head_dim] and keys with values
// [batch, length, heads * 2 * head_dim]. The output [queries, heads * head_dim] concatenates the heads; there
// are batch * length queries unless fewer are asked for. Where sequences differ in length, their number of
// rows stands for batch * length.
#pragma once

#include <cstdint>

#include "espalier/base/philox.h"
#include "espalier/tensor/destination.h"
#include "kernels/bfloat16.h"

namespace espalier::kernels {

struct Attention {
  std::int64_t batch = 0, length = 0, heads = 0, head_dim = 0;
  // Not null: sequences of different lengths, one after the other without padding; the rows of sequence s are
  // first_key[s] to first_key[s + 1] - 1, at most `length`. Then there is no mask.
  const std::int32_t* first_key = nullptr;
  float scale = 1.0F;  // of the scores; positive
  // [at least length, head_dim / 2, 2]: cosine and sine of each position's angles, by which neighbours 2i,
  // 2i+1 of queries and keys are rotated; null: no rotation. Needs an even head_dim.
  const float* rotary = nullptr;
  // [batch, length]: adds (1 - mask) * -10000 to every query's score for that key; null: nothing.
  const float* mask = nullptr;
  // Dropout of the probabilities, if `dropout` > 0: from index `dropout_first` (a multiple of 4) on, each
  // sequence and head owns length^2 numbers, rounded up to a multiple of 4; a shorter sequence takes the
  // first.
  float dropout = 0.0F;
  Philox random{0, RandomStream::kDropout};
  std::uint64_t dropout_first = 0;
  // Not null: queries of some positions alone, without dropout. Query i stands at position
  // query_positions[i], counted over the batch; those of sequence s are first_query[s] to
  // first_query[s + 1] - 1.
  const std::int32_t* query_positions = nullptr;
  const std::int32_t* first_query = nullptr;
};

// Rows of `stride` elements in which head h has the head_dim columns from h * step on. Place: const float* or
// const Bfloat16* for what is read, float* or Destination for what is written.
template <class Place>
struct HeadRows {
  Place data;
  std::int64_t stride, step;
};

// Queries, keys and values, or where their gradients go.
template <class Place>
struct Projections {
  HeadRows<Place> query, key, value;
};

template <class Place>
Projections<Place> packed_projections(const Attention& problem, Place qkv) {
  const std::int64_t width = problem.head_dim, step = 3 * width, stride = problem.heads * step;
  return {{qkv, stride, step}, {qkv + width, stride, step}, {qkv + 2 * width, stride, step}};
}

template <class Place>
Projections<Place> separate_projections(const Attention& problem, Place query, Place key_value) {
  const std::int64_t width = problem.head_dim, step = 2 * width, stride = problem.heads * step;
  return {
      {query, problem.heads * width, width}, {key_value, stride, step}, {key_value + width, stride, step}};
}

// out = dropout(softmax(scale q k^T + mask)) v for every sequence and head, one task each.
// With bfloat16 the factors of every product are rounded (what is rotated, probabilities, their gradient);
// softmax and sums are float32.
void attention(const Attention& problem, const Projections<const float*>& in, float* out);
void attention(const Attention& problem, const Projections<const Bfloat16*>& in, float* out);

// din = (or +=) the gradient from dout. Nothing is kept of the forward pass but its inputs: the probabilities
// are computed again, which costs a tenth of the operation's time and saves batch * heads * length^2 floats a
// layer (25 MB for 32 sequences of 128 and 12 heads).
void attention_backward(const Attention& problem, const Projections<const float*>& in, const float* dout,
                        const Projections<Destination>& din);
void attention_backward(const Attention& problem, const Projections<const Bfloat16*>& in, const float* dout,
                        const Projections<Destination>& din);

}  // namespace espalier::kernels
