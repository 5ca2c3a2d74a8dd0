#include "kernels/tree/hard_dense_rows.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/hard_dense_rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/gelu-inl.h"
#include "kernels/map-inl.h"
#include "kernels/sigmoid-inl.h"
#include "kernels/tree/hard_dense_trees-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kMost = hn::MaxLanes(Tag());

// nodes: the logits of all nodes.
template <int kDepth>
HWY_INLINE void activate_trees(float* nodes, float* logits, std::int32_t* leaf) {
  const Tag d;
  const IndexTag di;
  Trees<kDepth> trees;
  typename Trees<kDepth>::Turns turns;
  Path<kDepth> path;
  Index place = hn::Zero(di);
  trees.load(nodes);
  each<kDepth + 1>([&](auto level) HWY_ATTR {
    path.at[level] = trees.template on<level()>(turns);
    turns.at[level] = hn::Gt(path.at[level], hn::Zero(d));
    if constexpr (level() < kDepth) {
      const Index right = hn::IfThenElseZero(hn::RebindMask(di, turns.at[level]), hn::Set(di, 1));
      place = hn::Add(hn::Add(place, place), right);
    }
  });
  path.store(logits);
  if constexpr (kDepth > 0) hn::StoreU(place, di, leaf);
  each<kDepth + 1>([&](auto level) HWY_ATTR { trees.template put<level()>(turns, gelu(d, path.at[level])); });
  trees.store(nodes);
}

// The sum of gelu(logit) * projection along the path that turns the other way at a level and below it by its
// own decisions.
template <int kDepth, int kLevel>
HWY_INLINE Vector branch_not_taken(const Trees<kDepth>& logits, const Trees<kDepth>& projections,
                                   typename Trees<kDepth>::Turns turns) {
  const Tag d;
  Vector sum = hn::Zero(d);
  turns.at[kLevel] = hn::Not(turns.at[kLevel]);
  each<kDepth + 1>([&](auto level) HWY_ATTR {
    if constexpr (level() > kLevel) {
      const Vector logit = logits.template on<level()>(turns);
      sum = hn::MulAdd(gelu(d, logit), projections.template on<level()>(turns), sum);
      turns.at[level] = hn::Gt(logit, hn::Zero(d));
    }
  });
  return sum;
}

// Of `count` trees, at most as many as a vector has lanes. activation: with decisions the logits of all
// nodes. Returns the number of siblings evaluated.
template <int kDepth>
HWY_INLINE std::int64_t differentiate_trees(std::int64_t count, const StraightThrough* decisions,
                                            const float* logits, const std::int32_t* leaf, float* activation,
                                            float* gradient) {
  const Tag d;
  const IndexTag di;
  Path<kDepth> path;
  path.load(logits);
  typename Trees<kDepth>::Turns turns;
  Trees<kDepth> projections;
  projections.load(gradient);
  Vector value[kDepth + 1], dlogit[kDepth + 1], projection[kDepth + 1];
  each<kDepth + 1>([&](auto level) HWY_ATTR {
    Vector slope;
    projection[level] = projections.template on<level()>(turns);
    value[level] = gelu_and_slope(d, path.at[level], slope);
    dlogit[level] = hn::Mul(projection[level], slope);
    if constexpr (level() < kDepth) {
      const Index bit = hn::Set(di, 1 << (kDepth - 1 - level()));
      turns.at[level] = hn::RebindMask(d, hn::TestBit(hn::LoadU(di, leaf), bit));
    }
  });
  std::int64_t evaluated = 0;
  if (decisions != nullptr) {
    const Mask counted = hn::FirstN(d, static_cast<std::size_t>(count));
    Trees<kDepth> all;
    all.load(activation);
    Vector taken = hn::Zero(d);
    each<kDepth>([&](auto from_below) HWY_ATTR {
      constexpr int kLevel = kDepth - 1 - from_below();
      taken = hn::MulAdd(value[kLevel + 1], projection[kLevel + 1], taken);
      const Vector other = branch_not_taken<kDepth, kLevel>(all, projections, turns);
      const Vector rise = hn::IfThenElse(turns.at[kLevel], hn::Sub(taken, other), hn::Sub(other, taken));
      const Vector slope = gate_slope(d, path.at[kLevel], hn::Set(d, decisions->temperature));
      const Mask decides = hn::And(counted, hn::Ge(slope, hn::Set(d, decisions->epsilon)));
      dlogit[kLevel] = hn::Add(dlogit[kLevel], hn::IfThenElseZero(decides, hn::Mul(slope, rise)));
      evaluated += (kDepth - kLevel) * static_cast<std::int64_t>(hn::CountTrue(d, decides));
    });
  }
  Trees<kDepth> activations, gradients;
  each<kDepth + 1>([&](auto level) HWY_ATTR {
    activations.template put<level()>(turns, value[level]);
    gradients.template put<level()>(turns, dlogit[level]);
  });
  activations.store(activation);
  gradients.store(gradient);
  return evaluated;
}

