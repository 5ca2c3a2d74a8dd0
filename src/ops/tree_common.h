// What the operations on trees of neurons and on trees with MLP leaves share.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <utility>

#include "espalier/autograd/variable.h"
#include "espalier/ops/tree_routing.h"
#include "espalier/ops/tree_statistics.h"
#include "kernels/tree/soft_routing.h"
#include "ops/kept.h"

namespace espalier::ops {

// Why a shape must be what it must be, put together before it is known whether anybody will read it: on the
// stack, so that a step in steady state asks for no memory.
struct ShapeReason {
  char text[192];
  template <class... Arguments>
  explicit ShapeReason(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    *fmt::format_to_n(text, sizeof(text) - 1, format, std::forward<Arguments>(arguments)...).out = '\0';
  }
};

// InputError unless trees >= 1, depth in [0, kMaxTreeDepth] and every row has an int32 number.
void require_tree(const char* op, int trees, int depth);
// InputError for a routing value out of range, or an entropy that the mode cannot give.
void require_routing(const char* op, const TreeRouting& routing);

kernels::SoftRouting soft_routing(const TreeRouting& routing, bool training, int depth);

// The hard paths of a batch: leaf [tokens, trees], and logits [tokens, trees, levels] of which the first
// `depth` of each path decide. Single neurons (depth 0) have no leaves: 50 MB a layer of 3072 and 4096
// tokens.
struct HardPaths {
  int trees, depth, levels;
  std::int64_t tokens;
  Tensor logits;
  IntTensor leaf;

  HardPaths(const kernels::TreeGates& gates, std::int64_t tokens, int levels);
  float* path_logits(std::int64_t path) { return logits.data() + path * levels; }
  std::int32_t* leaves() { return leaf.defined() ? leaf.data() : nullptr; }
  const std::int32_t* leaves() const { return leaf.defined() ? leaf.data() : nullptr; }
};

void add_paths(const HardPaths& paths, float temperature, TreeStatistics& statistics);
void add_soft_sums(const kernels::SoftSums& sums, TreeStatistics& statistics);

// The mean over tokens and trees, [] (rank 0).
Tensor mean_entropy(const kernels::SoftSums& sums, std::int64_t tokens, int trees);
// Its gradient with respect to one token's entropy in one tree; 0 if `grad` is undefined.
float entropy_gradient(const Tensor& grad, std::int64_t tokens, int trees);
// What a tree keeps of x, the first of its inputs, where it is recorded; and the inputs to record, which then
// need x's value no more.
Kept kept_first(const Variables& in, Precision precision);
Variables without_first_value(Variables in);
// `grad`, or zeros where nothing depends on the output.
Tensor grad_or_zeros(const Tensor& grad, const Shape& shape);

}  // namespace espalier::ops
