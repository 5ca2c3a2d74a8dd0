// README.md of an exported model.
#pragma once

#include <optional>
#include <string>

#include "espalier/io/checkpoint.h"
#include "espalier/io/hf_model.h"

namespace espalier::model {

// What the model is, how it was trained and scored, and how to use it, from what the checkpoint holds.
// `dtype` is io::HfWriteOptions'.
std::string model_card(const io::HfModel& model, io::HfLayout layout, std::optional<io::DType> dtype,
                       const io::Checkpoint& checkpoint);

}  // namespace espalier::model
