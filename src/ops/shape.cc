#include "espalier/ops/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "kernels/shape.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

// A tensor seen as [outer, extent, inner] around one axis.
struct AroundAxis {
  std::int64_t outer = 1, extent, inner = 1;
  AroundAxis(const Shape& shape, int axis) : extent(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

void check_permutation(const Shape& shape, std::span<const int> axes) {
  std::vector<int> sorted(axes.begin(), axes.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<int> all(static_cast<std::size_t>(shape.rank()));
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all) {
    fail("permute", fmt::format("axes must name each axis of x {} once, counted from 0, got [{}]",
                                shape.str(), fmt::join(axes, ",")));
  }
}

Variable permuted(const char* name, const Variable& x, const std::vector<int>& axes) {
  std::vector<std::int64_t> extents;
  std::vector<int> inverse(axes.size());
  for (std::size_t j = 0; j < axes.size(); ++j) {
    extents.push_back(x.shape()[axes[j]]);
    inverse[static_cast<std::size_t>(axes[j])] = static_cast<int>(j);
  }
  Tensor y = Tensor::empty(Shape(extents));
  kernels::permute(x.shape().extents(), axes, x.value().data(), y.data());
  return record(name, y, {x.without_value()}, [inverse](const Tensor& dy, std::span<Variable> in) {
    const Destination dx = in[0].grad_slot();
    kernels::permute(dy.shape().extents(), inverse, dy.data(), dx);
  });
}

}  // namespace

Variable reshape(const Variable& x, const Shape& shape) {
  require_defined("reshape", "x", x);
  if (shape.elements() != x.shape().elements()) {
    fail("reshape", fmt::format("shape must hold {} elements (x {}), got {}", x.shape().elements(),
                                x.shape().str(), shape.str()));
  }
  return record(
      "reshape", x.value().reshape(shape), {x.without_value()},
      [](const Tensor& dy, std::span<Variable> in) { in[0].accumulate_grad(dy.reshape(in[0].shape())); });
}

Variable permute(const Variable& x, std::span<const int> axes) {
  require_defined("permute", "x", x);
  check_permutation(x.shape(), axes);
  return permuted("permute", x, {axes.begin(), axes.end()});
}

Variable transpose(const Variable& x, int axis_a, int axis_b) {
  require_defined("transpose", "x", x);
  const int a = require_axis("transpose", "x", x.shape(), axis_a);
  const int b = require_axis("transpose", "x", x.shape(), axis_b);
  std::vector<int> axes(static_cast<std::size_t>(x.shape().rank()));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[static_cast<std::size_t>(a)], axes[static_cast<std::size_t>(b)]);
  return permuted("transpose", x, axes);
}

Variable slice(const Variable& x, int axis, std::int64_t begin, std::int64_t end) {
  require_defined("slice", "x", x);
  const int at = require_axis("slice", "x", x.shape(), axis);
  const AroundAxis whole(x.shape(), at);
  if (begin < 0 || begin > end || end > whole.extent) {
    fail("slice", fmt::format("range {} to {} is not within axis {} of x {} (0 to {})", begin, end, at,
                              x.shape().str(), whole.extent));
  }
  const std::int64_t stride = whole.extent * whole.inner;
  const std::int64_t first = begin * whole.inner;
  const std::int64_t width = (end - begin) * whole.inner;
  Tensor y = Tensor::empty(x.shape().with_extent(at, end - begin));
  kernels::copy_rows(whole.outer, width, x.value().data() + first, stride, y.data(), width);
  return record("slice", y, {x.without_value()},
                [outer = whole.outer, stride, first, width](const Tensor& dy, std::span<Variable> in) {
                  const Destination dx = in[0].grad_slot();  // [outer, stride]
                  if (!dx.accumulate) std::fill_n(dx.data, outer * stride, 0.0F);
                  kernels::copy_rows(outer, width, dy.data(), width, {dx.data + first, true}, stride);
                });
}

Variable concat(const std::vector<Variable>& inputs, int axis) {
  if (inputs.empty()) fail("concat", "at least one input must be given");
  for (const Variable& input : inputs) require_defined("concat", "every input", input);
  const Shape& shape = inputs[0].shape();
  const int at = require_axis("concat", "inputs[0]", shape, axis);
  std::int64_t total = 0;
  Variables edges;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape& own = inputs[i].shape();
    const std::string name = fmt::format("inputs[{}]", i);
    require_rank("concat", name.c_str(), own, shape.rank());
    require_shape("concat", name.c_str(), own, shape.with_extent(at, own[at]),
                  fmt::format("all axes but {} as inputs[0]", at).c_str(), shape);
    total += own[at];
    edges.push_back(inputs[i].without_value());
  }
  Tensor y = Tensor::empty(shape.with_extent(at, total));
  const AroundAxis whole(y.shape(), at);
  const std::int64_t stride = total * whole.inner;
  std::int64_t first = 0;
  for (const Variable& input : inputs) {
    const std::int64_t width = input.shape()[at] * whole.inner;
    kernels::copy_rows(whole.outer, width, input.value().data(), width, y.data() + first, stride);
    first += width;
  }
  return record(
      "concat", y, std::move(edges),
      [outer = whole.outer, inner = whole.inner, stride, at](const Tensor& dy, std::span<Variable> in) {
        std::int64_t begin = 0;
        for (Variable& input : in) {
          const std::int64_t width = input.shape()[at] * inner;
          if (input.requires_grad()) {
            const Destination dx = input.grad_slot();  // [outer, width]
            kernels::copy_rows(outer, width, dy.data() + begin, stride, dx, width);
          }
          begin += width;
        }
      });
}

}  // namespace espalier::ops
