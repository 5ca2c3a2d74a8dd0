#include "espalier/ops/reduce.h"

#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

}  // namespace

TEST_CASE("sum and mean of all elements") {
  const auto sum_op = [](std::span<const Variable> in) { return sum(in[0]); };
  const auto mean_op = [](std::span<const Variable> in) { return mean(in[0]); };
  const auto sum_twin = [](std::span<const Doubles> in) {
    double total = 0;
    for (const double x : in[0]) total += x;
    return Doubles{total};
  };
  const auto mean_twin = [&](std::span<const Doubles> in) {
    return Doubles{sum_twin(in)[0] / static_cast<double>(in[0].size())};
  };
  for (const Shape& shape : testing::kShapes) {
    testing::full_check(sum_op, sum_twin, {random_tensor(shape, 1)});
    if (shape.elements() > 0) testing::full_check(mean_op, mean_twin, {random_tensor(shape, 2)});
  }
  CHECK(sum(Variable(Tensor::zeros({2, 3}))).shape() == Shape());
}

TEST_CASE("a long sum keeps double precision until the end") {
  const std::int64_t n = 3'000'001;
  CHECK(sum(Variable(Tensor::full({n}, 0.1F))).item() ==
        static_cast<float>(3'000'001 * static_cast<double>(0.1F)));
  CHECK(mean(Variable(Tensor::full({n}, 0.1F))).item() == 0.1F);
}

TEST_CASE("sum and mean over one axis") {
  for (const auto& [shape, axis] : {std::pair<Shape, int>{{2, 3, 4}, 1},
                                    {{2, 3, 4}, 0},
                                    {{2, 3, 4}, -1},
                                    {{5}, 0},
                                    {{2, 0, 3}, 1},
                                    {{0, 3}, 1},
                                    {{3, 0}, 0},
                                    {{2, 2, 300}, 1}}) {
    const int at = axis < 0 ? axis + shape.rank() : axis;
    std::size_t inner = 1;
    for (int i = at + 1; i < shape.rank(); ++i) inner *= static_cast<std::size_t>(shape[i]);
    const auto count = static_cast<std::size_t>(shape[at]);
    std::size_t results = 1;
    for (int i = 0; i < shape.rank(); ++i) results *= i == at ? 1 : static_cast<std::size_t>(shape[i]);
    const auto twin = [=](double factor) {
      return [=](std::span<const Doubles> in) {
        Doubles out(results, 0.0);
        for (std::size_t i = 0; i < in[0].size(); ++i)
          out[i / (count * inner) * inner + i % inner] += factor * in[0][i];
        return out;
      };
    };
    const std::string sizes = shape.str() + " axis " + std::to_string(axis);
    INFO(sizes);
    const auto sum_op = [axis = axis](std::span<const Variable> in) { return sum_axis(in[0], axis); };
    const auto mean_op = [axis = axis](std::span<const Variable> in) { return mean_axis(in[0], axis); };
    testing::full_check(sum_op, twin(1.0), {random_tensor(shape, 3)});
    if (count > 0)
      testing::full_check(mean_op, twin(1.0 / static_cast<double>(count)), {random_tensor(shape, 4)});
  }
  CHECK(mean_axis(Variable(Tensor::zeros({2, 3, 4})), 1).shape() == Shape{2, 4});
  CHECK(mean_axis(Variable(Tensor::zeros({3})), 0).shape() == Shape());
}

TEST_CASE("errors") {
  const Variable empty(Tensor::zeros({0, 3}));
  CHECK(testing::error_of([&] { mean(empty); }) == "mean: x must have at least one element, got [0,3]");
  CHECK(testing::error_of([&] { mean_axis(empty, 0); }) == "mean_axis: axis 0 of x [0,3] has no entries");
  CHECK(testing::error_of([&] { mean_axis(empty, 2); }) ==
        "mean_axis: axis 2 is outside x [0,3] (axes -2 to 1)");
}

}  // namespace espalier::ops
