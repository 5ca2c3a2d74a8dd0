#include "kernels/tree/leaf_soft_sparse.h"

#include <algorithm>

#include "espalier/base/parallel.h"
#include "kernels/tree/leaf_mlp.h"

namespace espalier::kernels {
namespace {

using Group = LeafSoftSparseTape::Group;

// Uses of leaves in a group, at least one block's: enough that the tokens of a leaf are many, few enough that
// their outputs (50 MB at a width of 768) stay a small part of what training takes. Has no influence on any
// bit.
constexpr std::int64_t kGroupUses = 1 << 14;
constexpr float kOne = 1.0F;

std::int64_t leaves_in(const TreeGates& gates, std::span<const Survivor> list) {
  return std::count_if(list.begin(), list.end(),
                       [&](const Survivor& entry) { return entry.node >= gates.inner(); });
}

// Tokens [first, end) of a block.
struct TokenRange {
  std::int64_t first, end;
};
TokenRange tokens_of(std::int64_t block, std::int64_t tokens) {
  return {block * kSurvivorTokens, std::min((block + 1) * kSurvivorTokens, tokens)};
}

// Calls body(token, tree, list) for the survivors of a block, in their order.
template <class Body>
void for_each_list(const LeafTree& tree, const SurvivorBlock& block, TokenRange range, const Body& body) {
  const std::int64_t trees = tree.gates.trees;
  for (std::int64_t token = range.first; token < range.end; ++token) {
    for (std::int64_t k = 0; k < trees; ++k) {
      body(token, static_cast<int>(k), block.list((token - range.first) * trees + k));
    }
  }
}

// The uses of leaves in blocks [first_block, end_block), `count` of them.
Group make_group(const LeafTree& tree, const LeafSoftSparseTape& tape, std::int64_t first_block,
                 std::int64_t end_block, std::int64_t tokens, std::int64_t count) {
  Scratch<std::int32_t> leaf(count), token(count);
  Scratch<float> rho(count), weight(count);
  std::int64_t use = 0;
  for (std::int64_t b = first_block; b < end_block; ++b) {
    for_each_list(tree, tape.blocks[static_cast<std::size_t>(b)], tokens_of(b, tokens),
                  [&](std::int64_t t, int k, std::span<const Survivor> list) {
                    for (const Survivor& entry : list) {
                      if (entry.node < tree.gates.inner()) continue;
                      leaf[use] = tree.leaf_row(k, entry.node - tree.gates.inner());
                      token[use] = static_cast<std::int32_t>(t);
                      rho[use++] = entry.rho;
                    }
                  });
  }
  RowUses uses(tree.all_leaves(), count, leaf.data(), token.data());
  for (std::int64_t i = 0; i < count; ++i) weight[uses.places()[i]] = rho[i];
  return {first_block, end_block, std::move(uses), std::move(weight),
          Scratch<float>(count * tree.leaf_width)};
}

void make_groups(const LeafTree& tree, std::int64_t tokens, LeafSoftSparseTape& tape) {
  const auto blocks = static_cast<std::int64_t>(tape.blocks.size());
  std::int64_t first = 0;
  std::int64_t count = 0;
  for (std::int64_t b = 0; b < blocks; ++b) {
    count += leaves_in(tree.gates, tape.blocks[static_cast<std::size_t>(b)].entries);
    if (count < kGroupUses && b + 1 < blocks) continue;
    tape.groups.push_back(make_group(tree, tape, first, b + 1, tokens, count));
    first = b + 1;
    count = 0;
  }
  if (blocks == 0) tape.groups.push_back(make_group(tree, tape, 0, 0, tokens, 0));
}

// Calls body(block, number of its first use among the group's) for the blocks of a group, in parallel.
template <class Body>
void for_each_block(const LeafTree& tree, const LeafSoftSparseTape& tape, const Group& group,
                    const Body& body) {
  const std::int64_t blocks = group.end_block - group.first_block;
  Scratch<std::int64_t> first_use(blocks + 1);
  first_use[0] = 0;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const SurvivorBlock& block = tape.blocks[static_cast<std::size_t>(group.first_block + i)];
    first_use[i + 1] = first_use[i] + leaves_in(tree.gates, block.entries);
  }
  parallel_for(blocks, 1, [&](std::int64_t i, std::int64_t) { body(group.first_block + i, first_use[i]); });
}

// The outputs of a group's leaves, added up for each token.
void add_outputs(const LeafTree& tree, const LeafSoftSparseTape& tape, const Group& group,
                 std::int64_t tokens, const float* outputs, float* y) {
  const std::int64_t width = tree.output_width;
  for_each_block(tree, tape, group, [&](std::int64_t b, std::int64_t use) {
    for_each_list(tree, tape.blocks[static_cast<std::size_t>(b)], tokens_of(b, tokens),
                  [&](std::int64_t token, int k, std::span<const Survivor> list) {
                    const std::int64_t leaves = leaves_in(tree.gates, list);
                    weighted_row_sum(leaves, group.uses.places() + use, {&kOne, 0}, {outputs, width}, width,
                                     {y + token * width, k > 0});
                    use += leaves;
                  });
  });
}

// The gradients of a group's survivors, token by token, from those of its leaves.
class GateBackward {
 public:
  GateBackward(const LeafTree& tree, const SoftRouting& routing, float entropy_gradient, const Group& group,
               const float* leaf_value, const float* leaf_dx, Destination dx, GateUses& uses)
      : tree_(tree),
        routing_(routing),
        entropy_gradient_(entropy_gradient),
        group_(group),
        leaf_value_(leaf_value),
        leaf_dx_(leaf_dx),
        dx_(dx),
        uses_(uses) {}