void add_bias(const TreeGates& gates, float* nodes) {
  const auto same = [](Vector v) HWY_ATTR { return v; };
  map(Tag(), std::int64_t{gates.trees} * gates.nodes(), true, nodes, same, gates.bias);
}

template <int kDepth>
void activate_row(const TreeGates& gates, float* nodes, float* logits, std::int32_t* leaf) {
  constexpr int kNodes = Trees<kDepth>::kNodes, kLevels = kDepth + 1;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  add_bias(gates, nodes);
  std::int64_t k = 0;
  for (; k + lanes <= gates.trees; k += lanes) {
    activate_trees<kDepth>(nodes + k * kNodes, logits + k * kLevels, leaf + (kDepth > 0 ? k : 0));
  }
  const std::int64_t rest = gates.trees - k;
  if (rest == 0) return;
  float own[kNodes * kMost] = {}, path[kLevels * kMost];
  std::int32_t own_leaf[kMost];
  std::copy_n(nodes + k * kNodes, rest * kNodes, own);
  activate_trees<kDepth>(own, path, own_leaf);
  std::copy_n(own, rest * kNodes, nodes + k * kNodes);
  std::copy_n(path, rest * kLevels, logits + k * kLevels);
  if (kDepth > 0) std::copy_n(own_leaf, rest, leaf + k);
}

template <int kDepth>
std::int64_t differentiate_row(const TreeGates& gates, const ShallowRow& row,
                               const StraightThrough* decisions) {
  constexpr int kNodes = Trees<kDepth>::kNodes, kLevels = kDepth + 1;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  if (kDepth == 0) decisions = nullptr;
  if (decisions != nullptr) add_bias(gates, row.activation);
  std::int64_t evaluated = 0;
  std::int64_t k = 0;
  for (; k + lanes <= gates.trees; k += lanes) {
    evaluated += differentiate_trees<kDepth>(lanes, decisions, row.logits + k * kLevels,
                                             row.leaf + (kDepth > 0 ? k : 0), row.activation + k * kNodes,
                                             row.gradient + k * kNodes);
  }
  const std::int64_t rest = gates.trees - k;
  if (rest == 0) return evaluated;
  float path[kLevels * kMost] = {}, own[kNodes * kMost] = {}, gradient[kNodes * kMost] = {};
  std::int32_t leaf[kMost] = {};
  std::copy_n(row.logits + k * kLevels, rest * kLevels, path);
  if (kDepth > 0) std::copy_n(row.leaf + k, rest, leaf);
  if (decisions != nullptr) std::copy_n(row.activation + k * kNodes, rest * kNodes, own);
  std::copy_n(row.gradient + k * kNodes, rest * kNodes, gradient);
  evaluated += differentiate_trees<kDepth>(rest, decisions, path, leaf, own, gradient);
  std::copy_n(own, rest * kNodes, row.activation + k * kNodes);
  std::copy_n(gradient, rest * kNodes, row.gradient + k * kNodes);
  return evaluated;
}

void activate(const TreeGates& gates, float* nodes, float* logits, std::int32_t* leaf) {
  if (gates.depth == 0) return activate_row<0>(gates, nodes, logits, leaf);
  if (gates.depth == 1) return activate_row<1>(gates, nodes, logits, leaf);
  activate_row<2>(gates, nodes, logits, leaf);
}

std::int64_t differentiate(const TreeGates& gates, const ShallowRow& row, const StraightThrough* decisions) {
  if (gates.depth == 0) return differentiate_row<0>(gates, row, decisions);
  if (gates.depth == 1) return differentiate_row<1>(gates, row, decisions);
  return differentiate_row<2>(gates, row, decisions);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "espalier/base/error.h"

namespace espalier::kernels {
namespace {

HWY_EXPORT(activate);
HWY_EXPORT(differentiate);

}  // namespace

void activate_shallow_row(const TreeGates& gates, float* nodes, float* logits, std::int32_t* leaf) {
  ESPALIER_CHECK(gates.depth <= kShallow);
  HWY_DYNAMIC_DISPATCH(activate)(gates, nodes, logits, leaf);
}

std::int64_t differentiate_shallow_row(const TreeGates& gates, const ShallowRow& row,
                                       const StraightThrough* straight_through) {
  ESPALIER_CHECK(gates.depth <= kShallow);
  return HWY_DYNAMIC_DISPATCH(differentiate)(gates, row, straight_through);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
