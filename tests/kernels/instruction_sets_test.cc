// Row kernels compiled for every instruction set of this machine agree with the widest one, whose results the
// tests of ops/ hold against plain twins. Sums run in another order in each, so to rounding only.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/dropout.h"
#include "kernels/isa.h"
#include "kernels/layer_norm.h"
#include "tests/kernels/each_target.h"
#include "tests/support/support.h"

namespace espalier::kernels {
namespace {

using testing::random_tensor;

// Runs `compute` (results in one tensor) under every instruction set.
void check_agreement(const std::function<Tensor()>& compute) {
  const Tensor expected = compute();
  testing::for_each_target([&](std::int64_t /*target*/) {
    CHECK(testing::max_relative_error(compute().span(), std::as_const(expected).span()) < 2e-6);
  });
}

}  // namespace

// Asking Highway which targets there are once undid the choice of ESPALIER_ISA: a run that was pinned to a
// lesser set took the best one after its first checkpoint, which notes the set.
TEST_CASE("asking for the instruction set does not change it") {
  const std::int64_t rows = 4, width = 16;
  const Tensor x = random_tensor({rows, width}, 1), weight = random_tensor({width}, 2);
  const Tensor bias = random_tensor({width}, 3);
  const auto compute = [&] {
    Tensor y = Tensor::empty({rows, width}), mean = Tensor::empty({rows}), scale = Tensor::empty({rows});
    layer_norm(rows, width, x.data(), weight.data(), bias.data(), 1e-12F, y.data(), mean.data(),
               scale.data());
    return y.to_vector();
  };
  const std::vector<float> before = compute();
  const std::size_t chosen = hwy::GetChosenTarget().GetIndex();
  const std::string name = active_isa();
  CHECK(hwy::GetChosenTarget().GetIndex() == chosen);
  CHECK(compute() == before);
  CHECK(active_isa() == name);
}

TEST_CASE("layer_norm agrees across instruction sets") {
  for (const std::int64_t width : {1, 7, 16, 67}) {
    const std::int64_t rows = 5;
    const Tensor x = random_tensor({rows, width}, 1), weight = random_tensor({width}, 2);
    const Tensor bias = random_tensor({width}, 3), dy = random_tensor({rows, width}, 4);
    check_agreement([&] {
      Tensor all = Tensor::empty({2 * rows + 2, width});
      Tensor mean = Tensor::empty({rows}), scale = Tensor::empty({rows});
      float* out = all.data();
      // A large eps: the gradient of a row of one or few columns is not worth comparing without.
      layer_norm(rows, width, x.data(), weight.data(), bias.data(), 0.5F, out, mean.data(), scale.data());
      float* dx = out + rows * width;
      layer_norm_backward(rows, width, x.data(), weight.data(), mean.data(), scale.data(), dy.data(),
                          {dx, dx + rows * width, dx + (rows + 1) * width});
      return all;
    });
  }
}

TEST_CASE("attention agrees across instruction sets") {
  for (const std::int64_t head_dim : {2, 10, 36}) {
    Attention problem;
    problem.batch = 2;
    problem.length = 19;
    problem.heads = 2;
    problem.head_dim = head_dim;
    problem.scale = 0.4F;
    const Tensor table = random_tensor({problem.length, head_dim}, 1);
    Tensor mask = Tensor::full({2, problem.length}, 1.0F);
    mask.data()[20] = 0.0F;
    problem.rotary = table.data();
    problem.mask = mask.data();
    const std::int64_t tokens = problem.batch * problem.length, width = problem.heads * head_dim;
    const Tensor qkv = random_tensor({tokens, 3 * width}, 2), dout = random_tensor({tokens, width}, 3);
    check_agreement([&] {
      Tensor all = Tensor::zeros({tokens, 4 * width});
      attention(problem, packed_projections(problem, qkv.data()), all.data());
      attention_backward(problem, packed_projections(problem, qkv.data()), dout.data(),
                         packed_projections(problem, Destination(all.data() + tokens * width, true)));
      return all;
    });
  }
}

TEST_CASE("dropout draws the numbers of Philox under every instruction set") {
  const std::int64_t n = 333;
  const float p = 0.3F;
  const Tensor x = random_tensor({n}, 1);
  const Philox random(7, RandomStream::kDropout, 5);
  // The second start lets the low half of the counter wrap on the way.
  for (const std::uint64_t first : {std::uint64_t{40}, (std::uint64_t{1} << 34) - 80}) {
    std::vector<float> expected;
    for (std::int64_t i = 0; i < n; ++i) {
      const bool keep = random.uniform(first + static_cast<std::uint64_t>(i)) >= p;
      expected.push_back(keep ? x.data()[i] * (1.0F / (1.0F - p)) : 0.0F);
    }
    testing::for_each_target([&](std::int64_t /*target*/) {
      Tensor y = Tensor::empty({n});
      dropout(n, p, random, first, x.data(), y.data());
      CHECK(y.to_vector() == expected);
    });
  }
}

TEST_CASE("cross_entropy agrees across instruction sets") {
  for (const std::int64_t classes : {1, 3, 16, 101}) {
    const std::int64_t rows = 4;
    const Tensor logits = random_tensor({rows, classes}, 1, -4.0F, 4.0F);
    const Tensor factors = random_tensor({rows}, 2);
    const std::vector<std::int32_t> targets{0, static_cast<std::int32_t>(classes - 1), -100, 0};
    check_agreement([&] {
      Tensor all = Tensor::zeros({rows, 2 * classes + 2});
      float* out = all.data();
      cross_entropy(rows, classes, logits.data(), targets.data(), -100, out);
      cross_entropy_backward(rows, classes, logits.data(), targets.data(), -100, factors.data(),
                             {out + rows, true});
      float* in_place = out + rows + rows * classes;
      std::copy_n(logits.data(), rows * classes, in_place);
      for (std::int64_t row = 0; row < rows; ++row) {
        const RowLoss result = cross_entropy_row_in_place(classes, in_place + row * classes, 0, 0.5F);
        in_place[rows * classes + row] = result.loss + (result.correct ? 1.0F : 0.0F);
      }
      return all;
    });
  }
}

}  // namespace espalier::kernels
