// ctest-label: threads
// Gradients with rows of zeros that nobody wrote: the same bits as with the zeros.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "espalier/base/parallel.h"
#include "espalier/optim/adamw.h"
#include "espalier/optim/gradient_norm.h"
#include "tests/support/support.h"

namespace espalier::optim {
namespace {

using Rows = std::set<std::int64_t>;

// One matrix and its optimizer; gradients of some rows, told of or with the zeros written.
struct Matrix {
  Variable weight;
  AdamW adamw;

  Matrix(const Shape& shape, const AdamWOptions& options)
      : weight(testing::random_tensor(shape, 1), true), adamw({{"w", weight}}, options) {}

  // The norm of the gradient.
  double step(const Rows& touched, std::uint64_t seed, bool unwritten) {
    const Shape& shape = weight.shape();
    const std::int64_t width = shape[1];
    Tensor gradient = testing::random_tensor(shape, seed);
    const auto marks = std::make_shared<PoolVector<char>>(static_cast<std::size_t>(shape[0]), char{0});
    for (std::int64_t row = 0; row < shape[0]; ++row) {
      if (touched.contains(row)) continue;
      (*marks)[static_cast<std::size_t>(row)] = 1;
      const float value = unwritten ? std::numeric_limits<float>::quiet_NaN() : 0.0F;
      std::fill_n(gradient.data() + row * width, width, value);
    }
    weight.set_grad(gradient);
    if (unwritten) weight.leave_unwritten(marks);
    const double norm = gradient_norm({{"p", weight}}).norm;
    adamw.step(1e-2 / static_cast<double>(seed), 0.5);
    CHECK((weight.unwritten_rows() != nullptr) == unwritten);
    return norm;
  }
  std::vector<std::vector<float>> state() const {
    const AdamWSlot& slot = adamw.slots()[0];
    return {weight.value().to_vector(), slot.exp_avg.to_vector(), slot.exp_avg_sq.to_vector()};
  }
};

// Rows 0, 10, 20 ... are touched, from the second step on others too; row 3 never.
Rows touched_at(std::int64_t step, std::int64_t rows) {
  Rows result;
  for (std::int64_t row = 0; row < rows; ++row) {
    if (row % 10 == 0 || (row != 3 && (row + step) % 7 == 0 && step > 1)) result.insert(row);
  }
  return result;
}

}  // namespace

TEST_CASE("unwritten rows: weights, moments and norms of six steps have the bits of written zeros") {
  // Widths of whole vectors, of a part of one, and of sums that begin within a row.
  for (const Shape& shape : {Shape{300, 256}, Shape{90, 5}, Shape{40, 771}}) {
    for (const int threads : {1, 3}) {
      CAPTURE(shape.str());
      set_thread_count(threads);
      Matrix written(shape, {}), unwritten(shape, {});
      for (std::int64_t step = 1; step <= 6; ++step) {
        const Rows touched = touched_at(step, shape[0]);
        const auto seed = static_cast<std::uint64_t>(step);
        CHECK(written.step(touched, seed, false) == unwritten.step(touched, seed, true));
        CHECK(written.state() == unwritten.state());
      }
    }
  }
  set_thread_count(available_cores());
}

TEST_CASE("a row that rests only decays") {
  Matrix matrix({4, 8}, {.weight_decay = 0.5});
  const std::vector<float> before = matrix.weight.value().to_vector();
  matrix.step({0}, 1, true);
  const float decay = static_cast<float>(1.0 - 1e-2 * 0.5);
  CHECK(matrix.weight.value().data()[3 * 8] == before[3 * 8] * decay);
  CHECK(matrix.weight.value().data()[0] != before[0] * decay);
}

TEST_CASE("rows whose moments were set, or that a whole gradient came to, do not rest") {
  for (const bool loaded : {true, false}) {
    Matrix written({20, 16}, {}), unwritten({20, 16}, {});
    written.step({1}, 1, false);
    unwritten.step({1}, 1, true);
    for (Matrix* matrix : {&written, &unwritten}) {
      if (loaded) {
        matrix->adamw.slots()[0].exp_avg.copy_from(testing::random_tensor({20, 16}, 7));
      } else {
        matrix->step({0, 1, 2, 3, 4, 5}, 2, false);
      }
    }
    written.step({1}, 3, false);
    unwritten.step({1}, 3, true);
    CHECK(written.state() == unwritten.state());
  }
}

TEST_CASE("with an eps of zero a row without moments is none") {
  Matrix written({3, 8}, {.eps = 0}), unwritten({3, 8}, {.eps = 0});
  written.step({0}, 1, false);
  unwritten.step({0}, 1, true);
  CHECK(std::isnan(written.weight.value().data()[8]));
  CHECK(std::isnan(unwritten.weight.value().data()[8]));
}

}  // namespace espalier::optim
