#include "espalier/ops/quantized.h"

#include <doctest/doctest.h>

#include <cmath>

#include "espalier/ops/vocabulary_cross_entropy.h"
#include "kernels/quantized_matmul.h"
#include "tests/support/support.h"

namespace espalier::ops {
namespace {

using testing::error_of;
using testing::random_tensor;

// [rows of a, rows of b] in double.
std::vector<double> plain_product(const Tensor& a, const Tensor& b, const Tensor& bias) {
  std::vector<double> y;
  const std::int64_t k = b.shape().columns();
  for (std::int64_t i = 0; i < a.shape().rows(); ++i) {
    for (std::int64_t j = 0; j < b.shape()[0]; ++j) {
      double sum = bias.data()[j];
      for (std::int64_t p = 0; p < k; ++p) {
        sum += static_cast<double>(a.data()[i * k + p]) * static_cast<double>(b.data()[j * k + p]);
      }
      y.push_back(sum);
    }
  }
  return y;
}

}  // namespace

TEST_CASE("quantized_linear is near the linear layer, for any leading axes") {
  const Tensor x = random_tensor({2, 3, 40}, 1), weight = random_tensor({9, 40}, 2),
               bias = random_tensor({9}, 3);
  const Variable y = quantized_linear(Variable(x), QuantizedWeight(weight), Variable(bias));
  CHECK(y.shape() == Shape{2, 3, 9});
  CHECK_FALSE(y.requires_grad());
  // Each of 40 products is off by at most 1 / 254 twice.
  const std::vector<double> expected = plain_product(x, weight, bias);
  CHECK(testing::max_relative_error(y.value().span(), std::span<const double>(expected)) < 0.04);
}

TEST_CASE("quantized_linear refuses shapes that do not fit and weights that int8 cannot express") {
  const QuantizedWeight weight(random_tensor({9, 40}, 2));
  CHECK(error_of([&] {
          quantized_linear(Variable(random_tensor({2, 39}, 1)), weight);
        }) == "quantized_linear: x must be [2,40] (columns of weight [9,40]), got [2,39]");
  CHECK(error_of([&] {
          quantized_linear(Variable(random_tensor({2, 40}, 1)), weight, Variable(random_tensor({8}, 1)));
        }) == "quantized_linear: bias must be [9] (rows of weight [9,40]), got [8]");
  Tensor bad = random_tensor({4, 3}, 1);
  bad.data()[7] = INFINITY;
  CHECK(error_of([&] { QuantizedWeight made(bad); }) ==
        "weight: row 2 holds NaN or infinity, which int8 cannot express");
  CHECK(error_of([&] {
          QuantizedWeight made(Tensor::zeros({1, 131073}));
        }) ==
        "weight: 131073 columns: sums of so many products of int8 do not fit 32 bits, at most 131072 do");
}

TEST_CASE("quantized_vocabulary_cross_entropy is the loss of quantized_linear's logits") {
  const std::int64_t rows = 530, vocabulary = 37;
  const Variable hidden(random_tensor({rows, 24}, 1)), bias(random_tensor({vocabulary}, 3));
  const Tensor table = random_tensor({vocabulary, 24}, 2);
  const QuantizedWeight weight(table);
  IntTensor targets = IntTensor::empty({rows});
  for (std::int64_t i = 0; i < rows; ++i) targets.data()[i] = static_cast<std::int32_t>(i % vocabulary);
  const Tensor logits = quantized_linear(hidden, weight, bias).value();
  double expected = 0;
  std::int64_t hits = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* row = logits.data() + i * vocabulary;
    double sum = 0;
    for (std::int64_t j = 0; j < vocabulary; ++j) sum += std::exp(static_cast<double>(row[j]));
    expected += std::log(sum) - static_cast<double>(row[targets.data()[i]]);
    hits += std::max_element(row, row + vocabulary) - row == targets.data()[i] ? 1 : 0;
  }
  std::int64_t correct = 0;
  const Variable loss = quantized_vocabulary_cross_entropy(hidden, weight, bias, targets, 100.0, &correct);
  CHECK(loss.item() == doctest::Approx(expected / 100.0).epsilon(1e-5));
  CHECK(correct == hits);
}

