// What a forward pass needs besides its input: mode, random keys, the trees' routing, and places to leave
// side results.
#pragma once

#include <cstdint>
#include <vector>

#include "espalier/autograd/variable.h"
#include "espalier/ops/tree_routing.h"
#include "espalier/ops/tree_statistics.h"

namespace espalier::nn {

// What a feedforward layer read, and what it gave before dropout and residual.
struct FeedForwardTrace {
  Variable input, output;
};

struct ForwardContext {
  bool training = false;     // region leak is active
  bool dropout = false;      // dropout is active: off in pretraining, on in fine-tuning
  std::uint64_t seed = 0;    // with `step`, the key of every random draw of this pass
  std::uint64_t step = 0;    // counts forward passes of a training (micro-batches, not updates)
  ops::TreeRouting routing;  // for every tree of the model
  // Filled by tree layers, in layer order: the entropy of each (where routing.entropy asks for it) ...
  Variables entropies;
  // ... and, where not null, the statistics of each; grows to one entry a tree layer, later passes of an
  // encoder add to them.
  ops::LayerStatistics* statistics = nullptr;
  // An encoder begins each pass with 0. Who calls a layer by itself sets it, or each call is another layer.
  std::size_t next_tree_layer = 0;
  // Where not null, TreeResult::leaf of each tree layer, in layer order; of the last pass alone.
  std::vector<IntTensor>* leaves = nullptr;
  // Where not null, what each feedforward layer read and gave, in layer order; of the last pass alone.
  std::vector<FeedForwardTrace>* traces = nullptr;
  // Dropout sites draw from disjoint index ranges in the order they are reached.
  std::uint64_t next_dropout_site = 0;
};

}  // namespace espalier::nn
