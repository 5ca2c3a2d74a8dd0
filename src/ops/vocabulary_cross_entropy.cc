#include "espalier/ops/vocabulary_cross_entropy.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/tensor/pool.h"
#include "kernels/elementwise.h"
#include "kernels/vocabulary_cross_entropy.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

constexpr const char* kVocabularyCrossEntropy = "vocabulary_cross_entropy";

void check(const Variable& hidden, const Variable& table, const Variable& bias, const IntTensor& targets,
           const VocabularyLossOptions& options) {
  require_defined(kVocabularyCrossEntropy, "hidden", hidden);
  require_defined(kVocabularyCrossEntropy, "table", table);
  ESPALIER_CHECK(targets.defined());
  require_rank(kVocabularyCrossEntropy, "hidden", hidden.shape(), 2);
  require_rank(kVocabularyCrossEntropy, "table", table.shape(), 2);
  const std::int64_t rows = hidden.shape()[0];
  const std::int64_t vocabulary = table.shape()[0];
  require_shape(kVocabularyCrossEntropy, "table", table.shape(), {vocabulary, hidden.shape()[1]},
                "last axis of hidden", hidden.shape());
  if (bias.defined()) {
    require_shape(kVocabularyCrossEntropy, "bias", bias.shape(), {vocabulary}, "rows of table",
                  table.shape());
  }
  require_shape(kVocabularyCrossEntropy, "targets", targets.shape(), {rows}, "rows of hidden",
                hidden.shape());
  require_targets(kVocabularyCrossEntropy, targets, vocabulary);
  if (!(options.total_count >= 0)) {
    fail(kVocabularyCrossEntropy, fmt::format("total_count must be at least 0, got {}", options.total_count));
  }
}

// Gradients of the loss itself; undefined where nobody wants them.
struct Gradients {
  Tensor hidden, table, bias;
};

Gradients wanted(const Variable& hidden, const Variable& table, const Variable& bias) {
  const auto memory = [](const Variable& input) {
    return records_gradient({input}) ? Tensor::empty(input.shape()) : Tensor();
  };
  return {memory(hidden), memory(table), memory(bias)};
}

// Adds factor * gradient to the input's.
void give(Variable& input, const Tensor& gradient, float factor) {
  if (!gradient.defined() || !input.requires_grad()) return;
  if (factor == 1.0F && !input.grad().defined()) {
    input.accumulate_grad(gradient);
    return;
  }
  const Destination slot = input.grad_slot();
  kernels::scale(gradient.size(), factor, gradient.data(), slot);
}

}  // namespace

Variable vocabulary_cross_entropy(const Variable& hidden, const Variable& table, const Variable& bias,
                                  const IntTensor& targets, const VocabularyLossOptions& options,
                                  std::int64_t* correct) {
  check(hidden, table, bias, targets, options);
  const std::int64_t rows = hidden.shape()[0];
  const double total = options.total_count > 0 ? options.total_count : static_cast<double>(rows);
  Gradients gradients = wanted(hidden, table, bias);
  PoolVector<float> losses(static_cast<std::size_t>(rows));
  PoolVector<std::uint8_t> hits(static_cast<std::size_t>(rows));
  kernels::vocabulary_cross_entropy(
      {rows, hidden.shape()[1], table.shape()[0], hidden.value().data(), table.value().data(),
       bias.defined() ? bias.value().data() : nullptr, targets.data(), options.precision == Precision::kBf16},
      {rows > 0 ? static_cast<float>(1.0 / total) : 0.0F, gradients.hidden.data(), gradients.table.data(),
       gradients.bias.data()},
      losses.data(), hits.data());
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t row = 0; row < losses.size(); ++row) {
    sum += static_cast<double>(losses[row]);
    count += hits[row];
  }
  if (correct != nullptr) *correct = count;
  return record(kVocabularyCrossEntropy,
                Tensor::full(Shape(), rows > 0 ? static_cast<float>(sum / total) : 0.0F),
                {hidden, table, bias}, [gradients](const Tensor& dloss, std::span<Variable> in) {
                  const float factor = dloss.data()[0];
                  give(in[0], gradients.hidden, factor);  // [n,d]
                  give(in[1], gradients.table, factor);   // [V,d]
                  give(in[2], gradients.bias, factor);    // [V]
                });
}

}  // namespace espalier::ops