TEST_CASE("quantized_neuron_tree is near the hard tree, and counts what it evaluates") {
  const int trees = 2, depth = 3;
  const Tensor w_in = random_tensor({30, 64}, 1), bias = random_tensor({30}, 2),
               w_out = random_tensor({30, 20}, 3);
  const Variable x(random_tensor({50, 64}, 4));
  const QuantizedNeuronTree weights(w_in, bias, w_out, trees, depth);
  TreeStatistics statistics;
  const TreeResult found = quantized_neuron_tree(x, weights, {}, &statistics);
  const TreeResult exact =
      neuron_tree(x, Variable(w_in), Variable(bias), Variable(w_out), trees, depth, {}, false);
  CHECK(statistics.tokens == 50);
  std::int64_t same = 0;
  double difference = 0, size = 0;
  for (std::int64_t t = 0; t < 50; ++t) {
    if (found.leaf.data()[2 * t] != exact.leaf.data()[2 * t] ||
        found.leaf.data()[2 * t + 1] != exact.leaf.data()[2 * t + 1]) {
      continue;
    }
    ++same;
    for (std::int64_t c = 20 * t; c < 20 * t + 20; ++c) {
      const double a = found.output.value().data()[c], b = exact.output.value().data()[c];
      difference += (a - b) * (a - b);
      size += b * b;
    }
  }
  CHECK(same > 40);
  CHECK(difference < 1e-3 * size);
  CHECK(error_of([&] {
          quantized_neuron_tree(Variable(random_tensor({5, 63}, 1)), weights, {});
        }) == "quantized_neuron_tree: x must be [5,64] (columns of w_in [30,64]), got [5,63]");
  Tensor bad = random_tensor({30, 20}, 3);
  bad.data()[20 * 29] = NAN;
  CHECK(error_of([&] { QuantizedNeuronTree made(w_in, bias, bad, trees, depth); }) ==
        "linear_out.weight_t: row 29 holds NaN or infinity, which int8 cannot express");
}

TEST_CASE("quantize() and the weight made of its bytes are what the weight is quantised to at once") {
  const Tensor weight = random_tensor({37, 41}, 2), x = random_tensor({5, 41}, 1);
  const ByteMatrix bytes = quantize(weight);
  CHECK(bytes.shape() == Shape{37, 41});
  const QuantizedWeight whole(weight), from_bytes(bytes);
  const std::vector<float> y = quantized_linear(Variable(x), whole).value().to_vector();
  CHECK(quantized_linear(Variable(x), from_bytes).value().to_vector() == y);
  // Some rows alone, in another order.
  const IntTensor rows = IntTensor::from({4}, {36, 3, 16, 3});
  const Tensor some = quantized_linear(Variable(x), whole.rows(rows)).value();
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) {
      CHECK(some.data()[i * 4 + j] == y[static_cast<std::size_t>(i * 37 + rows.data()[j])]);
    }
  }
  Tensor bad = weight.clone();
  bad.data()[41] = NAN;
  CHECK(error_of([&] { quantize(bad, "dense.weight"); }) ==
        "dense.weight: row 1 holds NaN or infinity, which int8 cannot express");
}

TEST_CASE("quantized_embedding reads what bytes stand for") {
  const Tensor table = random_tensor({35, 13}, 2);
  const ByteMatrix bytes = quantize(table);
  const Tensor plain = dequantize(bytes);
  for (std::int64_t i = 0; i < 35; ++i) {
    float largest = 0;
    for (std::int64_t j = 0; j < 13; ++j) largest = std::max(largest, std::abs(table.data()[i * 13 + j]));
    for (std::int64_t j = 0; j < 13; ++j) {
      const float expected = bytes.scales.data()[i] * static_cast<float>(bytes.bytes.data()[i * 13 + j]);
      CHECK(plain.data()[i * 13 + j] == expected);
      CHECK(std::abs(expected - table.data()[i * 13 + j]) <= largest / 253);
    }
  }
  const IntTensor ids = IntTensor::from({2, 2}, {34, 0, 17, 34});
  const Variable y = quantized_embedding(ids, QuantizedWeight(table));
  CHECK(y.shape() == Shape{2, 2, 13});
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 13; ++j)
      CHECK(y.value().data()[i * 13 + j] == plain.data()[ids.data()[i] * 13 + j]);
  }
  CHECK(error_of([&] {
          quantized_embedding(IntTensor::from({2}, {1, 35}), QuantizedWeight(table));
        }) ==
        "quantized_embedding: id 35 at position [1] of ids [2] is outside the vocabulary of 35 entries (0 to "
        "34)");
}