  // One token in one tree, whose leaves are the group's uses from `leaf_use` on and whose gates go to the
  // uses from `gate_use` on. Moves both on.
  void run(std::int64_t token, int k, std::span<const Survivor> list, std::int64_t& leaf_use,
           std::int64_t& gate_use, PoolVector<float>& scratch) const {
    const TreeGates& gates = tree_.gates;
    const std::size_t count = list.size();
    const std::int64_t leaves = leaves_in(gates, list);
    const std::int64_t inner = static_cast<std::int64_t>(count) - leaves;
    const std::int32_t* places = group_.uses.places() + leaf_use;
    scratch.assign(count * 4, 0.0F);
    float* value = scratch.data();
    float* dlogit = value + count;
    // Leaves are on the last level, and so at the end of the list.
    for (std::int64_t i = 0; i < leaves; ++i) value[inner + i] = leaf_value_[places[i]];
    survivors_backward(gates, routing_, token, k, list, entropy_gradient_, value, dlogit + count, dlogit);
    for (std::int64_t i = 0; i < inner; ++i) {
      uses_.row[gate_use + i] = gates.row(k, list[static_cast<std::size_t>(i)].node);
      uses_.token[gate_use + i] = static_cast<std::int32_t>(token);
      uses_.dlogit[gate_use + i] = dlogit[i];
    }
    if (dx_.wanted()) {
      const Destination dx = dx_ + token * gates.width;
      weighted_row_sum(leaves, places, {&kOne, 0}, {leaf_dx_, gates.width}, gates.width, dx.after(k > 0));
      weighted_row_sum(inner, uses_.row.data() + gate_use, {uses_.dlogit.data() + gate_use}, gates.source(),
                       gates.width, dx.after(true));
    }
    leaf_use += leaves;
    gate_use += inner;
  }

 private:
  const LeafTree& tree_;
  const SoftRouting& routing_;
  float entropy_gradient_;
  const Group& group_;
  const float* leaf_value_;
  const float* leaf_dx_;
  Destination dx_;
  GateUses& uses_;
};

// First uses of gates of each block, and one more: all of a block's survivors that are not leaves.
Scratch<std::int64_t> gate_starts(const LeafTree& tree, const LeafSoftSparseTape& tape) {
  Scratch<std::int64_t> starts(static_cast<std::int64_t>(tape.blocks.size()) + 1);
  starts[0] = 0;
  for (std::size_t b = 0; b < tape.blocks.size(); ++b) {
    const auto entries = static_cast<std::int64_t>(tape.blocks[b].entries.size());
    const auto at = static_cast<std::int64_t>(b);
    starts[at + 1] = starts[at] + entries - leaves_in(tree.gates, tape.blocks[b].entries);
  }
  return starts;
}

}  // namespace

