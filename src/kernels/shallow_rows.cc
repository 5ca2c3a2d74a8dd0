#include "kernels/shallow_rows.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/shallow_rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/gelu-inl.h"
#include "kernels/map-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;
using Mask = hn::Mask<Tag>;
using IndexTag = hn::RebindToSigned<Tag>;
constexpr std::int64_t kMost = hn::MaxLanes(Tag());

// Values of the nodes of as many trees of depth 1 as a vector has lanes.
struct Family {
  Vector root, left, right;

  static HWY_INLINE Family load(const float* nodes) {
    Family family;
    hn::LoadInterleaved3(Tag(), nodes, family.root, family.left, family.right);
    return family;
  }
  HWY_INLINE void store(float* nodes) const { hn::StoreInterleaved3(root, left, right, Tag(), nodes); }
  HWY_INLINE Vector child(Mask turns) const { return hn::IfThenElse(turns, right, left); }
  HWY_INLINE Vector sibling(Mask turns) const { return hn::IfThenElse(turns, left, right); }
};

// A root and the child on its path.
HWY_INLINE Family on_path(Mask turns, Vector root, Vector child) {
  return {root, hn::IfThenZeroElse(turns, child), hn::IfThenElseZero(turns, child)};
}

HWY_INLINE void activate_family(const float* bias, float* nodes, float* logits, std::int32_t* leaf) {
  const Tag d;
  const IndexTag di;
  const Family products = Family::load(nodes);
  const Family biases = Family::load(bias);
  const Vector root = hn::Add(products.root, biases.root);
  const Mask turns = hn::Gt(root, hn::Zero(d));
  const Vector child = hn::Add(products.child(turns), biases.child(turns));
  hn::StoreInterleaved2(root, child, d, logits);
  hn::StoreU(hn::IfThenElseZero(hn::RebindMask(di, turns), hn::Set(di, 1)), di, leaf);
  on_path(turns, gelu(d, root), gelu(d, child)).store(nodes);
}

// What the decisions of straight-through routing get: slope * (value of the right child - that of the left
// one), where the slope reaches epsilon.
struct Decisions {
  float temperature, epsilon;

  HWY_INLINE Vector slope(Vector logit) const {
    const Tag d;
    const Vector t = hn::Set(d, temperature);
    const Vector e = hn::Exp(d, hn::Neg(hn::Abs(hn::Div(logit, t))));
    const Vector sum = hn::Add(hn::Set(d, 1.0F), e);
    return hn::Div(e, hn::Mul(hn::Mul(sum, sum), t));
  }
};

// The first `count` trees from `nodes` on. products: <w_in, x>; null without decisions. Returns the number of
// siblings evaluated.
HWY_INLINE std::int64_t differentiate_family(const float* bias, const Decisions* decisions,
                                             std::int64_t count, const float* logits,
                                             const std::int32_t* leaf, float* activation, float* gradient) {
  const Tag d;
  const IndexTag di;
  Vector root, child, root_slope, child_slope;
  hn::LoadInterleaved2(d, logits, root, child);
  const Mask turns = hn::RebindMask(d, hn::Gt(hn::LoadU(di, leaf), hn::Zero(di)));
  const Family projection = Family::load(gradient);
  const Vector root_value = gelu_and_slope(d, root, root_slope);
  const Vector child_value = gelu_and_slope(d, child, child_slope);
  Vector to_root = hn::Mul(projection.root, root_slope);
  std::int64_t evaluated = 0;
  if (decisions != nullptr) {
    const Vector products = Family::load(activation).sibling(turns);
    const Vector sibling = hn::Add(products, Family::load(bias).sibling(turns));
    const Vector taken = hn::Mul(child_value, projection.child(turns));
    const Vector other = hn::Mul(gelu(d, sibling), projection.sibling(turns));
    const Vector rise = hn::IfThenElse(turns, hn::Sub(taken, other), hn::Sub(other, taken));
    const Vector slope = decisions->slope(root);
    const Mask decides = hn::And(hn::Ge(slope, hn::Set(d, decisions->epsilon)),
                                 hn::FirstN(d, static_cast<std::size_t>(count)));
    to_root = hn::Add(to_root, hn::IfThenElseZero(decides, hn::Mul(slope, rise)));
    evaluated = static_cast<std::int64_t>(hn::CountTrue(d, decides));
  }
  on_path(turns, root_value, child_value).store(activation);
  on_path(turns, to_root, hn::Mul(projection.child(turns), child_slope)).store(gradient);
  return evaluated;
}

