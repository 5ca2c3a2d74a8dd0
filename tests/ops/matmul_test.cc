#include "espalier/ops/matmul.h"

#include "tests/ops/full_check.h"

namespace espalier::ops {
namespace {

using testing::Doubles;
using testing::random_tensor;

}  // namespace

TEST_CASE("value and gradients, plain and with b transposed") {
  for (const auto& [m, n, k] : {std::array<std::size_t, 3>{3, 4, 5},
                                {1, 1, 1},
                                {7, 2, 9},
                                {0, 3, 2},
                                {2, 0, 3},
                                {2, 3, 0},
                                {50, 3, 4}}) {
    for (const bool transposed : {false, true}) {
      const std::string sizes = std::to_string(m) + " " + std::to_string(n) + " " + std::to_string(k);
      INFO(sizes << " " << transposed);
      const auto op = [transposed = transposed](std::span<const Variable> in) {
        return matmul(in[0], in[1], {.transpose_b = transposed});
      };
      const auto twin = [m = m, n = n, k = k, transposed](std::span<const Doubles> in) {
        Doubles c(m * n, 0.0);
        for (std::size_t i = 0; i < m; ++i) {
          for (std::size_t j = 0; j < n; ++j) {
            for (std::size_t p = 0; p < k; ++p) {
              c[i * n + j] += in[0][i * k + p] * in[1][transposed ? j * k + p : p * n + j];
            }
          }
        }
        return c;
      };
      const auto rows = static_cast<std::int64_t>(m);
      const auto columns = static_cast<std::int64_t>(n);
      const auto inner = static_cast<std::int64_t>(k);
      const Shape b = transposed ? Shape{columns, inner} : Shape{inner, columns};
      testing::full_check(op, twin, {random_tensor({rows, inner}, 1), random_tensor(b, 2)});
    }
  }
}

TEST_CASE("a matrix times itself gets both gradients") {
  const auto square = [](std::span<const Variable> in) { return matmul(in[0], in[0]); };
  const auto twin = [](std::span<const Doubles> in) {
    Doubles c(9, 0.0);
    for (std::size_t i = 0; i < 27; ++i)
      c[i / 9 * 3 + i % 3] += in[0][i / 9 * 3 + i / 3 % 3] * in[0][i / 3 % 3 * 3 + i % 3];
    return c;
  };
  testing::full_check(square, twin, {random_tensor({3, 3}, 3)});
}

TEST_CASE("errors") {
  const Variable a(Tensor::zeros({2, 3}));
  const auto error = [&](const Shape& b, bool transposed) {
    return testing::error_of([&] { matmul(a, Variable(Tensor::zeros(b)), {.transpose_b = transposed}); });
  };
  CHECK(error({4, 5}, false) == "matmul: b must be [3,5] (last axis of a [2,3]), got [4,5]");
  CHECK(error({3, 5}, true) == "matmul: transposed b must be [3,3] (last axis of a [2,3]), got [3,5]");
  CHECK(error({3}, false) == "matmul: b must have 2 axes, got [3]");
  CHECK(testing::error_of([&] {
          matmul(Variable(Tensor::zeros({2, 2, 3})), a);
        }) == "matmul: a must have 2 axes, got [2,2,3]");
}

}  // namespace espalier::ops
