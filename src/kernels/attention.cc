#include "kernels/attention.h"

#include <cstdint>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/row_loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

// x = softmax(scale x + bias) over each row of x [rows, length]; `bias` [length] may be null.
void softmax_scores(std::int64_t rows, std::int64_t length, float scale, const float* bias, float* x) {
  // With a bias the scaled scores are stored first; else scaling is part of the exponential.
  const RowVector before = hn::Set(RowTag(), scale);
  const RowVector factor = hn::Set(RowTag(), bias == nullptr ? scale : 1.0F);
  for (float* row = x; row < x + rows * length; row += length) {
    if (bias != nullptr) {
      for_each_vector(length, [&](std::int64_t i, auto access) HWY_ATTR {
        access.store(hn::Add(hn::Mul(access.load(row + i), before), access.load(bias + i)), row + i);
      });
    }
    const RowVector shift = hn::Mul(hn::Set(RowTag(), max_over(length, row)), factor);
    const float sum = sum_over(length, [&](std::int64_t i, auto access) HWY_ATTR {
      const RowVector value = exp_or_nan(hn::Sub(hn::Mul(access.load(row + i), factor), shift));
      access.store(value, row + i);
      return value;
    });
    const RowVector inverse = hn::Set(RowTag(), 1.0F / sum);
    for_each_vector(length, [&](std::int64_t i, auto access)
                                HWY_ATTR { access.store(hn::Mul(access.load(row + i), inverse), row + i); });
  }
}

// dx = scale p (dx - <dx, p>) over each row of [rows, length]: from the gradient of the probabilities p to
// that of the products q k^T.
void softmax_scores_backward(std::int64_t rows, std::int64_t length, float scale, const float* p, float* dx) {
  const RowVector factor = hn::Set(RowTag(), scale);
  for (std::int64_t row = 0; row < rows * length; row += length) {
    const float* y = p + row;
    float* g = dx + row;
    const float sum = sum_over(length, [&](std::int64_t i, auto access) HWY_ATTR {
      return hn::Mul(access.load(y + i), access.load(g + i));
    });
    const RowVector shift = hn::Set(RowTag(), sum);
    for_each_vector(length, [&](std::int64_t i, auto access) HWY_ATTR {
      const RowVector scaled = hn::Mul(access.load(y + i), factor);
      access.store(hn::Mul(scaled, hn::Sub(access.load(g + i), shift)), g + i);
    });
  }
}

// Rotates the neighbours (2i, 2i+1) of a row by the angles of a table row, or back with `inverse`:
// (a, b) -> (a cos - b sin, a sin + b cos). Returns how many elements it did: whole vectors of pairs.
std::int64_t rotate_vectors(std::int64_t width, const float* from, const float* angles, bool inverse,
                            bool accumulate, float* to) {
  const RowTag d;
  const auto step = static_cast<std::int64_t>(2 * hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + step <= width; i += step) {
    RowVector a, b, cosine, sine;
    hn::LoadInterleaved2(d, from + i, a, b);
    hn::LoadInterleaved2(d, angles + i, cosine, sine);
    if (inverse) sine = hn::Neg(sine);
    RowVector x = hn::Sub(hn::Mul(a, cosine), hn::Mul(b, sine));
    RowVector y = hn::Add(hn::Mul(a, sine), hn::Mul(b, cosine));
    if (accumulate) {
      RowVector old_x, old_y;
      hn::LoadInterleaved2(d, to + i, old_x, old_y);
      x = hn::Add(old_x, x);
      y = hn::Add(old_y, y);
    }
    hn::StoreInterleaved2(x, y, d, to + i);
  }
  return i;
}