SoftSums leaf_tree_soft_sparse_forward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                       const float* x, float* y, LeafSoftSparseTape& tape) {
  const TreeGates& gates = tree.gates;
  tape.blocks.assign(static_cast<std::size_t>((tokens + kSurvivorTokens - 1) / kSurvivorTokens),
                     SurvivorBlock());
  const auto find = [&](std::int64_t begin, std::int64_t end, SoftSums& part) {
    SurvivorFinder finder(gates, routing);
    SurvivorBlock& block = tape.blocks[static_cast<std::size_t>(begin / kSurvivorTokens)];
    for (std::int64_t token = begin; token < end; ++token) {
      for (int k = 0; k < gates.trees; ++k) finder.append(token, k, x + token * gates.width, block, part);
    }
  };
  const SoftSums sums = sum_over_tokens(tokens, kSurvivorTokens, find);
  make_groups(tree, tokens, tape);
  for (Group& group : tape.groups) {
    Scratch<float> outputs(group.uses.count() * tree.output_width);
    for_each_piece(group.uses, [&](const LeafPiece& piece) {
      leaf_hidden(tree, piece, group.uses.tokens(), x, group.pre.data());
      leaf_output(tree, piece, group.weight.data(), group.pre.data(),
                  {outputs.data(), tree.output_width, nullptr});
    });
    add_outputs(tree, tape, group, tokens, outputs.data(), y);
  }
  return sums;
}

void leaf_tree_soft_sparse_backward(const LeafTree& tree, const SoftRouting& routing, std::int64_t tokens,
                                    const float* x, const float* dy, float entropy_gradient,
                                    const LeafSoftSparseTape& tape, const LeafTreeGradients& gradients) {
  const TreeGates& gates = tree.gates;
  const Scratch<std::int64_t> starts = gate_starts(tree, tape);
  GateUses uses(starts[starts.size() - 1]);
  LeafTreeGradients leaf_gradients = gradients;
  for (const Group& group : tape.groups) {
    const std::int64_t count = group.uses.count();
    Scratch<float> value(count), dpre(count * tree.leaf_width), activation(count * tree.leaf_width);
    Scratch<float> leaf_dx(gradients.x.wanted() ? count * gates.width : 0);
    for_each_piece(group.uses, [&](const LeafPiece& piece) {
      leaf_backward(tree, piece, group.uses.tokens(), group.weight.data(), group.pre.data(), dy, value.data(),
                    dpre.data(), activation.data());
      if (!gradients.x.wanted()) return;
      leaf_input_gradient(tree, piece, dpre.data(), {leaf_dx.data(), gates.width, nullptr});
    });
    const GateBackward backward(tree, routing, entropy_gradient, group, value.data(), leaf_dx.data(),
                                gradients.x, uses);
    for_each_block(tree, tape, group, [&](std::int64_t b, std::int64_t leaf_use) {
      PoolVector<float> scratch;
      std::int64_t gate_use = starts[b];
      for_each_list(tree, tape.blocks[static_cast<std::size_t>(b)], tokens_of(b, tokens),
                    [&](std::int64_t token, int k, std::span<const Survivor> list) {
                      backward.run(token, k, list, leaf_use, gate_use, scratch);
                    });
    });
    leaf_weight_gradients(tree, group.uses, group.weight.data(), dpre.data(), activation.data(), x, dy,
                          leaf_gradients);
    for (Destination* out :
         {&leaf_gradients.w1, &leaf_gradients.b1, &leaf_gradients.w2, &leaf_gradients.b2}) {
      *out = out->after(true);
    }
  }
  gate_weight_gradients(tree, uses, x, gradients);
}

}  // namespace espalier::kernels