void activate_roots(std::int64_t trees, const float* bias, float* nodes, float* logits) {
  const auto both = [](Vector& activation, Vector product, Vector own_bias) HWY_ATTR {
    const Vector logit = hn::Add(product, own_bias);
    activation = gelu(Tag(), logit);
    return logit;
  };
  map_two(Tag(), trees, false, logits, nodes, both, nodes, bias);
}

void differentiate_roots(std::int64_t trees, const float* logits, float* activation, float* gradient) {
  const auto both = [](Vector& dlogit, Vector logit, Vector projection) HWY_ATTR {
    Vector slope;
    const Vector value = gelu_and_slope(Tag(), logit, slope);
    dlogit = hn::Mul(projection, slope);
    return value;
  };
  map_two(Tag(), trees, false, activation, gradient, both, logits, gradient);
}

void activate_families(std::int64_t trees, const float* bias, float* nodes, float* logits,
                       std::int32_t* leaf) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  std::int64_t k = 0;
  for (; k + lanes <= trees; k += lanes) {
    activate_family(bias + 3 * k, nodes + 3 * k, logits + 2 * k, leaf + k);
  }
  if (k == trees) return;
  // The rest, padded to a whole vector.
  const std::int64_t rest = trees - k;
  float own_bias[3 * kMost] = {}, own[3 * kMost] = {}, path[2 * kMost];
  std::int32_t own_leaf[kMost];
  std::copy_n(bias + 3 * k, 3 * rest, own_bias);
  std::copy_n(nodes + 3 * k, 3 * rest, own);
  activate_family(own_bias, own, path, own_leaf);
  std::copy_n(own, 3 * rest, nodes + 3 * k);
  std::copy_n(path, 2 * rest, logits + 2 * k);
  std::copy_n(own_leaf, rest, leaf + k);
}

std::int64_t differentiate_families(std::int64_t trees, const float* bias, const ShallowRow& row,
                                    const Decisions* decisions) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  std::int64_t evaluated = 0;
  std::int64_t k = 0;
  for (; k + lanes <= trees; k += lanes) {
    evaluated += differentiate_family(bias + 3 * k, decisions, lanes, row.logits + 2 * k, row.leaf + k,
                                      row.activation + 3 * k, row.gradient + 3 * k);
  }
  if (k == trees) return evaluated;
  const std::int64_t rest = trees - k;
  float own_bias[3 * kMost] = {}, path[2 * kMost] = {}, own[3 * kMost] = {}, gradient[3 * kMost] = {};
  std::int32_t leaf[kMost] = {};
  std::copy_n(bias + 3 * k, 3 * rest, own_bias);
  std::copy_n(row.logits + 2 * k, 2 * rest, path);
  std::copy_n(row.leaf + k, rest, leaf);
  if (decisions != nullptr) std::copy_n(row.activation + 3 * k, 3 * rest, own);
  std::copy_n(row.gradient + 3 * k, 3 * rest, gradient);
  evaluated += differentiate_family(own_bias, decisions, rest, path, leaf, own, gradient);
  std::copy_n(own, 3 * rest, row.activation + 3 * k);
  std::copy_n(gradient, 3 * rest, row.gradient + 3 * k);
  return evaluated;
}

void activate(const TreeGates& gates, float* nodes, float* logits, std::int32_t* leaf) {
  if (gates.depth == 0) return activate_roots(gates.trees, gates.bias, nodes, logits);
  activate_families(gates.trees, gates.bias, nodes, logits, leaf);
}

std::int64_t differentiate(const TreeGates& gates, const ShallowRow& row,
                           const StraightThrough* straight_through) {
  if (gates.depth == 0) {
    differentiate_roots(gates.trees, row.logits, row.activation, row.gradient);
    return 0;
  }
  if (straight_through == nullptr) return differentiate_families(gates.trees, gates.bias, row, nullptr);
  const Decisions decisions{straight_through->temperature, straight_through->epsilon};
  return differentiate_families(gates.trees, gates.bias, row, &decisions);
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
  ESPALIER_CHECK(gates.depth <= 1);
  HWY_DYNAMIC_DISPATCH(activate)(gates, nodes, logits, leaf);
}

std::int64_t differentiate_shallow_row(const TreeGates& gates, const ShallowRow& row,
                                       const StraightThrough* straight_through) {
  ESPALIER_CHECK(gates.depth <= 1);
  return HWY_DYNAMIC_DISPATCH(differentiate)(gates, row, straight_through);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