void rotate_row(std::int64_t width, const float* from, const float* angles, bool inverse, bool accumulate,
                float* to) {
  std::int64_t i = rotate_vectors(width, from, angles, inverse, accumulate, to);
  for (; i < width; i += 2) {
    const float cosine = angles[i];
    const float sine = inverse ? -angles[i + 1] : angles[i + 1];
    const float x = from[i] * cosine - from[i + 1] * sine;
    const float y = from[i] * sine + from[i + 1] * cosine;
    to[i] = accumulate ? to[i] + x : x;
    to[i + 1] = accumulate ? to[i + 1] + y : y;
  }
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/parallel.h"
#include "kernels/dropout.h"
#include "kernels/matmul.h"
#include "kernels/scratch.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(softmax_scores);
HWY_EXPORT(softmax_scores_backward);
HWY_EXPORT(rotate_row);

constexpr float kMasked = -10000.0F;

// x [n] as factors of a product: itself, or rounded into the memory of `room`, which may be x.
template <class Element>
const Element* as_factors(std::int64_t n, const float* x, float* room) {
  if constexpr (std::is_same_v<Element, float>) {
    return x;
  } else {
    auto* const rounded = reinterpret_cast<Bfloat16*>(room);
    round_to_bfloat16_serial(n, x, rounded);
    return rounded;
  }
}

// Rows that lie `stride` apart, as factors: where they lie, or rounded into `room` without gaps.
template <class Element>
BasicMatrixView<Element> rows_as_factors(std::int64_t rows, std::int64_t width, const float* x,
                                         std::int64_t stride, Scratch<Element>& room) {
  if constexpr (std::is_same_v<Element, float>) {
    return {x, stride, false};
  } else {
    room = Scratch<Element>(rows * width);
    for (std::int64_t i = 0; i < rows; ++i)
      round_to_bfloat16_serial(width, x + i * stride, room.data() + i * width);
    return {room.data(), width, false};
  }
}

void rotate(std::int64_t width, const float* from, const float* angles, float* to) {
  HWY_DYNAMIC_DISPATCH(rotate_row)(width, from, angles, false, false, to);
}

void rotate(std::int64_t width, const Bfloat16* from, const float* angles, Bfloat16* to) {
  Scratch<float> wide(2 * width);
  widen_bfloat16_serial(width, from, wide.data());
  rotate(width, wide.data(), angles, wide.data() + width);
  round_to_bfloat16_serial(width, wide.data() + width, to);
}

// One sequence and head: its place in the arrays, and its queries and keys, rotated if positions are rotary.
template <class Element>
class Head {
  using View = BasicMatrixView<Element>;

 public:
  Head(const Attention& problem, std::int64_t index, const Projections<const Element*>& in)
      : problem_(problem), index_(index) {
    first_key_ = problem.first_key == nullptr ? sequence() * problem.length : problem.first_key[sequence()];
    keys_ = problem.first_key == nullptr ? problem.length : problem.first_key[sequence() + 1] - first_key_;
    first_query_ = problem.first_query == nullptr ? first_key_ : problem.first_query[sequence()];
    queries_ = problem.first_query == nullptr ? keys_ : problem.first_query[sequence() + 1] - first_query_;
    query = {at(in.query, first_query_), in.query.stride, false};
    key = {at(in.key, first_key_), in.key.stride, false};
    value = {at(in.value, first_key_), in.value.stride, false};
    if (problem.rotary == nullptr) return;
    const std::int64_t width = problem.head_dim;
    rotated_ = Scratch<Element>((queries_ + keys_) * width);
    Element* const keys = rotated_.data() + queries_ * width;
    for (std::int64_t i = 0; i < queries_; ++i)
      rotate(width, query.data + i * query.stride, query_angles(i), rotated_.data() + i * width);
    for (std::int64_t i = 0; i < keys_; ++i)
      rotate(width, key.data + i * key.stride, angles(i), keys + i * width);
    query = {rotated_.data(), width, false};
    key = {keys, width, false};
  }

  View query{}, key{}, value{};  // [queries, head_dim], [keys, head_dim] twice

  std::int64_t queries() const { return queries_; }
  std::int64_t keys() const { return keys_; }
  // This sequence's first row and this head's columns in other arrays of a value a query, or a key.
  template <class Place>
  Place query_rows(const HeadRows<Place>& array) const {
    return at(array, first_query_);
  }
  template <class Place>
  Place key_rows(const HeadRows<Place>& array) const {
    return at(array, first_key_);
  }

  // Cosines and sines of the position of a query, or a key; only if positions are rotary.
  const float* query_angles(std::int64_t i) const {
    return angles(
        problem_.query_positions == nullptr ? i : problem_.query_positions[first_query_ + i] - first_key_);
  }
  const float* angles(std::int64_t position) const { return problem_.rotary + position * problem_.head_dim; }

  // [queries, keys] into `p`.
  void probabilities(float* p) const {
    matmul_serial(queries_, keys_, problem_.head_dim, query, View{key.data, key.stride, true}, p, keys_);
    Scratch<float> bias(problem_.mask == nullptr ? 0 : keys_);
    if (problem_.mask != nullptr) {
      const float* mask = problem_.mask + first_key_;
      for (std::int64_t j = 0; j < keys_; ++j) bias[j] = (1.0F - mask[j]) * kMasked;
    }
    HWY_DYNAMIC_DISPATCH(softmax_scores)
    (queries_, keys_, problem_.scale, problem_.mask == nullptr ? nullptr : bias.data(), p);
  }

  // y = x with this head's dropout applied; y may be x, [keys, keys].
  void drop(const float* x, float* y) const {
    const std::int64_t drawn = (problem_.length * problem_.length + 3) / 4 * 4;
    dropout(keys_ * keys_, problem_.dropout, problem_.random,
            problem_.dropout_first + static_cast<std::uint64_t>(index_ * drawn), x, y);
  }

 private:
  std::int64_t sequence() const { return index_ / problem_.heads; }
  template <class Place>
  Place at(const HeadRows<Place>& array, std::int64_t row) const {
    return array.data + (row * array.stride + index_ % problem_.heads * array.step);
  }

  const Attention& problem_;
  std::int64_t index_;
  std::int64_t first_key_ = 0, keys_ = 0, first_query_ = 0, queries_ = 0;
  Scratch<Element> rotated_;
};

// Gradient of one head's queries, or keys: dx [rows, head_dim] = a b over `terms`, rotated back by
// angles_of(row) if positions are rotary.
template <class Element, class AnglesOf>
void rotated_gradient(const Attention& problem, std::int64_t rows, std::int64_t terms,
                      BasicMatrixView<Element> a, BasicMatrixView<Element> b, const AnglesOf& angles_of,
                      Destination dx, std::int64_t stride) {
  const std::int64_t width = problem.head_dim;
  if (problem.rotary == nullptr) {
    matmul_serial(rows, width, terms, a, b, dx, stride);
    return;
  }
  Scratch<float> rotated(rows * width);
  matmul_serial(rows, width, terms, a, b, rotated.data(), width);
  for (std::int64_t i = 0; i < rows; ++i) {
    HWY_DYNAMIC_DISPATCH(rotate_row)
    (width, rotated.data() + i * width, angles_of(i), true, dx.accumulate, dx.data + i * stride);
  }
}

// The layout of the output.
template <class Place>
HeadRows<Place> joined_heads(const Attention& problem, Place data) {
  return {data, problem.heads * problem.head_dim, problem.head_dim};
}

template <class Element>
void attend(const Attention& problem, const Projections<const Element*>& in, float* out) {
  const HeadRows<float*> joined = joined_heads(problem, out);
  parallel_for(problem.batch * problem.heads, 1, [&](std::int64_t index, std::int64_t) {
    const Head<Element> head(problem, index, in);
    const std::int64_t keys = head.keys();
    Scratch<float> p(head.queries() * keys);
    head.probabilities(p.data());
    if (problem.dropout > 0) head.drop(p.data(), p.data());
    const BasicMatrixView<Element> weights{as_factors<Element>(p.size(), p.data(), p.data()), keys};
    matmul_serial(head.queries(), problem.head_dim, keys, weights, head.value, head.query_rows(joined),
                  joined.stride);
  });
}

template <class Element>
void attend_backward(const Attention& problem, const Projections<const Element*>& in, const float* dout,
                     const Projections<Destination>& din) {
  using View = BasicMatrixView<Element>;
  const std::int64_t head_dim = problem.head_dim;
  const HeadRows<const float*> joined = joined_heads(problem, dout);
  parallel_for(problem.batch * problem.heads, 1, [&](std::int64_t index, std::int64_t) {
    const Head<Element> head(problem, index, in);
    const std::int64_t queries = head.queries(), keys = head.keys(), scores = queries * keys;
    Scratch<Element> room;
    const View upstream = rows_as_factors(queries, head_dim, head.query_rows(joined), joined.stride, room);

    Scratch<float> p(scores);
    head.probabilities(p.data());
    Scratch<float> square(scores);  // the dropped probabilities, then their gradient
    if (problem.dropout > 0) head.drop(p.data(), square.data());
    const float* const dropped = problem.dropout > 0 ? square.data() : p.data();
    const View weights{as_factors<Element>(scores, dropped, square.data()), keys, true};
    matmul_serial(keys, head_dim, queries, weights, upstream, head.key_rows(din.value), din.value.stride);

    float* const dp = square.data();
    matmul_serial(queries, keys, head_dim, upstream, View{head.value.data, head.value.stride, true}, dp,
                  keys);
    if (problem.dropout > 0) head.drop(dp, dp);
    HWY_DYNAMIC_DISPATCH(softmax_scores_backward)(queries, keys, problem.scale, p.data(), dp);
    const Element* const slopes = as_factors<Element>(scores, dp, dp);
    rotated_gradient(
        problem, queries, keys, View{slopes, keys}, head.key,
        [&](std::int64_t i) { return head.query_angles(i); }, head.query_rows(din.query), din.query.stride);
    rotated_gradient(
        problem, keys, queries, View{slopes, keys, true}, head.query,
        [&](std::int64_t i) { return head.angles(i); }, head.key_rows(din.key), din.key.stride);
  });
}

}  // namespace

void attention(const Attention& problem, const Projections<const float*>& in, float* out) {
  attend(problem, in, out);
}

void attention(const Attention& problem, const Projections<const Bfloat16*>& in, float* out) {
  attend(problem, in, out);
}

void attention_backward(const Attention& problem, const Projections<const float*>& in, const float* dout,
                        const Projections<Destination>& din) {
  attend_backward(problem, in, dout, din);
}

void attention_backward(const Attention& problem, const Projections<const Bfloat16*>& in, const float* dout,
                        const Projections<Destination>& din) {
  attend_backward(problem, in, dout, din);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
