#include "espalier/ops/gather.h"

#include <fmt/format.h>

#include <limits>

#include "espalier/tensor/pool.h"
#include "kernels/gather.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

using Extents = PoolVector<std::int64_t>;

Extents extents_of(const Shape& shape, int first, int last) {
  Extents extents;
  for (int axis = first; axis < last; ++axis) extents.push_back(shape[axis]);
  return extents;
}

// `leading` axes, then those of `rest` from axis `from` on.
Shape joined(const char* op, Extents leading, const Shape& rest, int from) {
  for (const std::int64_t extent : extents_of(rest, from, rest.rank())) leading.push_back(extent);
  if (leading.size() > static_cast<std::size_t>(Shape::kMaxRank)) {
    fail(op, fmt::format("the result would have {} axes, at most {} are possible", leading.size(),
                         Shape::kMaxRank));
  }
  return Shape(leading);
}

void require_indices_given(const char* op, const IntTensor& indices) {
  if (!indices.defined()) fail(op, "indices must be given, got an undefined tensor");
}

// Product of the extents from axis `from` on.
std::int64_t elements_from(const Shape& shape, int from) {
  std::int64_t product = 1;
  for (int axis = from; axis < shape.rank(); ++axis) product *= shape[axis];
  return product;
}

}  // namespace

Variable gather_rows(const Variable& x, const IntTensor& indices) {
  constexpr const char* kName = "gather_rows";
  require_defined(kName, "x", x);
  require_indices_given(kName, indices);
  require_least_rank(kName, "x", x.shape(), 1);
  require_indices(kName, "indices", indices, "x", x.shape());
  const std::int64_t rows = x.shape()[0];
  const std::int64_t width = elements_from(x.shape(), 1);
  const std::int64_t count = indices.size();
  const Extents leading(indices.shape().extents().begin(), indices.shape().extents().end());
  Tensor y = Tensor::empty(joined(kName, leading, x.shape(), 1));
  kernels::gather_rows(width, count, indices.data(), x.value().data(), y.data());
  return record(kName, y, {x.without_value()},
                [rows, width, count, indices](const Tensor& dy, std::span<Variable> in) {
                  const Destination dx = in[0].grad_slot();  // [rows, width]
                  kernels::scatter_rows(rows, width, count, indices.data(), dy.data(), dx);
                });
}

Variable scatter_rows(const Variable& x, const IntTensor& indices, std::int64_t rows) {
  constexpr const char* kName = "scatter_rows";
  require_defined(kName, "x", x);
  require_indices_given(kName, indices);
  if (rows < 0 || rows > std::numeric_limits<std::int32_t>::max()) {
    fail(kName, fmt::format("rows must lie in [0, 2^31), got {}", rows));
  }
  const int leading = indices.shape().rank();
  require_least_rank(kName, "x", x.shape(), leading);
  const Shape head(extents_of(x.shape(), 0, leading));
  require_shape(kName, "indices", indices.shape(), head, "first axes of x", x.shape());
  const Shape result = joined(kName, {rows}, x.shape(), leading);
  require_indices(kName, "indices", indices, "the result", result);
  const std::int64_t width = elements_from(x.shape(), leading);
  const std::int64_t count = indices.size();
  Tensor y = Tensor::empty(result);
  kernels::scatter_rows(rows, width, count, indices.data(), x.value().data(), y.data());
  return record(kName, y, {x.without_value()},
                [width, count, indices](const Tensor& dy, std::span<Variable> in) {
                  const Destination dx = in[0].grad_slot();  // [count, width]
                  kernels::gather_rows(width, count, indices.data(), dy.data(), dx);
                });
}

}  // namespace espalier::ops
