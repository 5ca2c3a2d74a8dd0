#include "bench/plain_tree.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "bench/plain_dot.h"
#include "espalier/base/parallel.h"

namespace espalier::bench {
namespace {

// Decisions this close to a tie, relative to |w| |x|, may differ; logits must agree to as much.
constexpr double kNearTie = 1e-5;
// The rounding of a logit in float32 stays below this.
constexpr double kRounding = 1e-6;

}  // namespace

PlainTree::PlainTree(const TreeProblem& problem, const TreeResults& results)
    : problem_(problem), results_(results), size_(problem.size()) {
  const TreeTensors& weights = problem.weights();
  gate_weight_ = (size_.has_leaves() ? weights.gate_weight : weights.unit_in).data();
  gate_bias_ = (size_.has_leaves() ? weights.gate_bias : weights.unit_bias).data();
  gate_rows_ = (size_.has_leaves() ? size_.gates() : size_.units()) / size_.trees;
  temperature_ = static_cast<double>(problem.soft_routing().temperature);
  epsilon_ = static_cast<double>(problem.soft_routing().epsilon);
  norms_.resize(static_cast<std::size_t>(gate_rows_ * size_.trees));
  parallel_for(gate_rows_ * size_.trees, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* w = gate_weight_ + row * size_.width;
      norms_[static_cast<std::size_t>(row)] = std::sqrt(plain_dot(w, w, size_.width));
    }
  });
}

double PlainTree::logit(const float* x, int tree, std::int64_t node) const {
  const std::int64_t row = gate_row(tree, node);
  return plain_dot(gate_weight_ + row * size_.width, x, size_.width) + static_cast<double>(gate_bias_[row]);
}

double PlainTree::pre_activation(std::int64_t row, const float* x) const {
  const TreeTensors& weights = problem_.weights();
  return plain_dot(weights.unit_in.data() + row * size_.width, x, size_.width) +
         static_cast<double>(weights.unit_bias.data()[row]);
}

std::int64_t PlainTree::first_unit(int tree, std::int64_t node) const {
  return size_.has_leaves() ? leaf_row(tree, node) * size_.leaf_width
                            : tree * (size_.units() / size_.trees) + node;
}

// GELU of neurons, ReLU of the units of leaves.
PlainTree::Unit PlainTree::unit(std::int64_t row, double pre, const float* dy) const {
  const float* out = problem_.weights().unit_out.data() + row * size_.width;
  const double projection = dy == nullptr ? 0 : plain_dot(out, dy, size_.width);
  if (size_.has_leaves()) return {row, std::max(pre, 0.0), pre > 0 ? 1.0 : 0.0, projection};
  const double phi = 0.5 * std::erfc(-pre / std::numbers::sqrt2);
  const double density = std::exp(-pre * pre / 2) / std::sqrt(2 * std::numbers::pi);
  return {row, pre * phi, phi + pre * density, projection};
}

void PlainTree::run(std::int64_t token, PlainToken& out) const {
  const float* x = problem_.x() + token * size_.width;
  const auto width = static_cast<std::size_t>(size_.width);
  out = PlainToken{};
  out.y.assign(width, 0.0);
  if (size_.backward) out.dx.assign(width, 0.0);
  const float* dy = size_.backward ? problem_.dy() + token * size_.width : nullptr;
  Pass pass{token, 0, x, dy, std::sqrt(plain_dot(x, x, size_.width)), {}, {}, out};
  for (pass.tree = 0; pass.tree < size_.trees; ++pass.tree) {
    pass.visits.assign(1, Visit{});
    pass.units.clear();
    for (std::size_t i = 0; i < pass.visits.size(); ++i) evaluate(pass, i);
    add_output(pass);
    if (!size_.backward) continue;
    for (std::size_t i = pass.visits.size(); i-- > 0;) backward(pass, i);
  }
}

void PlainTree::evaluate(Pass& pass, std::size_t i) const {
  const int level = pass.visits[i].level;
  if (level < size_.depth || !size_.has_leaves()) {
    pass.visits[i].logit = logit(pass.x, pass.tree, pass.visits[i].node);
  }
  pass.visits[i].first_unit = pass.units.size();
  if (has_units(level)) add_units(pass, i);
  pass.visits[i].last_unit = pass.units.size();
  if (level == size_.depth) return;
  if (size_.mode == ops::RoutingMode::kSoft) {
    decide_softly(pass, i);
  } else {
    decide_hard(pass, i);
  }
}

