// Trees of neurons (UltraFastBERT, arXiv 2311.10770; soft decisions as in arXiv 2308.14711):
//
//   y = sum over trees and nodes of  rho * gelu(<x, w_in> + bias) * w_out
//
// A tree of depth D has n = 2^(D+1) - 1 nodes in heap order, rows of weights are tree-major (tree * n +
// node), and the D levels above the last decide: right iff logit > 0. rho is 1 on the path of those decisions
// and 0 elsewhere (hard, straight-through), or the product of sigmoid(+-logit / temperature) along the way to
// the node (soft).
//
//   x      [..., d]
//   w_in   [trees * n, d]
//   bias   [trees * n]
//   w_out  [trees * n, d_out]     one row a node: the transpose of the original's linear_out.weight
//   output [..., d_out]
//
// Hard: cost grows with D, not 2^D, forward and backward; decisions get no gradient. Bits depend neither on
// the thread count nor on how a batch is cut into micro-batches, if these are multiples of a group of tokens
// over which weight gradients are summed: 8 * 2^D tokens for one tree and 32 * 2^D for several, but at least
// 512 and at most 16384.
//
// Straight-through: hard, and for each level l < D of a path
//   dlogit(n_l) += sigmoid'(logit / tau) / tau * (v(right child) - v(left child)),
// v(m) = sum of gelu(logit) <dy, w_out> along the hard path from m down to a leaf. D(D+1)/2 sibling nodes a
// token are read for it; their weights get exactly no gradient. Siblings with sigmoid'/tau < ste_epsilon are
// skipped.
//
// Soft: a child with rho <= epsilon is dropped with all below it, except the one that its parent's own
// decision takes, so the hard path always survives; no renormalisation; the gradient is that of the pruned
// function. Dense products where nothing is pruned or more than 18 % of the nodes survive, by exact count of
// 64 evenly spaced tokens; else the cost is that of the survivors.
//
// Entropy (soft, D > 0), of rank 0: mean over tokens and trees, in nats, in the form of
// TreeRouting::entropy_form; c clamped to [1e-6, 1 - 1e-6]. Other modes leave it undefined.
#pragma once

#include "espalier/ops/tree_routing.h"
#include "espalier/ops/tree_statistics.h"

namespace espalier::ops {

// `training` lets region leak act. `statistics`, where not null, gets this pass added (in every mode
// surviving_nodes counts the nodes evaluated in the forward pass).
//
// Throws InputError for shapes, trees < 1, depth outside [0, 24], and routing values out of range.
TreeResult neuron_tree(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                       int trees, int depth, const TreeRouting& routing, bool training,
                       TreeStatistics* statistics = nullptr);

}  // namespace espalier::ops
