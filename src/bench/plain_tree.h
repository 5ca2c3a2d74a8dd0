// The plain twin: a layer of trees for one token at a time, in double, from the formulas; nothing is shared
// with the kernels. Hard paths are those that the kernels stored; whether they are right is noted beside.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/tree_layer.h"
#include "bench/tree_problem.h"

namespace espalier::bench {

// What a token does to one row of the weights: d loss / d (value before the activation, or logit), and the
// factor of the output row.
struct RowUse {
  std::int64_t row;
  double in;
  double out;
};

// Everything that one token's pass gives.
struct PlainToken {
  std::vector<double> y, dx;   // [width]
  std::vector<RowUse> units;   // neurons, or hidden units of leaves
  std::vector<RowUse> gates;   // leaf trees; only `in`
  std::vector<RowUse> leaves;  // of all trees, that the token reaches; `out` is the path probability
  std::int64_t sibling_units = 0, sibling_gates = 0;  // read for straight-through decisions
  std::int64_t near_ties = 0, tie_flips = 0;
  bool path_is_right = true;  // decisions and logits agree up to rounding
};

class PlainTree {
 public:
  PlainTree(const TreeProblem& problem, const TreeResults& results);
  void run(std::int64_t token, PlainToken& out) const;
  // Whether a decision on the token's path or on the paths of its siblings could fall either way by rounding:
  // the decisions of siblings are not stored, so such a token cannot be compared.
  bool has_close_decision(std::int64_t token) const;

 private:
  // A hidden unit that the token uses; projection: <dy, output row>.
  struct Unit {
    std::int64_t row;
    double activation, slope, projection;
  };
  // A node that the token reaches, with its own units.
  struct Visit {
    std::int64_t node = 0;
    int level = 0;
    std::size_t parent = 0;  // index of its visit
    bool right = false;      // child of its parent
    double rho = 1;          // path probability
    double into = 1;         // of coming here from the parent
    double logit = 0;
    double slope = 0;  // soft: d c / d logit
    std::size_t first_unit = 0, last_unit = 0;
    double left_value = 0, right_value = 0;  // d loss / d rho of the children
    double below = 0;                        // these, weighted by `into`
  };
  // One token in one tree. Children come after their parents in `visits`.
  struct Pass {
    std::int64_t token;
    int tree;
    const float* x;
    const float* dy;
    double x_norm;
    std::vector<Visit> visits;
    std::vector<Unit> units;
    PlainToken& out;
  };
  void evaluate(Pass& pass, std::size_t visit) const;
  void add_units(Pass& pass, std::size_t visit) const;
  void decide_hard(Pass& pass, std::size_t visit) const;
  void decide_softly(Pass& pass, std::size_t visit) const;
  void add_output(Pass& pass) const;
  void backward(Pass& pass, std::size_t visit) const;
  double decision_gradient(Pass& pass, const Visit& visit) const;
  double sibling_value(Pass& pass, std::int64_t node, int level) const;
  double leaf_value(Pass& pass, std::int64_t node, int level) const;
  Unit unit(std::int64_t row, double pre, const float* dy) const;
  double pre_activation(std::int64_t row, const float* x) const;
  double logit(const float* x, int tree, std::int64_t node) const;
  // The first unit of a node, and the leaf's number over all trees.
  std::int64_t first_unit(int tree, std::int64_t node) const;
  std::int64_t leaf_row(int tree, std::int64_t node) const {
    const ops::TreeSize size = size_.tree_size();
    return tree * size.leaves_per_tree() + node - size.inner_per_tree();
  }
  std::int64_t units_of_node() const { return size_.has_leaves() ? size_.leaf_width : 1; }
  bool has_units(int level) const { return !size_.has_leaves() || level == size_.depth; }
  bool goes_right(double logit) const { return size_.has_leaves() ? logit >= 0 : logit > 0; }
  std::int64_t gate_row(int tree, std::int64_t node) const { return tree * gate_rows_ + node; }
  double scale(int tree, std::int64_t node, double x_norm) const {
    return norms_[static_cast<std::size_t>(gate_row(tree, node))] * x_norm;
  }

  const TreeProblem& problem_;
  const TreeResults& results_;
  const TreeCase& size_;
  const float* gate_weight_;
  const float* gate_bias_;
  std::int64_t gate_rows_;  // of a tree
  double temperature_, epsilon_;
  std::vector<double> norms_;  // of the gates' weight rows
};

}  // namespace espalier::bench
