#include <cmath>

#include "bench/plain_dot.h"
#include "bench/plain_tree.h"

namespace espalier::bench {

// Visits come children first. add_output() has listed their uses, in the order of visits.
void PlainTree::backward(Pass& pass, std::size_t i) const {
  const TreeTensors& weights = problem_.weights();
  Visit& visit = pass.visits[i];
  const bool decides = visit.level < size_.depth;
  double value = visit.below;
  for (std::size_t u = visit.first_unit; u < visit.last_unit; ++u) {
    value += pass.units[u].activation * pass.units[u].projection;
  }
  if (!decides) value += leaf_value(pass, visit.node, visit.level);
  const double decision = decides ? decision_gradient(pass, visit) : 0;
  for (std::size_t u = visit.first_unit; u < visit.last_unit; ++u) {
    const Unit& unit = pass.units[u];
    const double in = visit.rho * unit.slope * unit.projection + (size_.has_leaves() ? 0 : decision);
    pass.out.units[pass.out.units.size() - pass.units.size() + u].in = in;
    add_plain_row(in, weights.unit_in.data() + unit.row * size_.width, pass.out.dx);
  }
  if (decides && size_.has_leaves()) {
    const std::int64_t row = gate_row(pass.tree, visit.node);
    for (std::size_t g = pass.out.gates.size(); g-- > 0;) {
      if (pass.out.gates[g].row != row) continue;
      pass.out.gates[g].in = decision;
      break;
    }
    add_plain_row(decision, gate_weight_ + row * size_.width, pass.out.dx);
  }
  if (i == 0) return;
  Visit& parent = pass.visits[visit.parent];
  (visit.right ? parent.right_value : parent.left_value) = value;
  parent.below += visit.into * value;
}

// What a leaf's output bias gives, beside its units.
double PlainTree::leaf_value(Pass& pass, std::int64_t node, int level) const {
  if (!size_.has_leaves() || level < size_.depth) return 0;
  const float* bias = problem_.weights().leaf_bias.data() + leaf_row(pass.tree, node) * size_.width;
  return plain_dot(bias, pass.dy, size_.width);
}

// d loss / d logit by way of the decision alone.
double PlainTree::decision_gradient(Pass& pass, const Visit& visit) const {
  if (size_.mode == ops::RoutingMode::kHard) return 0;
  if (size_.mode == ops::RoutingMode::kSoft) {
    return visit.rho * visit.slope * (visit.right_value - visit.left_value);
  }
  const double tau = static_cast<double>(problem_.straight_through().temperature);
  const double c = 1 / (1 + std::exp(-visit.logit / tau));
  // One child was visited.
  std::int64_t sibling = 0;
  bool went_right = false;
  for (const Visit& child : pass.visits) {
    if (child.level != visit.level + 1) continue;
    went_right = child.right;
    sibling = 4 * visit.node + 3 - child.node;
  }
  const double other = sibling_value(pass, sibling, visit.level + 1);
  const double taken = went_right ? visit.right_value : visit.left_value;
  return c * (1 - c) / tau * (went_right ? taken - other : other - taken);
}

// <dy, contribution of the hard path from `node` down>, by its own decisions.
double PlainTree::sibling_value(Pass& pass, std::int64_t node, int level) const {
  double value = 0;
  for (;; ++level) {
    const bool decides = level < size_.depth;
    if (has_units(level)) {
      const std::int64_t first = first_unit(pass.tree, node);
      for (std::int64_t row = first; row < first + units_of_node(); ++row) {
        const Unit own = unit(row, pre_activation(row, pass.x), pass.dy);
        value += own.activation * own.projection;
      }
      pass.out.sibling_units += units_of_node();
    }
    if (!decides) return value + leaf_value(pass, node, level);
    if (size_.has_leaves()) ++pass.out.sibling_gates;
    node = 2 * node + (goes_right(logit(pass.x, pass.tree, node)) ? 2 : 1);
  }
}

}  // namespace espalier::bench
