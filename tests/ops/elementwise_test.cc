#include "espalier/ops/elementwise.h"

#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::kShapes;
using testing::random_tensor;

Variable add_op(std::span<const Variable> in) {
  return add(in[0], in[1]);
}

// y repeats, whatever the shapes.
Doubles add_twin(std::span<const Doubles> in) {
  Doubles out = in[0];
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += in[1][i % in[1].size()];
  return out;
}

}  // namespace

TEST_CASE("add: equal shapes") {
  for (const Shape& shape : kShapes)
    testing::full_check(add_op, add_twin, {random_tensor(shape, 1), random_tensor(shape, 2)});
}

TEST_CASE("add: y repeated over leading axes, gradients summed over them") {
  const std::pair<Shape, Shape> cases[] = {{{3, 5}, {5}}, {{2, 3, 4}, {4}}, {{2, 3, 4}, {3, 4}},
                                           {{3}, {}},     {{0, 5}, {5}},    {{5, 0}, {0}},
                                           {{1, 4}, {4}}, {{2000, 3}, {3}}, {{2, 2, 2, 3}, {2, 3}}};
  for (const auto& [x, y] : cases) {
    const std::string shapes = x.str() + " + " + y.str();
    INFO(shapes);
    testing::full_check(add_op, add_twin, {random_tensor(x, 1), random_tensor(y, 2)});
  }
}

TEST_CASE("add: a variable to itself") {
  const auto twice = [](std::span<const Variable> in) { return add(in[0], in[0]); };
  testing::full_check(twice, testing::elementwise_twin([](double x) { return 2 * x; }),
                      {random_tensor({5}, 3)});
}

TEST_CASE("add: the two gradients do not share memory") {
  const Variable x(random_tensor({4}, 1), true);
  const Variable y(random_tensor({4}, 2), true);
  backward(add(x, y), Tensor::full({4}, 1.0F));
  backward(scale(x, 2.0F), Tensor::full({4}, 1.0F));
  CHECK(x.grad().to_vector() == std::vector<float>(4, 3.0F));
  CHECK(y.grad().to_vector() == std::vector<float>(4, 1.0F));
}

TEST_CASE("scale") {
  for (const Shape& shape : kShapes) {
    const auto op = [](std::span<const Variable> in) { return scale(in[0], -1.75F); };
    testing::full_check(op, testing::elementwise_twin([](double x) { return -1.75 * x; }),
                        {random_tensor(shape, 1)});
  }
}

TEST_CASE("multiply") {
  const auto op = [](std::span<const Variable> in) { return multiply(in[0], in[1]); };
  const auto twin = [](std::span<const Doubles> in) {
    Doubles out;
    for (std::size_t i = 0; i < in[0].size(); ++i) out.push_back(in[0][i] * in[1][i]);
    return out;
  };
  for (const Shape& shape : kShapes)
    testing::full_check(op, twin, {random_tensor(shape, 1), random_tensor(shape, 2)});
  const auto square = [](std::span<const Variable> in) { return multiply(in[0], in[0]); };
  testing::full_check(square, testing::elementwise_twin([](double x) { return x * x; }),
                      {random_tensor({5}, 3)});
}

TEST_CASE("multiply_scalar: a learned scalar of any rank") {
  const auto op = [](std::span<const Variable> in) { return multiply_scalar(in[0], in[1]); };
  const auto twin = [](std::span<const Doubles> in) {
    Doubles out = in[0];
    for (double& x : out) x *= in[1][0];
    return out;
  };
  for (const Shape& shape : kShapes) {
    testing::full_check(op, twin, {random_tensor(shape, 1), random_tensor({1}, 2)});
    testing::full_check(op, twin, {random_tensor(shape, 1), random_tensor({}, 2)});
  }
}

TEST_CASE("errors") {
  const Variable x(Tensor::zeros({2, 3}));
  const Variable y(Tensor::zeros({2}));
  CHECK(testing::error_of([&] { add(x, y); }) ==
        "add: y must have the shape of x [2,3] or of its last axes, got [2]");
  CHECK(testing::error_of([&] { add(y, x); }) ==
        "add: y must have the shape of x [2] or of its last axes, got [2,3]");
  CHECK(testing::error_of([&] { multiply(x, y); }) == "multiply: y must be [2,3] (shape of x), got [2]");
  CHECK(testing::error_of([&] { multiply_scalar(x, y); }) ==
        "multiply_scalar: scalar must have one element, got [2]");
  CHECK(testing::error_of([&] { scale(Variable(), 1.0F); }) ==
        "scale: x must be given, got an undefined variable");
}

}  // namespace espalier::ops
