// What new feedforward layers begin with.
#include <doctest/doctest.h>

#include <cmath>

#include "espalier/nn/module.h"
#include "espalier/ops/neuron_tree.h"
#include "tests/support/support.h"
#include "train/linear_fit.h"
#include "train/tree_fit.h"

namespace espalier::train {
namespace {

Tensor normal(const Shape& shape, const std::string& name) {
  Tensor x = Tensor::empty(shape);
  nn::init_normal(x, 1.0F, 1, name);
  return x;
}

double squares(const Tensor& x) {
  double sum = 0;
  for (const float value : x.span()) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

// y - x down^T up^T - bias
double left_by(const LinearFit& fit, const Tensor& x, const Tensor& y) {
  const std::int64_t d = x.shape()[1], rank = fit.down.shape()[0], out = y.shape()[1];
  Tensor left = y.clone();
  for (std::int64_t r = 0; r < x.shape()[0]; ++r) {
    for (std::int64_t j = 0; j < out; ++j) {
      float sum = fit.bias.data()[j];
      for (std::int64_t k = 0; k < rank; ++k) {
        float along = 0;
        for (std::int64_t i = 0; i < d; ++i) along += fit.down.data()[k * d + i] * x.data()[r * d + i];
        sum += along * fit.up.data()[j * rank + k];
      }
      left.data()[r * out + j] -= sum;
    }
  }
  return squares(left);
}

}  // namespace

TEST_CASE(
    "a linear map of low rank is found, with its constant, and a lower rank keeps its largest directions") {
  const Tensor x = normal({400, 6}, "x");
  const Tensor down = normal({2, 6}, "down"), up = normal({5, 2}, "up");
  Tensor y = Tensor::full({400, 5}, 3.0F);
  for (std::int64_t r = 0; r < 400; ++r) {
    for (std::int64_t j = 0; j < 5; ++j) {
      for (std::int64_t k = 0; k < 2; ++k) {
        float along = 0;
        for (std::int64_t i = 0; i < 6; ++i) along += down.data()[k * 6 + i] * x.data()[r * 6 + i];
        y.data()[r * 5 + j] += along * up.data()[j * 2 + k];
      }
    }
  }
  CHECK(left_by(fit_linear(x, y, 2, true), x, y) < 1e-5 * squares(y));
  CHECK(left_by(fit_linear(x, y, 5, true), x, y) < 1e-5 * squares(y));
  const double one = left_by(fit_linear(x, y, 1, true), x, y);
  CHECK(one > 1e-4 * squares(y));
  CHECK(one < 0.5 * left_by({down, Tensor::zeros({5, 2}), Tensor::full({5}, 3.0F)}, x, y));
  CHECK(left_by(fit_linear(x, y, 2, false), x, y) > 0.1 * squares(y));
  // More than there is to give: the rest is nothing.
  CHECK(left_by(fit_linear(x, y, 9, true), x, y) < 1e-5 * squares(y));
}

TEST_CASE("rows count in a linear map by the squares of their factors, in its constant too") {
  const Tensor x = normal({400, 3}, "x");
  Tensor y = x.clone();
  std::vector<float> factors(400, 1.0F);
  // Ten rows of another law, a thousand times as long.
  for (std::int64_t i = 0; i < 10 * 3; ++i) y.data()[i] = -1000 * x.data()[i] + 500;
  for (std::size_t r = 0; r < 10; ++r) factors[r] = 1e-3F;
  const Tensor tail_x = x.slice_rows(10, 400), tail_y = y.slice_rows(10, 400);
  CHECK(left_by(fit_linear(x, y, 3, true), tail_x, tail_y) > squares(tail_y));
  CHECK(left_by(fit_linear(x, y, 3, true, factors), tail_x, tail_y) < 1e-3 * squares(tail_y));
  CHECK(column_means(y, factors)[0] == doctest::Approx(column_means(tail_y, {})[0]).epsilon(0.01));
}

TEST_CASE("grown trees halve their tokens and give most of a function that depends on where x lies") {
  constexpr std::int64_t kRows = 3000;
  Tensor x = normal({kRows, 4}, "x");
  Tensor y = Tensor::empty({kRows, 3});
  for (std::int64_t r = 0; r < kRows; ++r) {
    x.data()[r * 4] += 20.0F;  // a common part, as BERT's states have
    const float a = x.data()[r * 4 + 1], b = x.data()[r * 4 + 2];
    y.data()[r * 3] = a > 0 ? 2.0F : -1.0F;
    y.data()[r * 3 + 1] = a > 0 ? b : -b;
    y.data()[r * 3 + 2] = 5.0F;
  }
  const ops::TreeSize size{2, 3};
  TreeWeights weights{normal({30, 4}, "in"), normal({30}, "bias"), normal({30, 3}, "out")};
  Tensor left = y.clone();
  grow_trees(x, left, size, weights);
  CHECK(squares(left) < 0.05 * squares(y));
  ops::TreeStatistics statistics;
  const Tensor given = ops::neuron_tree(Variable(x), Variable(weights.w_in), Variable(weights.bias),
                                        Variable(weights.w_out), 2, 3, {}, false, &statistics)
                           .output.value();
  double difference = 0;
  for (std::int64_t i = 0; i < y.size(); ++i)
    difference = testing::larger_error(
        difference, std::abs(static_cast<double>(y.data()[i] - given.data()[i] - left.data()[i])));
  CHECK(difference < 1e-4);
  CHECK(statistics.largest_leaf_share() < 0.2);
}

TEST_CASE("trees of more nodes than there are tokens stay finite, and near the mean") {
  const Tensor x = normal({40, 4}, "x");
  Tensor left = Tensor::full({40, 3}, 2.0F);
  const ops::TreeSize size{1, 7};
  TreeWeights weights{normal({255, 4}, "in"), normal({255}, "bias"), normal({255, 3}, "out")};
  grow_trees(x, left, size, weights);
  CHECK(squares(left) < 0.2 * 40 * 3 * 4);
  for (const float value : weights.w_in.span()) CHECK(std::isfinite(value));
}

}  // namespace espalier::train
