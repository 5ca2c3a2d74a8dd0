// The survivors' form of leaf_tree_soft.h.
#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/leaf_tree_soft.h"
#include "kernels/soft_forms.h"

namespace espalier::kernels {
namespace {

// Where a token's entries go among all uses; moves on as they are filled.
struct Cursor {
  std::int64_t gate = 0;
  std::int64_t leaf = 0;
};

// First uses of each block, and the totals at the end.
std::vector<Cursor> block_starts(const LeafTree& tree, const std::vector<LeafSurvivors>& tape) {
  std::vector<Cursor> starts(1);
  for (const LeafSurvivors& block : tape) {
    const auto leaves = static_cast<std::int64_t>(block.pre.size()) / tree.leaf_width;
    const auto entries = static_cast<std::int64_t>(block.nodes.entries.size());
    starts.push_back({starts.back().gate + entries - leaves, starts.back().leaf + leaves});
  }
  return starts;
}

// One token in one tree: its leaves' outputs onto y.
void add_outputs(const LeafTree& tree, LeafMlp& mlp, int k, std::span<const Survivor> list, const float* x,
                 std::vector<float>& pre, float* y) {
  for (const Survivor& entry : list) {
    if (entry.node < tree.gates.inner()) continue;
    pre.resize(pre.size() + static_cast<std::size_t>(tree.leaf_width));
    float* own = pre.data() + pre.size() - tree.leaf_width;
    const std::int32_t leaf = tree.leaf_row(k, entry.node - tree.gates.inner());
    mlp.hidden(leaf, x, own);
    mlp.add_output(leaf, entry.rho, own, true, y);
  }
}

// The gradients of one token in one tree, from the uses at `at` on.
class TreeBackward {
 public:
  TreeBackward(const LeafTree& tree, const SoftRouting& routing, LeafUses& leaves, GateUses& gates)
      : tree_(tree), routing_(routing), leaves_(leaves), gates_(gates), mlp_(tree) {}

  // dx may be null. pre: of the block's leaf number first_leaf on.
  void run(std::int64_t token, int k, std::span<const Survivor> list, const float* dy, const float* block_pre,
           std::int64_t first_leaf, float entropy_gradient, Cursor& at, float* dx) {
    const std::size_t count = list.size();
    scratch_.assign(count * 4, 0.0F);
    float* value = scratch_.data();
    float* dlogit = value + count;
    for (std::size_t i = 0; i < count; ++i) {
      if (list[i].node < tree_.gates.inner()) continue;
      value[i] =
          leaf(token, k, list[i], dy, block_pre + (at.leaf - first_leaf) * tree_.leaf_width, at.leaf, dx);
      ++at.leaf;
    }
    survivors_backward(tree_.gates, routing_, token, k, list, entropy_gradient, value, dlogit + count,
                       dlogit);
    const std::int64_t first = at.gate;
    for (std::size_t i = 0; i < count && list[i].node < tree_.gates.inner(); ++i) {
      gates_.row[at.gate] = tree_.gates.row(k, list[i].node);
      gates_.token[at.gate] = static_cast<std::int32_t>(token);
      gates_.dlogit[at.gate++] = dlogit[i];
    }
    if (dx == nullptr) return;
    weighted_row_sum(at.gate - first, gates_.row.data() + first, {gates_.dlogit.data() + first},
                     tree_.gates.source(), tree_.gates.width, true, dx);
  }

 private:
  float leaf(std::int64_t token, int k, const Survivor& entry, const float* dy, const float* pre,
             std::int64_t use, float* dx) {
    const std::int32_t row = tree_.leaf_row(k, entry.node - tree_.gates.inner());
    leaves_.leaf[use] = row;
    leaves_.token[use] = static_cast<std::int32_t>(token);
    leaves_.weight[use] = entry.rho;
    float* dpre = leaves_.dpre.data() + use * tree_.leaf_width;
    const float value =
        mlp_.backward(row, entry.rho, pre, dy, dpre, leaves_.activation.data() + use * tree_.leaf_width);
    if (dx != nullptr) mlp_.add_input_gradient(row, dpre, true, dx);
    return value;
  }

  const LeafTree& tree_;
  const SoftRouting& routing_;
  LeafUses& leaves_;
  GateUses& gates_;
  LeafMlp mlp_;
  std::vector<float> scratch_;
};

}  // namespace

SoftSums leaf_tree_sparse_forward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                  const float* x, float* y, std::vector<LeafSurvivors>& tape) {
  const TreeGates& gates = tree.gates;
  tape.assign(static_cast<std::size_t>((tokens + kSurvivorTokens - 1) / kSurvivorTokens), LeafSurvivors());
  return sum_over_tokens(tokens, kSurvivorTokens, [&](std::int64_t begin, std::int64_t end, SoftSums& part) {
    LeafSurvivors& block = tape[static_cast<std::size_t>(begin / kSurvivorTokens)];
    LeafMlp mlp(tree);
    SurvivorFinder finder(gates, routing);
    for (std::int64_t token = begin; token < end; ++token) {
      float* own = y + token * tree.output_width;
      std::fill_n(own, tree.output_width, 0.0F);
      for (int k = 0; k < gates.trees; ++k) {
        finder.append(token, k, x + token * gates.width, block.nodes, part);
        add_outputs(tree, mlp, k, block.nodes.list((token - begin) * gates.trees + k),
                    x + token * gates.width, block.pre, own);
      }
    }
  });
}

void leaf_tree_sparse_backward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                               const float* x, const float* dy, float entropy_gradient,
                               const std::vector<LeafSurvivors>& tape, const LeafTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const std::vector<Cursor> starts = block_starts(tree, tape);
  LeafUses leaves(starts.back().leaf, tree.leaf_width);
  GateUses uses(starts.back().gate);
  parallel_for(tokens, kSurvivorTokens, [&](std::int64_t begin, std::int64_t end) {
    const auto b = static_cast<std::size_t>(begin / kSurvivorTokens);
    TreeBackward backward(tree, routing, leaves, uses);
    Cursor at = starts[b];
    for (std::int64_t token = begin; token < end; ++token) {
      float* dx = gradients.x.data == nullptr ? nullptr : gradients.x.data + token * gates.width;
      if (dx != nullptr && !gradients.x.accumulate) std::fill_n(dx, gates.width, 0.0F);
      for (int k = 0; k < gates.trees; ++k) {
        backward.run(token, k, tape[b].nodes.list((token - begin) * gates.trees + k),
                     dy + token * tree.output_width, tape[b].pre.data(), starts[b].leaf, entropy_gradient, at,
                     dx);
      }
    }
  });
  leaf_weight_gradients(tree, leaves, x, dy, gradients);
  gate_weight_gradients(tree, uses, x, gradients);
}

}  // namespace espalier::kernels
