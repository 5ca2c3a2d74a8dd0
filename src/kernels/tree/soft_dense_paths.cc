#include "kernels/tree/soft_dense_paths.h"

#include "kernels/tree/gate.h"

namespace espalier::kernels {
namespace {

// Turns c into 1 - c, and its slope's sign, at leaked nodes. slope may be null.
void leak(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree, float* c,
          float* slope) {
  if (routing.region_leak <= 0) return;
  for (std::int32_t node = 0; node < gates.inner(); ++node) {
    if (!is_leaked(gates, routing, token, tree, node)) continue;
    c[node] = 1.0F - c[node];
    if (slope != nullptr) slope[node] = -slope[node];
  }
}

void divide_unpruned(std::int32_t inner, const float* c, float* rho) {
  for (std::int32_t node = 0; node < inner; ++node) {
    rho[2 * node + 1] = rho[node] * (1.0F - c[node]);
    rho[2 * node + 2] = rho[node] * c[node];
  }
}

// Zeroes a dropped child and counts what went with it.
float drop(float rho, std::int32_t subtree, SoftSums& sums) {
  sums.dropped_mass += static_cast<double>(rho);
  sums.surviving_nodes -= subtree;
  return 0.0F;
}

void divide_pruned(const TreeGates& gates, float epsilon, const float* logits, const float* c, float* rho,
                   SoftSums& sums) {
  for (int level = 0; level < gates.depth; ++level) {
    const std::int32_t first = path_node(level, 0, gates.depth);
    const std::int32_t subtree = (std::int32_t{1} << (gates.depth - level)) - 1;
    for (std::int32_t node = first; node <= 2 * first; ++node) {
      Children children{0, 0, true, true};
      if (rho[node] > 0) children = divide(rho[node], c[node], gates.goes_right(logits[node]), epsilon);
      rho[2 * node + 1] = children.keep_left ? children.left : drop(children.left, subtree, sums);
      rho[2 * node + 2] = children.keep_right ? children.right : drop(children.right, subtree, sums);
    }
  }
}

void add_entropy(const TreeGates& gates, const SoftRouting& routing, const float* logits, const float* rho,
                 float* scratch, SoftSums& sums) {
  gate_entropy(gates.inner(), routing.temperature, logits, scratch);
  for (std::int32_t node = 0; node < gates.inner(); ++node) {
    sums.entropy += static_cast<double>(routing.entropy_weight(gates, rho[node]) * scratch[node]);
  }
}

}  // namespace

void soft_paths(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
                const float* logits, float* c, float* rho, SoftSums& sums) {
  gate_sigmoid(gates.inner(), routing.temperature, logits, c);
  leak(gates, routing, token, tree, c, nullptr);
  rho[0] = 1.0F;
  sums.surviving_nodes += gates.nodes();
  if (routing.epsilon > 0) {
    divide_pruned(gates, routing.epsilon, logits, c, rho, sums);
  } else {
    divide_unpruned(gates.inner(), c, rho);
  }
  if (routing.entropy) add_entropy(gates, routing, logits, rho, c, sums);
}

void soft_paths_backward(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
                         const float* logits, const float* rho, float entropy_gradient, float* value,
                         float* c, float* slope, float* dlogit) {
  gate_sigmoid_and_slope(gates.inner(), routing.temperature, logits, c, slope);
  if (entropy_gradient != 0.0F) {
    for (std::int32_t node = 0; node < gates.inner(); ++node) {
      dlogit[node] += entropy_gradient * routing.entropy_weight(gates, rho[node]) *
                      gate_entropy_gradient(logits[node], routing.temperature, slope[node]);
    }
  }
  leak(gates, routing, token, tree, c, slope);
  for (std::int32_t node = gates.inner() - 1; node >= 0; --node) {
    const float left = rho[2 * node + 1] > 0 ? value[2 * node + 1] : 0.0F;
    const float right = rho[2 * node + 2] > 0 ? value[2 * node + 2] : 0.0F;
    value[node] += c[node] * right + (1.0F - c[node]) * left;
    dlogit[node] += rho[node] * slope[node] * (right - left);
  }
}

std::int32_t hard_path_of(const TreeGates& gates, const float* node_logits, float* logits) {
  std::int32_t node = 0;
  for (int level = 0; level < gates.depth; ++level) {
    logits[level] = node_logits[node];
    node = 2 * node + 1 + static_cast<std::int32_t>(gates.goes_right(node_logits[node]));
  }
  return node - gates.inner();
}

}  // namespace espalier::kernels
