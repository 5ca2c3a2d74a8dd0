#include "kernels/tree/leaf_hard.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "espalier/base/parallel.h"
#include "kernels/tree/gate.h"
#include "kernels/tree/leaf_mlp.h"

namespace espalier::kernels {
namespace {

constexpr std::int64_t kTokenGrain = 32;
// Tokens whose siblings' leaves are worked on together: enough that a leaf's weights serve many. No influence
// on bits.
constexpr std::int64_t kSiblingTokens = 2048;

// One tree of several, as a tree of its own.
LeafTree tree_alone(const LeafTree& tree, int k) {
  const std::int64_t leaf = std::int64_t{k} * tree.gates.leaves();
  const std::int64_t gate = std::int64_t{k} * tree.gates.inner();
  const std::int64_t unit = leaf * tree.leaf_width;
  LeafTree one = tree;
  one.gates.trees = 1;
  one.gates.weight += gate * tree.gates.width;
  one.gates.bias += gate;
  one.w1 += unit * tree.gates.width;
  one.b1 += unit;
  one.w2 += unit * tree.output_width;
  one.b2 += leaf * tree.output_width;
  return one;
}

// The same for the gradients of leaves' weights.
LeafTreeGradients gradients_alone(const LeafTree& tree, int k, LeafTreeGradients gradients) {
  const std::int64_t leaf = std::int64_t{k} * tree.gates.leaves();
  const std::int64_t unit = leaf * tree.leaf_width;
  gradients.w1 = gradients.w1 + unit * tree.gates.width;
  gradients.b1 = gradients.b1 + unit;
  gradients.w2 = gradients.w2 + unit * tree.output_width;
  gradients.b2 = gradients.b2 + leaf * tree.output_width;
  gradients.x = gradients.x.after(k > 0);
  return gradients;
}

// The tokens of tree k by leaf.
RowUses tokens_by_leaf(const LeafTree& tree, std::int64_t tokens, int k, const std::int32_t* leaf) {
  Scratch<std::int32_t> own(tokens), all(tokens);
  for (std::int64_t token = 0; token < tokens; ++token) own[token] = leaf[token * tree.gates.trees + k];
  std::iota(all.data(), all.data() + tokens, 0);
  return {tree.gates.leaves(), tokens, own.data(), all.data()};
}

Scratch<float> ones(std::int64_t count) {
  Scratch<float> values(count);
  std::fill_n(values.data(), count, 1.0F);
  return values;
}

// The siblings that some tokens might have gone to instead, one for each decision: their leaves, by hard
// decisions from there, and what those would have given.
class Siblings {
 public:
  // One tree alone; tokens [first, first + tokens). logits, leaf: of their paths, `stride` paths apart.
  Siblings(const LeafTree& tree, const StraightThrough& options, std::int64_t first, std::int64_t tokens,
           const float* x, const float* logits, const std::int32_t* leaf, std::int64_t stride)
      : tree_(tree),
        options_(options),
        depth_(tree.gates.depth),
        other_(tokens * depth_),
        value_(tokens * depth_) {
    parallel_for(tokens, kTokenGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        find(x + (first + i) * tree.gates.width, logits + i * stride * depth_, leaf[i * stride],
             other_.data() + i * depth_);
      }
    });
  }

  // Fills values(); dy [all tokens, output_width]. Returns how many leaves and gates were evaluated.
  SiblingCounts evaluate(std::int64_t first, const float* x, const float* dy) {
    const std::int64_t slots = other_.size();
    Scratch<std::int32_t> leaf(slots), token(slots), slot(slots);
    SiblingCounts counts;
    for (std::int64_t i = 0; i < slots; ++i) {
      if (other_[i] < 0) continue;
      leaf[counts.leaves] = other_[i];
      token[counts.leaves] = static_cast<std::int32_t>(first + i / depth_);
      slot[counts.leaves++] = static_cast<std::int32_t>(i);
      counts.gates += depth_ - i % depth_ - 1;
    }
    const RowUses uses(tree_.gates.leaves(), counts.leaves, leaf.data(), token.data());
    const Scratch<float> weight = ones(counts.leaves);
    Scratch<float> pre(counts.leaves * tree_.leaf_width), activation(counts.leaves * tree_.leaf_width);
    Scratch<float> value(counts.leaves);
    for_each_piece(uses, [&](const LeafPiece& piece) {
      leaf_hidden(tree_, piece, uses.tokens(), x, pre.data());
      leaf_backward(tree_, piece, uses.tokens(), weight.data(), pre.data(), dy, value.data(), pre.data(),
                    activation.data());
    });
    for (std::int64_t i = 0; i < counts.leaves; ++i) value_[slot[i]] = value[uses.places()[i]];
    return counts;
  }

  // The decisions' gradients [depth] of token number i of these, on a path of logits to `leaf`, whose value
  // is `own`.
  void gradients(std::int64_t i, const float* logits, std::int32_t leaf, float own, float* dlogit) const {
    for (int level = 0; level < depth_; ++level) {
      dlogit[level] = 0;
      if (other_[i * depth_ + level] < 0) continue;
      const float other = value_[i * depth_ + level];
      const float slope = gate_slope(logits[level], options_.temperature);
      dlogit[level] = slope * (path_turns_right(level, leaf, depth_) ? own - other : other - own);
    }
  }

