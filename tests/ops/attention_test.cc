#include "espalier/ops/attention.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/support.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::error_of;
using testing::random_tensor;

struct AttentionCase {
  std::int64_t batch, length, heads, head_dim;
  bool rotary = false;
  bool mask = false;
  float dropout = 0.0F;
  float scale = 0.0F;
  std::int64_t width() const { return heads * head_dim; }
};

constexpr float kBase = 50.0F;  // turns even the slowest pair of a short sequence

AttentionOptions options_of(const AttentionCase& c) {
  AttentionOptions options;
  options.heads = c.heads;
  if (c.rotary) options.rotary = make_rotary_table(c.length + 3, c.head_dim, kBase);
  if (c.mask) {
    options.mask = Tensor::full({c.batch, c.length}, 1.0F);
    // The last sequence ends early; every sequence has a hole.
    options.mask.data()[c.batch * c.length - 1] = 0.0F;
    options.mask.data()[c.length / 2] = 0.0F;
  }
  options.dropout = c.dropout;
  options.key = {11, 5, 3};
  options.scale = c.scale;
  return options;
}

// Query (part 0), key (1) or value (2) of one token and head.
Doubles part_of(const AttentionCase& c, const Doubles& qkv, std::int64_t token, std::int64_t head,
                std::int64_t part) {
  const auto first = qkv.begin() + token * 3 * c.width() + (3 * head + part) * c.head_dim;
  Doubles x(first, first + c.head_dim);
  if (!c.rotary || part == 2) return x;
  for (std::int64_t i = 0; i < c.head_dim; i += 2) {
    const double angle =
        static_cast<double>(token % c.length) *
        std::pow(static_cast<double>(kBase), -static_cast<double>(i) / static_cast<double>(c.head_dim));
    const auto at = static_cast<std::size_t>(i);
    const double a = x[at], b = x[at + 1];
    x[at] = a * std::cos(angle) - b * std::sin(angle);
    x[at + 1] = a * std::sin(angle) + b * std::cos(angle);
  }
  return x;
}

// One query's probabilities over the keys of its sequence, dropout applied.
Doubles plain_probabilities(const AttentionCase& c, const Doubles& qkv, std::int64_t sequence,
                            std::int64_t head, std::int64_t query) {
  const AttentionOptions options = options_of(c);
  const double scale =
      c.scale > 0 ? static_cast<double>(c.scale) : 1.0 / std::sqrt(static_cast<double>(c.head_dim));
  const Doubles q = part_of(c, qkv, sequence * c.length + query, head, 0);
  Doubles p;
  double sum = 0;
  for (std::int64_t j = 0; j < c.length; ++j) {
    const Doubles k = part_of(c, qkv, sequence * c.length + j, head, 1);
    double score = 0;
    for (std::size_t i = 0; i < q.size(); ++i) score += scale * q[i] * k[i];
    if (c.mask) score += (1.0 - static_cast<double>(options.mask.data()[sequence * c.length + j])) * -10000.0;
    p.push_back(std::exp(score));
    sum += p.back();
  }
  const Philox random(options.key.seed, RandomStream::kDropout, options.key.step);
  const std::int64_t drawn = (c.length * c.length + 3) / 4 * 4;
  for (std::int64_t j = 0; j < c.length; ++j) {
    double& value = p[static_cast<std::size_t>(j)];
    value /= sum;
    if (c.dropout == 0) continue;
    const std::int64_t index = (sequence * c.heads + head) * drawn + query * c.length + j;
    const bool keep =
        random.uniform((options.key.site << 32) + static_cast<std::uint64_t>(index)) >= c.dropout;
    value = keep ? value / (1.0 - static_cast<double>(c.dropout)) : 0.0;
  }
  return p;
}

Doubles plain_attention(const AttentionCase& c, const Doubles& qkv) {
  Doubles out(static_cast<std::size_t>(c.batch * c.length * c.width()), 0.0);
  for (std::int64_t b = 0; b < c.batch; ++b) {
    for (std::int64_t query = 0; query < c.length; ++query) {
      for (std::int64_t h = 0; h < c.heads; ++h) {
        const Doubles p = plain_probabilities(c, qkv, b, h, query);
        const std::int64_t first = (b * c.length + query) * c.width() + h * c.head_dim;
        for (std::int64_t j = 0; j < c.length; ++j) {
          const Doubles v = part_of(c, qkv, b * c.length + j, h, 2);
          for (std::size_t i = 0; i < v.size(); ++i) {
            out[static_cast<std::size_t>(first) + i] += p[static_cast<std::size_t>(j)] * v[i];
          }
        }
      }
    }
  }
  return out;
}

