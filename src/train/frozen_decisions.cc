#include "train/frozen_decisions.h"

#include <algorithm>

namespace espalier::train {

FrozenDecisions::FrozenDecisions(nn::SequenceClassifier& model) {
  const nn::FeedForwardOptions& ffn = model.encoder().options().ffn;
  if (!nn::has_trees(ffn)) return;
  const bool neurons = ffn.type == nn::FeedForwardType::kNeuronTree;
  const ops::TreeSize size = nn::tree_size(ffn);
  const std::int64_t deciding = size.inner_per_tree();
  const std::int64_t rows = neurons ? size.nodes_per_tree() : deciding;
  for (const nn::NamedParameter& parameter : model.parameters()) {
    if (nn::decides(parameter.role)) frozen_.push_back({parameter.value, ffn.trees, rows, deciding});
  }
}

void FrozenDecisions::clear_gradients() {
  for (Rows& rows : frozen_) {
    const Tensor& grad = rows.parameter.grad();
    if (!grad.defined()) continue;
    const std::int64_t width = grad.size() / (rows.trees * rows.rows_a_tree);
    // The slot of a gradient that is there is its memory.
    float* data = rows.parameter.grad_slot().data;
    for (std::int64_t tree = 0; tree < rows.trees; ++tree) {
      std::fill_n(data + tree * rows.rows_a_tree * width, rows.deciding * width, 0.0F);
    }
  }
}

}  // namespace espalier::train