 private:
  // other [depth]: leaves, -1 where the decision is too sure to matter.
  void find(const float* x, const float* logits, std::int32_t leaf, std::int32_t* other) const {
    for (int level = 0; level < depth_; ++level) {
      other[level] = -1;
      if (gate_slope(logits[level], options_.temperature) < options_.epsilon) continue;
      const std::int32_t sibling =
          2 * path_node(level, leaf, depth_) + (path_turns_right(level, leaf, depth_) ? 1 : 2);
      other[level] = walk_down(tree_.gates, 0, sibling, level + 1, x, [](int, std::int32_t, float) {});
    }
  }

  const LeafTree& tree_;
  const StraightThrough& options_;
  int depth_;
  Scratch<std::int32_t> other_;  // [tokens, depth]
  Scratch<float> value_;         // [tokens, depth]
};

// The gradients of tree k's decisions: fills its part of `uses` [tokens, trees, depth] and adds to dx. value
// [tokens]: of the tokens' own leaves.
SiblingCounts decision_gradients(const LeafTree& all, int k, std::int64_t tokens, const float* x,
                                 const float* dy, const float* logits, const std::int32_t* leaf,
                                 const float* value, const StraightThrough& options, Destination dx,
                                 GateUses& uses) {
  const LeafTree tree = tree_alone(all, k);
  const int depth = tree.gates.depth;
  const std::int64_t trees = all.gates.trees;
  SiblingCounts counts;
  for (std::int64_t first = 0; first < tokens; first += kSiblingTokens) {
    const std::int64_t here = std::min(kSiblingTokens, tokens - first);
    const std::int64_t path = first * trees + k;
    Siblings siblings(tree, options, first, here, x, logits + path * depth, leaf + path, trees);
    const SiblingCounts evaluated = siblings.evaluate(first, x, dy);
    counts.gates += evaluated.gates;
    counts.leaves += evaluated.leaves;
    parallel_for(here, kTokenGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t token = first + i;
        const std::int64_t own = token * trees + k;
        const std::int64_t at = own * depth;
        path_rows(all.gates, k, leaf[own], uses.row.data() + at);
        std::fill_n(uses.token.data() + at, depth, static_cast<std::int32_t>(token));
        siblings.gradients(i, logits + at, leaf[own], value[token], uses.dlogit.data() + at);
        if (!dx.wanted()) continue;
        weighted_row_sum(depth, uses.row.data() + at, {uses.dlogit.data() + at}, all.gates.source(),
                         all.gates.width, {dx.data + token * all.gates.width, true});
      }
    });
  }
  return counts;
}

}  // namespace

void leaf_tree_hard_forward(const LeafTree& tree, std::int64_t tokens, const float* x, float* logits,
                            std::int32_t* leaf, float* pre, float* y) {
  const TreeGates& gates = tree.gates;
  parallel_for(tokens, kTokenGrain, [&](std::int64_t begin, std::int64_t end) {
    for (int k = 0; k < gates.trees; ++k) {
      for (std::int64_t token = begin; token < end; ++token) {
        const std::int64_t path = token * gates.trees + k;
        leaf[path] = hard_path(gates, k, x + token * gates.width, logits + path * gates.depth);
      }
    }
  });
  const Scratch<float> weight = ones(tokens);
  for (int k = 0; k < gates.trees; ++k) {
    const LeafTree one = tree_alone(tree, k);
    const RowUses uses = tokens_by_leaf(tree, tokens, k, leaf);
    float* own = pre + k * tokens * tree.leaf_width;
    for_each_piece(uses, [&](const LeafPiece& piece) {
      leaf_hidden(one, piece, uses.tokens(), x, own);
      leaf_output(one, piece, weight.data(), own, {{y, k > 0}, tree.output_width, uses.tokens()});
    });
  }
}

SiblingCounts leaf_tree_hard_backward(const LeafTree& tree, std::int64_t tokens, const float* x,
                                      const float* dy, const float* logits, const std::int32_t* leaf,
                                      const float* pre, const StraightThrough* straight_through,
                                      const LeafTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const std::int64_t units = tokens * tree.leaf_width;
  const Scratch<float> weight = ones(tokens);
  Scratch<float> value(tokens), token_value(tokens), dpre(units), activation(units);
  GateUses decisions(straight_through == nullptr ? 0 : tokens * gates.trees * gates.depth);
  SiblingCounts counts;
  for (int k = 0; k < gates.trees; ++k) {
    const LeafTree one = tree_alone(tree, k);
    const LeafTreeGradients own = gradients_alone(tree, k, gradients);
    const RowUses uses = tokens_by_leaf(tree, tokens, k, leaf);
    for_each_piece(uses, [&](const LeafPiece& piece) {
      leaf_backward(one, piece, uses.tokens(), weight.data(), pre + k * units, dy, value.data(), dpre.data(),
                    activation.data());
      if (!own.x.wanted()) return;
      leaf_input_gradient(one, piece, dpre.data(), {own.x, gates.width, uses.tokens()});
    });
    leaf_weight_gradients(one, uses, weight.data(), dpre.data(), activation.data(), x, dy, own);
    if (straight_through == nullptr) continue;
    for (std::int64_t i = 0; i < tokens; ++i) token_value[uses.tokens()[i]] = value[i];
    const SiblingCounts evaluated = decision_gradients(
        tree, k, tokens, x, dy, logits, leaf, token_value.data(), *straight_through, gradients.x, decisions);
    counts.gates += evaluated.gates;
    counts.leaves += evaluated.leaves;
  }
  gate_weight_gradients(tree, decisions, x, gradients);
  return counts;
}

}  // namespace espalier::kernels
