// How much the classes count in the loss of a fine-tuning.
#pragma once

#include "espalier/config/finetune_config.h"
#include "espalier/data/labelled.h"
#include "espalier/tensor/tensor.h"

namespace espalier::train {

// The weights that task.class_weights asks for, [classes]; undefined where it asks for none. InputError for
// an unknown class, a weight that is none, or a regression.
Tensor class_weights_of(const config::TaskConfig& task, const data::LabelledData& train);

}  // namespace espalier::train