void PlainTree::add_units(Pass& pass, std::size_t i) const {
  const std::int64_t first = first_unit(pass.tree, pass.visits[i].node);
  for (std::int64_t row = first; row < first + units_of_node(); ++row) {
    const double pre = size_.has_leaves() ? pre_activation(row, pass.x) : pass.visits[i].logit;
    pass.units.push_back(unit(row, pre, pass.dy));
  }
}

void PlainTree::decide_hard(Pass& pass, std::size_t i) const {
  const Visit& visit = pass.visits[i];
  const std::int64_t path = pass.token * size_.trees + pass.tree;
  const std::int32_t leaf = results_.leaf.data()[path];
  const bool right = ((leaf >> (size_.depth - 1 - visit.level)) & 1) != 0;
  const float* logits = results_.logits.data() + path * results_.logits.shape()[2];
  const double stored = static_cast<double>(logits[visit.level]);
  const double close = kNearTie * scale(pass.tree, visit.node, pass.x_norm);
  const bool near_tie = std::abs(visit.logit) <= close;
  const bool flipped = right != goes_right(visit.logit);
  pass.out.near_ties += near_tie ? 1 : 0;
  pass.out.tie_flips += near_tie && flipped ? 1 : 0;
  if ((flipped && !near_tie) || !(std::abs(stored - visit.logit) <= close)) pass.out.path_is_right = false;
  pass.visits.push_back(
      {.node = 2 * visit.node + (right ? 2 : 1), .level = visit.level + 1, .parent = i, .right = right});
}

void PlainTree::decide_softly(Pass& pass, std::size_t i) const {
  const double c = 1 / (1 + std::exp(-pass.visits[i].logit / temperature_));
  pass.visits[i].slope = c * (1 - c) / temperature_;
  const Visit visit = pass.visits[i];
  for (const bool right : {false, true}) {
    const double into = right ? c : 1 - c;
    const double rho = visit.rho * into;
    if (rho <= epsilon_ && right != goes_right(visit.logit)) continue;
    pass.visits.push_back({.node = 2 * visit.node + (right ? 2 : 1),
                           .level = visit.level + 1,
                           .parent = i,
                           .right = right,
                           .rho = rho,
                           .into = into});
  }
}

void PlainTree::add_output(Pass& pass) const {
  const TreeTensors& weights = problem_.weights();
  std::vector<double>& y = pass.out.y;
  for (const Visit& visit : pass.visits) {
    for (std::size_t u = visit.first_unit; u < visit.last_unit; ++u) {
      const double factor = visit.rho * pass.units[u].activation;
      add_plain_row(factor, weights.unit_out.data() + pass.units[u].row * size_.width, y);
      pass.out.units.push_back({pass.units[u].row, 0, factor});
    }
    if (visit.level < size_.depth) {
      if (size_.has_leaves()) pass.out.gates.push_back({gate_row(pass.tree, visit.node), 0, 0});
      continue;
    }
    const std::int64_t leaf = leaf_row(pass.tree, visit.node);
    pass.out.leaves.push_back({leaf, 0, visit.rho});
    if (size_.has_leaves()) add_plain_row(visit.rho, weights.leaf_bias.data() + leaf * size_.width, y);
  }
}

bool PlainTree::has_close_decision(std::int64_t token) const {
  const float* x = problem_.x() + token * size_.width;
  const double x_norm = std::sqrt(plain_dot(x, x, size_.width));
  bool close = false;
  // Returns the child that the decision takes.
  const auto decide = [&](int tree, std::int64_t node) {
    const double value = logit(x, tree, node);
    close |= std::abs(value) <= kRounding * scale(tree, node, x_norm);
    return 2 * node + (goes_right(value) ? 2 : 1);
  };
  for (int tree = 0; tree < size_.trees; ++tree) {
    std::int64_t node = 0;
    for (int level = 0; level < size_.depth; ++level) {
      const std::int64_t child = decide(tree, node);
      std::int64_t sibling = 4 * node + 3 - child;
      for (int below = level + 1; below < size_.depth; ++below) sibling = decide(tree, sibling);
      node = child;
    }
  }
  return close;
}

}  // namespace espalier::bench
