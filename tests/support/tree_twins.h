// Plain twins of the tree operations: every node of every tree computed in double, then weighted by its path
// probability. Written from the formulas, with nothing shared with the kernels.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tests/support/support.h"

namespace espalier::testing {

// Sizes of a tree layer, and how it decides. Node numbers are heap order within a tree.
struct TreeTwin {
  int trees = 1;
  int depth = 0;
  std::int64_t width = 1;
  std::int64_t output_width = 1;
  // Leaf trees: hidden units of a leaf (0: a tree of neurons) and their activation.
  std::int64_t leaf_width = 0;
  bool relu = true;

  // The probability c of going right at an inner node, given its logit.
  using Decide = std::function<double(std::int64_t token, int tree, std::int64_t node, double logit)>;
  // Whether a node counts; what lies below one that does not never counts either.
  using Keep = std::function<bool(std::int64_t token, int tree, std::int64_t node)>;

  std::int64_t leaves() const { return std::int64_t{1} << depth; }
  std::int64_t inner() const { return leaves() - 1; }
  std::int64_t nodes() const { return 2 * leaves() - 1; }
  std::int64_t tokens(std::span<const Doubles> inputs) const {
    return static_cast<std::int64_t>(inputs[0].size()) / width;
  }
  // Index of (token, tree, node) in an array over all nodes.
  std::size_t at(std::int64_t token, int tree, std::int64_t node) const {
    return static_cast<std::size_t>((token * trees + tree) * nodes() + node);
  }
};

// inputs: x, w_in, bias, w_out of a neuron tree; x, gate weight, gate bias, leaf_in weight and bias, leaf_out
// weight and bias of a leaf tree; all flattened. Logits of all nodes that have one (0 elsewhere).
Doubles twin_logits(const TreeTwin& twin, std::span<const Doubles> inputs);
// Path probabilities of all nodes, 0 where not kept.
Doubles twin_rho(const TreeTwin& twin, std::span<const Doubles> inputs, const TreeTwin::Decide& decide,
                 const TreeTwin::Keep& keep = nullptr);
// The output y.
Doubles twin_output(const TreeTwin& twin, std::span<const Doubles> inputs, const TreeTwin::Decide& decide,
                    const TreeTwin::Keep& keep = nullptr);
// The entropy, one number. rho: constants (stop_gradient); empty: the mean over all inner nodes.
Doubles twin_entropy(const TreeTwin& twin, std::span<const Doubles> inputs, double temperature,
                     const Doubles& rho);

// Gradients of a hard tree of neurons for given leaves [tokens, trees] and upstream gradient, of all four
// inputs; without difference quotients, for sizes where those take too long.
std::vector<Doubles> twin_hard_gradients(const TreeTwin& twin, std::span<const Doubles> inputs,
                                         std::span<const std::int32_t> leaves, const Doubles& upstream);

double twin_sigmoid(double z);

// Decisions. `leaf` [tokens, trees] fixes the hard path; nodes off it decide by the base logits.
TreeTwin::Decide soft_decisions(double temperature);
TreeTwin::Decide hard_decisions(const TreeTwin& twin, const Doubles& base_logits);
// c = [right] + sigmoid(logit / tau) - sigmoid(base logit / tau): its derivative at the base point is what
// straight-through routing defines. Nodes with sigmoid'(base / tau) / tau < epsilon are constants.
TreeTwin::Decide straight_through_decisions(const TreeTwin& twin, const Doubles& base_logits,
                                            double temperature, double epsilon);

// The leaves that the hard decisions of the base logits lead to, [tokens, trees].
std::vector<std::int32_t> twin_leaves(const TreeTwin& twin, const Doubles& base_logits);
// The nodes that pruning keeps at the base point.
std::vector<bool> twin_survivors(const TreeTwin& twin, const Doubles& base_logits,
                                 const TreeTwin::Decide& decide, double epsilon);

// Compares leaves with the twin's: they must agree unless a decision on the way is a near tie, |logit| <=
// 1e-5 |w| |x|. Returns the number of paths that differ (each through a near tie), or -1 if one differs
// without.
std::int64_t differing_near_ties(const TreeTwin& twin, std::span<const Doubles> inputs,
                                 std::span<const std::int32_t> leaves);

}  // namespace espalier::testing