TEST_CASE("quantized_vocabulary_cross_entropy: no place for hits, the mean, and targets out of range") {
  const Variable hidden(random_tensor({3, 8}, 1));
  const QuantizedWeight table(random_tensor({10, 8}, 2));
  const auto loss = [&](std::vector<std::int32_t> targets, double total) {
    return quantized_vocabulary_cross_entropy(hidden, table, Variable(), IntTensor::from({3}, targets), total,
                                              nullptr)
        .item();
  };
  CHECK(loss({1, 2, 9}, 0) == loss({1, 2, 9}, 3));
  CHECK(
      error_of([&] {
        loss({1, 2, 10}, 3);
      }) ==
      "quantized_vocabulary_cross_entropy: target 10 of row 2 is outside the vocabulary of 10 entries (0 to "
      "9)");
  CHECK(error_of([&] {
          loss({1, 2, 9}, -1);
        }) == "quantized_vocabulary_cross_entropy: total_count must be at least 0, got -1");
}

TEST_CASE("quantized_neuron_tree: weights that do not fit the trees, and trees of single neurons") {
  const Tensor w_in = random_tensor({7, 16}, 1), bias = random_tensor({7}, 2),
               w_out = random_tensor({7, 16}, 3);
  CHECK(error_of([&] { QuantizedNeuronTree made(w_in, bias, w_out, 1, 10); }) ==
        "quantized_neuron_tree: w_in must be [2047,16] (1 trees of depth 10: a row for each of 2047 nodes), "
        "got [7,16]");
  CHECK(error_of([&] { QuantizedNeuronTree made(quantize(w_in), bias, quantize(w_out), 1, 1); }) ==
        "quantized_neuron_tree: w_in must be [3,16] (1 trees of depth 1: a row for each of 3 nodes), got "
        "[7,16]");
  CHECK(error_of([&] { QuantizedNeuronTree made(w_in, Tensor::zeros({6}), w_out, 1, 2); }) ==
        "quantized_neuron_tree: bias must be [7] (1 trees of depth 2: a row for each of 7 nodes), got [6]");
  CHECK(error_of([&] { QuantizedNeuronTree made(w_in, bias, w_out, 0, 2); }) ==
        "quantized_neuron_tree: trees must be at least 1, got 0");
  const Variable x(random_tensor({5, 16}, 4));
  TreeStatistics statistics;
  const TreeResult found = quantized_neuron_tree(x, {w_in, bias, w_out, 7, 0}, {}, &statistics);
  const TreeResult exact =
      neuron_tree(x, Variable(w_in), Variable(bias), Variable(w_out), 7, 0, {}, false, nullptr);
  CHECK(testing::max_relative_error(found.output.value().span(), exact.output.value().span()) < 0.1);
  CHECK_FALSE(found.leaf.defined());
  CHECK(statistics.leaf_tokens[3] == 5);
}

TEST_CASE("operations in int8 say what they lack") {
  const Variable x(random_tensor({2, 16}, 1), true);
  CHECK(error_of([&] { quantized_linear(x, QuantizedWeight()); }).find("quantized_linear: weight must be") ==
        0);
  CHECK(error_of([&] {
          quantized_linear(x, QuantizedWeight(random_tensor({3, 16}, 2)));
        }) ==
        "quantized_linear: int8 has no gradients: compute under a NoGradGuard, or in another precision");
  const QuantizedNeuronTree weights(random_tensor({7, 16}, 1), random_tensor({7}, 2),
                                    random_tensor({7, 16}, 3), 1, 2);
  CHECK(error_of([&] { quantized_neuron_tree(x.detach(), weights, {.mode = RoutingMode::kSoft}); }) ==
        "quantized_neuron_tree: soft routing has no form in int8: use neuron_tree()");
}

}  // namespace espalier::ops
