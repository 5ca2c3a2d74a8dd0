// What the golden files of whole models hold, computed by a model of ours of either kind.
#pragma once

#include <string>
#include <vector>

#include "espalier/io/safetensors.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/tokens.h"
#include "espalier/optim/optimizer.h"

namespace espalier::train {

// What a result may be off, as a multiple of PyTorch's own float32 error: ours is another order of the same
// sums.
inline constexpr double kGoldenMultiple = 8;

struct GoldenBatch {
  nn::Tokens tokens;
  std::vector<std::int32_t> positions, targets;  // masked LM; classes of a classifier are `targets` too
  std::vector<float> values;                     // regression
};

// PREFIXids, labels, mask and types; the last three where they are there.
GoldenBatch read_golden_batch(const io::SafetensorsReader& tensors, const std::string& prefix);

// The mean loss of the batch, recorded for backward().
Variable golden_loss(model::LoadedModel& model, const GoldenBatch& batch,
                     const ops::TreeRouting& routing = {});
// The `optimizer` of a case's JSON file.
optim::AdamWOptions golden_adamw(const io::Json& settings);
// The final states [B,S,d].
Tensor golden_hidden(model::LoadedModel& model, const nn::Tokens& tokens,
                     const ops::TreeRouting& routing = {});
// [B * S, vocabulary] of a masked LM, [B, labels] of a classifier.
Tensor golden_logits(model::LoadedModel& model, const nn::Tokens& tokens,
                     const ops::TreeRouting& routing = {});

}  // namespace espalier::train
