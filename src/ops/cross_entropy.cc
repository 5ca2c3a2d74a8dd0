#include "espalier/ops/cross_entropy.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "kernels/cross_entropy.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

constexpr const char* kCrossEntropy = "cross_entropy";

void check(const Variable& logits, const IntTensor& targets, const CrossEntropyOptions& options) {
  require_defined(kCrossEntropy, "logits", logits);
  ESPALIER_CHECK(targets.defined());
  require_least_rank(kCrossEntropy, "logits", logits.shape(), 1);
  const Shape& shape = logits.shape();
  const auto rows = shape.extents().first(static_cast<std::size_t>(shape.rank() - 1));
  require_shape(kCrossEntropy, "targets", targets.shape(), Shape(rows), "one for each row of logits", shape);
  const std::int64_t classes = shape.columns();
  if (options.class_weights.defined()) {
    require_shape(kCrossEntropy, "class_weights", options.class_weights.shape(), {classes},
                  "last axis of logits", shape);
  }
  for (std::int64_t row = 0; row < targets.size(); ++row) {
    const std::int64_t target = targets.data()[row];
    if (target == options.ignore_index || (target >= 0 && target < classes)) continue;
    fail(kCrossEntropy, fmt::format("target {} of row {} is none of the {} classes of logits {}", target, row,
                                    classes, shape.str()));
  }
}

// weights[r] of each row, 0 where it is ignored; returns their sum.
double row_weights(const IntTensor& targets, const CrossEntropyOptions& options, Tensor& weights) {
  double sum = 0;
  for (std::int64_t row = 0; row < targets.size(); ++row) {
    const std::int32_t target = targets.data()[row];
    float weight = 0.0F;
    if (target != options.ignore_index) {
      weight = options.class_weights.defined() ? options.class_weights.data()[target] : 1.0F;
    }
    weights.data()[row] = weight;
    sum += static_cast<double>(weight);
  }
  return sum;
}

}  // namespace

Variable cross_entropy(const Variable& logits, const IntTensor& targets, const CrossEntropyOptions& options) {
  check(logits, targets, options);
  const std::int64_t rows = targets.size();
  const std::int64_t classes = logits.shape().columns();
  const std::int64_t ignored = options.ignore_index;
  Tensor losses = Tensor::empty({rows});
  kernels::cross_entropy(rows, classes, logits.value().data(), targets.data(), ignored, losses.data());
  Tensor factors = Tensor::empty({rows});
  const double total = row_weights(targets, options, factors);
  double sum = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    float& factor = factors.data()[row];
    if (factor != 0.0F) sum += static_cast<double>(factor) * static_cast<double>(losses.data()[row]) / total;
    if (total > 0) factor = static_cast<float>(static_cast<double>(factor) / total);
  }
  return record(
      kCrossEntropy, Tensor::full(Shape(), static_cast<float>(sum)), {logits},
      [targets, factors, rows, classes, ignored](const Tensor& dloss, std::span<Variable> in) mutable {
        for (float& factor : factors.span()) factor *= dloss.data()[0];
        const Destination dlogits = in[0].grad_slot();  // [rows, classes]
        kernels::cross_entropy_backward(rows, classes, in[0].value().data(), targets.data(), ignored,
                                        factors.data(), dlogits);
      });
}

}  // namespace espalier::ops
