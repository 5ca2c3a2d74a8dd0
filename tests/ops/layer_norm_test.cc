#include "espalier/ops/layer_norm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/support.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

Doubles plain_layer_norm(std::span<const Doubles> in, double eps) {
  const Doubles& x = in[0];
  const std::size_t width = in[1].size();
  Doubles y(x.size());
  for (std::size_t first = 0; first < x.size(); first += width) {
    double mean = 0, variance = 0;
    for (std::size_t j = 0; j < width; ++j) mean += x[first + j] / static_cast<double>(width);
    for (std::size_t j = 0; j < width; ++j) {
      variance += (x[first + j] - mean) * (x[first + j] - mean) / static_cast<double>(width);
    }
    for (std::size_t j = 0; j < width; ++j) {
      y[first + j] = (x[first + j] - mean) / std::sqrt(variance + eps) * in[1][j] + in[2][j];
    }
  }
  return y;
}

void check_layer_norm(const Shape& shape, float eps, float low, float high,
                      const testing::GradcheckOptions& options = {}) {
  CAPTURE(shape.str());
  testing::check_op(
      [&](std::span<const Variable> in) { return layer_norm(in[0], in[1], in[2], eps); },
      [&](std::span<const Doubles> in) { return plain_layer_norm(in, static_cast<double>(eps)); },
      {random_tensor(shape, 1, low, high), random_tensor({shape.columns()}, 2),
       random_tensor({shape.columns()}, 3)},
      options);
}

}  // namespace

TEST_CASE("layer_norm equals its plain twin, value and gradients") {
  for (const Shape& shape : {Shape{1, 2}, Shape{3, 5}, Shape{2, 3, 16}, Shape{70, 7}, Shape{4, 33}}) {
    check_layer_norm(shape, 1e-5F, -1.0F, 1.0F);
  }
  check_layer_norm({6}, 1e-12F, -1.0F, 1.0F);
}

TEST_CASE("layer_norm of rows far from zero loses only what float32 lost in x") {
  testing::GradcheckOptions options;
  options.value_tolerance = 1e-4;
  options.gradient_tolerance = 1e-3;
  check_layer_norm({3, 24}, 1e-12F, 99.0F, 101.0F, options);
}

TEST_CASE("layer_norm of a constant row is exactly the bias") {
  const Variable x(Tensor::full({2, 48}, 3.7F));
  const Variable bias(random_tensor({48}, 3));
  const Variable y = layer_norm(x, Variable(random_tensor({48}, 2)), bias, 1e-12F);
  CHECK(y.value().slice_rows(0, 1).to_vector() == bias.value().to_vector());
  CHECK(y.value().slice_rows(1, 2).to_vector() == bias.value().to_vector());
}

TEST_CASE("layer_norm computes the gradients asked for and no others") {
  const Variable x(random_tensor({3, 8}, 1), true);
  const Variable weight(random_tensor({8}, 2));
  const Variable bias(random_tensor({8}, 3), true);
  backward(layer_norm(x, weight, bias, 1e-5F), random_tensor({3, 8}, 4));
  CHECK(x.grad().defined());
  CHECK(!weight.grad().defined());
  CHECK(bias.grad().defined());
}

TEST_CASE("layer_norm of no rows is empty and gives zero gradients") {
  const Variable x(Tensor::empty({0, 4}), true);
  const Variable weight(random_tensor({4}, 2), true);
  const Variable y = layer_norm(x, weight, Variable(random_tensor({4}, 3)), 1e-5F);
  CHECK(y.shape() == Shape{0, 4});
  backward(y, Tensor::empty({0, 4}));
  CHECK(weight.grad().to_vector() == std::vector<float>(4, 0.0F));
}

TEST_CASE("layer_norm says which argument does not fit") {
  const Variable x(Tensor::zeros({32, 128, 512}));
  const Variable row(Tensor::zeros({512}));
  const Variable wrong(Tensor::zeros({768}));
  CHECK(testing::error_of([&] { layer_norm(x, wrong, row, 1e-5F); }) ==
        "layer_norm: weight must be [512] (last axis of x [32,128,512]), got [768]");
  CHECK(testing::error_of([&] { layer_norm(x, row, wrong, 1e-5F); }) ==
        "layer_norm: bias must be [512] (last axis of x [32,128,512]), got [768]");
  CHECK(testing::error_of([&] { layer_norm(x, row, row, -1.0F); }) ==
        "layer_norm: eps must be at least 0, got -1");
  CHECK(testing::error_of([&] { layer_norm(Variable(Tensor::zeros({})), row, row, 0.0F); }) ==
        "layer_norm: x must have at least 1 axis, got []");
  CHECK(testing::error_of([&] { layer_norm(x, Variable(), row, 0.0F); }) ==
        "layer_norm: weight must be given, got an undefined variable");
}

}  // namespace espalier::ops