void check_attention(const AttentionCase& c) {
  INFO("B " << c.batch << " S " << c.length << " heads " << c.heads << " of " << c.head_dim << " rotary "
            << c.rotary << " mask " << c.mask << " dropout " << c.dropout);
  testing::check_op([&](std::span<const Variable> in) { return attention(in[0], options_of(c)); },
                    [&](std::span<const Doubles> in) { return plain_attention(c, in[0]); },
                    {random_tensor({c.batch, c.length, 3 * c.width()}, 1, -2.0F, 2.0F)});
}

}  // namespace

TEST_CASE("attention equals its plain twin, value and gradient") {
  check_attention({1, 1, 1, 1});
  check_attention({2, 3, 2, 4});
  check_attention({1, 5, 3, 3});
  check_attention({2, 17, 1, 5});
  check_attention({1, 6, 1, 35});
  check_attention({2, 4, 2, 2, false, false, 0.0F, 0.3F});
}

TEST_CASE("attention with a padding mask equals its plain twin") {
  check_attention({2, 5, 2, 3, false, true});
  check_attention({3, 4, 1, 4, true, true});
}

TEST_CASE("attention with rotary positions equals its plain twin") {
  check_attention({1, 1, 1, 2, true});
  check_attention({2, 6, 2, 6, true});
  check_attention({1, 4, 1, 42, true});
}

TEST_CASE("attention with dropout replays its mask in backward") {
  check_attention({2, 5, 2, 4, false, false, 0.4F});
  check_attention({1, 3, 3, 2, true, true, 0.2F});
}

namespace {

// Rows of the plain twin at some positions. Inputs: query [n,d], key_value [B,S,2d].
Doubles plain_attention_at(const AttentionCase& c, const std::vector<std::int32_t>& positions,
                           std::span<const Doubles> in) {
  const std::int64_t d = c.head_dim;
  Doubles qkv(static_cast<std::size_t>(c.batch * c.length * 3 * c.width()), 0.0);
  const auto copy = [&](const Doubles& from, std::int64_t at, std::int64_t to, std::int64_t count) {
    std::copy_n(from.begin() + at, count, qkv.begin() + to);
  };
  for (std::int64_t h = 0; h < c.heads; ++h) {
    for (std::int64_t t = 0; t < c.batch * c.length; ++t) {
      copy(in[1], t * 2 * c.width() + h * 2 * d, t * 3 * c.width() + h * 3 * d + d, 2 * d);
    }
    for (std::size_t i = 0; i < positions.size(); ++i) {
      copy(in[0], static_cast<std::int64_t>(i) * c.width() + h * d, positions[i] * 3 * c.width() + h * 3 * d,
           d);
    }
  }
  const Doubles all = plain_attention(c, qkv);
  Doubles out;
  for (const std::int32_t position : positions) {
    const auto row = all.begin() + position * c.width();
    out.insert(out.end(), row, row + c.width());
  }
  return out;
}

void check_attention_at(const AttentionCase& c, const std::vector<std::int32_t>& positions) {
  const auto n = static_cast<std::int64_t>(positions.size());
  const IntTensor indices = IntTensor::from({n}, positions);
  testing::check_op(
      [&](std::span<const Variable> in) { return attention_at(in[0], in[1], indices, options_of(c)); },
      [&](std::span<const Doubles> in) { return plain_attention_at(c, positions, in); },
      {random_tensor({n, c.width()}, 1, -2.0F, 2.0F),
       random_tensor({c.batch, c.length, 2 * c.width()}, 2, -2.0F, 2.0F)});
}

}  // namespace

