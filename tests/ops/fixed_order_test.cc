// ctest-label: threads
// The bits of every operation here are the same for any number of threads, and micro-batches accumulate to
// the bits of one batch where the operation promises it.
#include <doctest/doctest.h>

#include "espalier/base/parallel.h"
#include "espalier/ops/attention.h"
#include "espalier/ops/cross_entropy.h"
#include "espalier/ops/embedding.h"
#include "espalier/ops/layer_norm.h"
#include "espalier/ops/vocabulary_cross_entropy.h"
#include "kernels/matmul.h"
#include "tests/support/support.h"

namespace espalier::ops {
namespace {

using kernels::kGradientRows;
using testing::random_tensor;
using Operation = std::function<Variable(std::span<const Variable> inputs)>;

IntTensor skewed_ids(std::int64_t count, std::int64_t vocabulary) {
  const Philox random(9, RandomStream::kTest);
  IntTensor ids = IntTensor::empty({count});
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::uint64_t>(i);
    const std::uint32_t bound = i % 3 == 0 ? static_cast<std::uint32_t>(vocabulary) : 3U;
    ids.data()[i] = static_cast<std::int32_t>(random.below(at, bound));
  }
  return ids;
}

// The value and every gradient, one after the other.
std::vector<float> run(const Operation& operation, const std::vector<Tensor>& inputs) {
  std::vector<Variable> variables;
  for (const Tensor& input : inputs) variables.emplace_back(input, true);
  const Variable result = operation(variables);
  std::vector<float> all = result.value().to_vector();
  backward(result, random_tensor(result.shape(), 77));
  for (const Variable& variable : variables) {
    const std::vector<float> gradient = variable.grad().to_vector();
    all.insert(all.end(), gradient.begin(), gradient.end());
  }
  return all;
}

void check_threads(const Operation& operation, const std::vector<Tensor>& inputs) {
  set_thread_count(1);
  const std::vector<float> one = run(operation, inputs);
  for (const int threads : {2, 3}) {
    set_thread_count(threads);
    CHECK(run(operation, inputs) == one);
  }
  set_thread_count(available_cores());
}

// Gradients of `parameters` after the whole batch, and after its halves one by one, by `operation(first row,
// end, parameters)`.
void check_halves(
    std::int64_t rows, const std::vector<Tensor>& parameters,
    const std::function<Variable(std::int64_t, std::int64_t, std::span<const Variable>)>& operation,
    std::int64_t width) {
  const Tensor upstream = random_tensor({rows, width}, 78);
  const auto gradients = [&](std::int64_t step) {
    std::vector<Variable> variables;
    for (const Tensor& parameter : parameters) variables.emplace_back(parameter, true);
    for (std::int64_t first = 0; first < rows; first += step) {
      const Variable result = operation(first, first + step, variables);
      backward(result, result.value().size() == 1 ? Tensor::full(Shape(), 1.0F)
                                                  : upstream.slice_rows(first, first + step));
    }
    std::vector<float> all;
    for (const Variable& variable : variables) {
      const std::vector<float> gradient = variable.grad().to_vector();
      all.insert(all.end(), gradient.begin(), gradient.end());
    }
    return all;
  };
  CHECK(gradients(rows / 2) == gradients(rows));
}

IntTensor rows_of(const IntTensor& ids, std::int64_t first, std::int64_t end) {
  return ids.slice_rows(first, end);
}

}  // namespace

TEST_CASE("layer_norm: any thread count, and halves of a batch, give the same bits") {
  const Tensor x = random_tensor({2 * kGradientRows, 70}, 1);
  const std::vector<Tensor> parameters{random_tensor({70}, 2), random_tensor({70}, 3)};
  check_threads([](std::span<const Variable> in) { return layer_norm(in[0], in[1], in[2], 1e-5F); },
                {x, parameters[0], parameters[1]});
  check_halves(
      2 * kGradientRows, parameters,
      [&](std::int64_t first, std::int64_t end, std::span<const Variable> in) {
        return layer_norm(Variable(x.slice_rows(first, end)), in[0], in[1], 1e-5F);
      },
      70);
}

TEST_CASE("embedding: any thread count, and halves of a batch, give the same bits") {
  const IntTensor ids = skewed_ids(1000, 50);
  const Tensor table = random_tensor({50, 20}, 1);
  check_threads([&](std::span<const Variable> in) { return embedding(ids, in[0], 1); }, {table});
  check_halves(
      1000, {table},
      [&](std::int64_t first, std::int64_t end, std::span<const Variable> in) {
        return embedding(rows_of(ids, first, end), in[0], 1);
      },
      20);
}

TEST_CASE("attention: any thread count gives the same bits") {
  AttentionOptions options;
  options.heads = 2;
  options.rotary = make_rotary_table(33, 18);
  options.mask = Tensor::full({3, 33}, 1.0F);
  options.mask.data()[40] = 0.0F;
  options.dropout = 0.1F;
  check_threads([&](std::span<const Variable> in) { return attention(in[0], options); },
                {random_tensor({3, 33, 108}, 1)});
}

TEST_CASE("cross_entropy: any thread count gives the same bits") {
  const IntTensor targets = skewed_ids(300, 100);
  check_threads([&](std::span<const Variable> in) { return cross_entropy(in[0], targets); },
                {random_tensor({300, 100}, 1)});
}

TEST_CASE("vocabulary_cross_entropy: any thread count, and chunks alone, give the same bits") {
  const std::int64_t rows = 2 * kGradientRows;
  const IntTensor targets = skewed_ids(rows, 600);
  const Tensor hidden = random_tensor({rows, 24}, 1);
  const std::vector<Tensor> parameters{random_tensor({600, 24}, 2), random_tensor({600}, 3)};
  check_threads(
      [&](std::span<const Variable> in) { return vocabulary_cross_entropy(in[0], in[1], in[2], targets); },
      {hidden, parameters[0], parameters[1]});
  const VocabularyLossOptions options{.total_count = static_cast<double>(rows)};
  check_halves(
      rows, parameters,
      [&](std::int64_t first, std::int64_t end, std::span<const Variable> in) {
        return vocabulary_cross_entropy(Variable(hidden.slice_rows(first, end)), in[0], in[1],
                                        rows_of(targets, first, end), options);
      },
      1);
}

}  // namespace espalier::ops
