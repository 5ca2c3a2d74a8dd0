// The model whose weights a pretraining begins with: `init`.
#pragma once

#include <optional>

#include "espalier/config/pretrain_config.h"
#include "espalier/io/checkpoint.h"
#include "espalier/nn/masked_lm.h"

namespace espalier::train {

// What `init` names; none where it names nothing, or what it named is gone and the run has been begun.
std::optional<io::Checkpoint> load_initial_model(const config::PretrainConfig& config);

// The architecture of the run. Of a distillation: that of the model begun from, with arch.ffn in
// distill.layers; InputError where they do not fit together or other keys are given. Else: keys of arch that
// stand at the defaults of their family, or say that the vocabulary's size is another's, take the values of
// the model begun from, which is logged, with a warning for those that a file gives; those of the command
// line stay, so that what the weights cannot follow is refused. A masked-LM head is there, even where that
// model has none. Where the model is gone, keys take the values of the run instead, so that others are
// refused as a change of it. InputError where the model is a classifier.
nn::EncoderOptions architecture_from(const config::PretrainConfig& config,
                                     const std::optional<io::Checkpoint>& init);

// Gives `model`, which is initialised, the weights of `init`. A head that `init` does not have keeps its
// random weights, with a warning. InputError if the architectures differ, naming what to give.
void take_initial_weights(const io::Checkpoint& init, const config::PretrainConfig& config,
                          nn::MaskedLm& model);

}  // namespace espalier::train
