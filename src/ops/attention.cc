#include "espalier/ops/attention.h"

#include <fmt/format.h>

#include <cmath>

#include "kernels/attention.h"
#include "ops/check.h"

namespace espalier::ops {
namespace {

constexpr const char* kName = "attention";
constexpr std::int64_t kMostDrawn = std::int64_t{1} << 32;  // numbers that a site of dropout owns

void check_rotary(const RotaryTable& rotary, std::int64_t length, std::int64_t head_dim) {
  if (rotary.head_dim() != head_dim) {
    fail(kName, fmt::format("the rotary table is for heads of {}, but heads here are {} wide",
                            rotary.head_dim(), head_dim));
  }
  if (rotary.positions() < length) {
    fail(kName, fmt::format("the rotary table has {} positions, too few for a sequence of {}",
                            rotary.positions(), length));
  }
}

void check(const Variable& qkv, const AttentionOptions& options) {
  require_defined(kName, "qkv", qkv);
  require_rank(kName, "qkv", qkv.shape(), 3);
  const Shape& shape = qkv.shape();
  if (options.heads < 1) fail(kName, fmt::format("heads must be at least 1, got {}", options.heads));
  if (shape[2] == 0 || shape[2] % (3 * options.heads) != 0) {
    fail(kName, fmt::format("the last axis of qkv {} must be a positive multiple of 3 * {} heads",
                            shape.str(), options.heads));
  }
  if (options.mask.defined()) {
    require_shape(kName, "mask", options.mask.shape(), {shape[0], shape[1]}, "batch and length of qkv",
                  shape);
  }
  if (!(options.dropout >= 0.0F && options.dropout < 1.0F)) {
    fail(kName, fmt::format("dropout must be at least 0 and below 1, got {}", options.dropout));
  }
  const std::int64_t drawn = shape[0] * options.heads * ((shape[1] * shape[1] + 3) / 4 * 4);
  if (options.dropout > 0.0F && drawn > kMostDrawn) {
    fail(kName, fmt::format("dropout has 2^32 numbers a site, but qkv {} (heads: {}) needs {}", shape.str(),
                            options.heads, drawn));
  }
  if (!(options.scale >= 0.0F)) fail(kName, fmt::format("scale must be at least 0, got {}", options.scale));
  if (options.rotary.defined()) check_rotary(options.rotary, shape[1], shape[2] / 3 / options.heads);
}

// Points into the options' tensors, which must outlive it.
kernels::Attention problem_of(const Shape& qkv, const AttentionOptions& options) {
  kernels::Attention problem;
  problem.batch = qkv[0];
  problem.length = qkv[1];
  problem.heads = options.heads;
  problem.head_dim = qkv[2] / 3 / options.heads;
  problem.scale =
      options.scale > 0.0F ? options.scale : 1.0F / std::sqrt(static_cast<float>(problem.head_dim));
  problem.rotary = options.rotary.angles.data();
  problem.mask = options.mask.data();
  problem.dropout = options.dropout;
  problem.random = Philox(options.key.seed, RandomStream::kDropout, options.key.step);
  problem.dropout_first = options.key.site << 32;
  return problem;
}

}  // namespace

Variable attention(const Variable& qkv, const AttentionOptions& options) {
  check(qkv, options);
  const Shape& shape = qkv.shape();
  Tensor y = Tensor::empty(shape.with_last(shape[2] / 3));
  kernels::attention(problem_of(shape, options), qkv.value().data(), y.data());
  return record(kName, std::move(y), {qkv}, [options](const Tensor& dy, std::span<Variable> in) {
    const GradientSlot dqkv = in[0].grad_slot();  // [B,S,3d]
    kernels::attention_backward(problem_of(in[0].shape(), options), in[0].value().data(), dy.data(),
                                dqkv.accumulate, dqkv.data);
  });
}

}  // namespace espalier::ops
