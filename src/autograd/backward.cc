#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "autograd/graph.h"
#include "espalier/base/error.h"

namespace espalier {
namespace {

using Nodes = PoolVector<std::shared_ptr<GraphNode>>;

using OnComplete = FunctionRef<void(const Variable& leaf)>;

void count_use(const Variable& leaf, std::uint64_t sweep) {
  auto& state = Graph::state(leaf);
  if (state.sweep != sweep) state.uses_left = 0;
  state.sweep = sweep;
  ++state.uses_left;
}

// Every node the output depends on, newest first. Counts how often they use each leaf.
Nodes reachable_nodes(const std::shared_ptr<GraphNode>& root) {
  static std::atomic<std::uint64_t> sweeps{0};
  const std::uint64_t sweep = ++sweeps;
  root->sweep = sweep;
  Nodes nodes{root};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::shared_ptr<GraphNode> node = nodes[i];
    for (const Variable& input : node->inputs) {
      if (!input.requires_grad()) continue;
      const std::shared_ptr<GraphNode>& producer = Graph::state(input).producer;
      if (!producer) count_use(input, sweep);
      if (!producer || producer->sweep == sweep) continue;
      producer->sweep = sweep;
      nodes.push_back(producer);
    }
  }
  std::sort(nodes.begin(), nodes.end(),
            [](const auto& a, const auto& b) { return a->sequence > b->sequence; });
  return nodes;
}

void tell_of_complete_leaves(const GraphNode& node, OnComplete on_complete) {
  for (const Variable& input : node.inputs) {
    if (!input.requires_grad() || Graph::state(input).producer) continue;
    if (--Graph::state(input).uses_left == 0) on_complete(input);
  }
}

// The gradients of leaves, which are the outputs of no node that would check them.
void check_leaves(const GraphNode& node) {
  for (const Variable& input : node.inputs) {
    if (!input.requires_grad() || Graph::state(input).producer || !input.grad().defined()) continue;
    check_finite(input.grad(), node.name, "gradient of an input");
  }
}

void run_node(GraphNode& node, OnComplete on_complete) {
  if (node.done) {
    throw RunError(fmt::format(
        "backward: the graph through `{}` was already used and freed; run forward again", node.name));
  }
  const bool reached = std::any_of(node.output_grads.begin(), node.output_grads.end(),
                                   [](const Tensor& grad) { return grad.defined(); });
  if (reached) {
    if (anomaly_detection_enabled()) {
      for (const Tensor& grad : node.output_grads) {
        if (grad.defined()) check_finite(grad, node.name, "gradient of the output");
      }
    }
    const double begin = operations_are_timed() ? seconds_now() : 0;
    node.backward(node.output_grads, node.inputs);
    if (operations_are_timed()) note_backward(node.name, seconds_now() - begin);
    if (anomaly_detection_enabled()) check_leaves(node);
  }
  // Free what the operation kept as soon as it has run, so that memory falls while the sweep goes on.
  node.done = true;
  node.backward = BackwardFunction();
  tell_of_complete_leaves(node, on_complete);
  node.inputs.clear();
  for (Tensor& grad : node.output_grads) grad = Tensor();
}

void sweep(const Variable& output, const Tensor& upstream, OnComplete on_complete) {
  if (upstream.shape() != output.shape()) {
    throw InputError(fmt::format("backward: upstream gradient must be {} (shape of the output), got {}",
                                 output.shape().str(), upstream.shape().str()));
  }
  if (!output.requires_grad()) {
    throw InputError("backward: the output depends on nothing that requires a gradient");
  }
  Variable target = output;
  target.accumulate_grad(upstream.clone());  // operations may hand their gradient on and add to it
  const std::shared_ptr<GraphNode> root = Graph::state(output).producer;
  if (!root) return;
  for (const std::shared_ptr<GraphNode>& node : reachable_nodes(root)) run_node(*node, on_complete);
}

void require_one_element(const Variable& loss) {
  if (loss.value().size() == 1) return;
  throw InputError(fmt::format("backward: loss must have one element, got {}; give an upstream gradient",
                               loss.shape().str()));
}

constexpr auto nothing = [](const Variable& /*leaf*/) {};

}  // namespace

void check_finite(const Tensor& tensor, const char* operation, const char* what) {
  const float* data = tensor.data();
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (!std::isfinite(data[i])) {
      throw RunError(fmt::format("anomaly: {}: {} {} is {} at element {}", operation, what,
                                 tensor.shape().str(), data[i], i));
    }
  }
}

void backward(const Variable& loss, float seed) {
  require_one_element(loss);
  sweep(loss, Tensor::full(loss.shape(), seed), nothing);
}

void backward(const Variable& output, const Tensor& upstream) {
  sweep(output, upstream, nothing);
}

void backward(const Variable& loss, FunctionRef<void(const Variable& leaf)> on_complete) {
  require_one_element(loss);
  sweep(loss, Tensor::full(loss.shape(), 1.0F), on_complete);
}

}  // namespace espalier