TEST_CASE("attention at some positions equals the rows of its plain twin, value and gradient") {
  check_attention_at({1, 4, 2, 3}, {2});
  check_attention_at({4, 3, 2, 4}, {0, 2, 6, 7, 8});  // nothing is asked of the second and the last sequence
  check_attention_at({3, 4, 1, 6, true, true}, {1, 3, 5, 8, 11});
  check_attention_at({2, 5, 2, 2, true}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

namespace {

// The plain twin of each sequence alone, one after the other.
Doubles plain_packed(const AttentionCase& c, const std::vector<std::int64_t>& lengths, const Doubles& qkv) {
  Doubles out;
  auto next = qkv.begin();
  for (const std::int64_t length : lengths) {
    AttentionCase one = c;
    one.batch = 1;
    one.length = length;
    const auto end = next + length * 3 * c.width();
    const Doubles part = plain_attention(one, Doubles(next, end));
    out.insert(out.end(), part.begin(), part.end());
    next = end;
  }
  return out;
}

IntTensor first_rows_of(const std::vector<std::int64_t>& lengths) {
  std::vector<std::int32_t> first = {0};
  for (const std::int64_t length : lengths) first.push_back(first.back() + static_cast<std::int32_t>(length));
  return IntTensor::from({static_cast<std::int64_t>(first.size())}, first);
}

void check_packed(const AttentionCase& c, const std::vector<std::int64_t>& lengths) {
  AttentionOptions options = options_of(c);
  options.first_rows = first_rows_of(lengths);
  const std::int64_t rows = options.first_rows.span().back();
  const Shape shape{rows, 3 * c.width()};
  testing::check_op([&](std::span<const Variable> in) { return attention(in[0], options); },
                    [&](std::span<const Doubles> in) { return plain_packed(c, lengths, in[0]); },
                    {random_tensor(shape, 1, -2.0F, 2.0F)});
}

}  // namespace

TEST_CASE("sequences of different lengths attend to themselves alone, value and gradient") {
  check_packed({3, 6, 2, 4}, {6, 1, 3});
  check_packed({3, 5, 1, 6, true}, {2, 5, 4});
  check_packed({2, 4, 3, 2}, {0, 4});
}

TEST_CASE("packed sequences of one length give the bits of a batch, dropout and single positions too") {
  const AttentionCase c{3, 5, 2, 4, true, false, 0.3F};
  const Tensor x = random_tensor({3, 5, 24}, 1);
  AttentionOptions options = options_of(c);
  AttentionOptions packed = options;
  packed.first_rows = first_rows_of({5, 5, 5});
  const Variable batch(x, true), rows(x.clone().reshape({15, 24}), true);
  const Variable y = attention(batch, options), z = attention(rows, packed);
  CHECK(y.value().to_vector() == z.value().to_vector());
  backward(y, random_tensor({3, 5, 8}, 2));
  backward(z, random_tensor({15, 8}, 2));
  CHECK(batch.grad().to_vector() == rows.grad().to_vector());

  options.dropout = packed.dropout = 0.0F;
  const IntTensor positions = IntTensor::from({4}, {1, 4, 5, 14});
  const Variable query(random_tensor({4, 8}, 3)), keys(random_tensor({3, 5, 16}, 4));
  const Variable key_rows(keys.value().reshape({15, 16}));
  CHECK(attention_at(query, keys, positions, options).value().to_vector() ==
        attention_at(query, key_rows, positions, packed).value().to_vector());
}

TEST_CASE("rotary scores depend on the distance of positions alone") {
  // The same token everywhere: without positions all scores of a query are equal.
  const Tensor token = random_tensor({1, 24}, 4);
  Tensor qkv = Tensor::empty({8, 24});
  for (std::int64_t t = 0; t < 8; ++t) qkv.slice_rows(t, t + 1).copy_from(token);
  const AttentionCase c{1, 8, 1, 8, true};
  Doubles doubles(qkv.span().begin(), qkv.span().end());
  const Doubles p3 = plain_probabilities(c, doubles, 0, 0, 3);
  const Doubles p4 = plain_probabilities(c, doubles, 0, 0, 4);
  for (std::size_t j = 0; j + 1 < 8; ++j) CHECK(p3[j] / p3[3] == doctest::Approx(p4[j + 1] / p4[4]));
  CHECK(std::abs(p3[3] - p3[0]) > 1e-3);
}

TEST_CASE("attention survives scores that would overflow an exponential") {
  Tensor qkv = random_tensor({1, 4, 12}, 2, -300.0F, 300.0F);
  const Variable x(qkv, true);
  const Variable y = attention(x, {.heads = 1});
  backward(y, random_tensor({1, 4, 4}, 3));
  for (const float value : y.value().span()) CHECK(std::isfinite(value));
  for (const float value : x.grad().span()) CHECK(std::isfinite(value));
}

TEST_CASE("attention does not hide a NaN") {
  Tensor qkv = random_tensor({1, 4, 12}, 2);
  qkv.data()[5] = NAN;  // a key of the first token: every query sees it
  const Variable y = attention(Variable(qkv), {.heads = 1});
  for (const float value : y.value().span()) CHECK(std::isnan(value));
}

TEST_CASE("attention of no sequences is empty") {
  const Variable x(Tensor::empty({0, 4, 12}), true);
  const Variable y = attention(x, {.heads = 2});
  CHECK(y.shape() == Shape{0, 4, 4});
  backward(y, Tensor::empty({0, 4, 4}));
  CHECK(x.grad().shape() == Shape{0, 4, 12});
}

// Beside float32 of the same rounded inputs only the probabilities and gradients are rounded, by 2^-9 at
// most.
TEST_CASE(
    "attention in bf16 is close to float32 of the rounded inputs, value and gradient, and reads no more") {
  for (const AttentionCase& c :
       {AttentionCase{2, 7, 3, 4}, AttentionCase{2, 37, 2, 16, true}, AttentionCase{3, 9, 2, 6, false, true},
        AttentionCase{1, 1, 2, 3}, AttentionCase{2, 20, 2, 8, true, true, 0.3F}}) {
    AttentionOptions options = options_of(c);
    const Tensor qkv = random_tensor({c.batch, c.length, 3 * c.width()}, 1, -2.0F, 2.0F);
    const Tensor upstream = random_tensor({c.batch, c.length, c.width()}, 2);
    const auto run = [&](const Tensor& input, Precision precision, Tensor& gradient) {
      Variable in(input.clone(), true);
      options.precision = precision;
      const Variable y = attention(in, options);
      if (precision == Precision::kBf16) in.mutable_value().fill(0.0F);  // what waits are rounded copies
      backward(y, upstream);
      gradient = in.grad();
      return y.value();
    };
    Tensor narrow_gradient, twin_gradient, again_gradient;
    const Tensor narrow = run(qkv, Precision::kBf16, narrow_gradient);
    const Tensor twin = run(testing::rounded_to_bfloat16(qkv), Precision::kFloat32, twin_gradient);
    const Tensor again = run(testing::rounded_to_bfloat16(qkv), Precision::kBf16, again_gradient);
    CHECK(testing::max_relative_error(narrow.span(), twin.span()) < 1e-2);
    CHECK(testing::max_relative_error(narrow_gradient.span(), twin_gradient.span()) < 3e-2);
    CHECK(narrow.to_vector() == again.to_vector());
    CHECK(narrow_gradient.to_vector() == again_gradient.to_vector());
    if (c.dropout > 0) continue;
    options.precision = Precision::kBf16;
    const std::int64_t tokens = c.batch * c.length, last = tokens - 1;
    const auto part = [&](std::int64_t first, std::int64_t count) {
      Tensor columns = Tensor::empty({tokens, c.heads * count * c.head_dim});
      for (std::int64_t i = 0; i < tokens * c.heads; ++i) {
        std::copy_n(qkv.data() + (3 * i + first) * c.head_dim, count * c.head_dim,
                    columns.data() + i * count * c.head_dim);
      }
      return columns;
    };
    const Variable key_value(part(1, 2).reshape({c.batch, c.length, 2 * c.width()}));
    const Variable query(part(0, 1).slice_rows(last, tokens));
    const Tensor at =
        attention_at(query, key_value, IntTensor::full({1}, static_cast<std::int32_t>(last)), options)
            .value();
    CHECK(testing::max_relative_error(at.span(), narrow.span().last(at.span().size())) < 1e-2);
  }
}

}  // namespace espalier::ops
