// The part of a model card that says how to use the folder.
#pragma once

#include <string>

#include "espalier/io/hf_model.h"

namespace espalier::model {

// Lines for the shell and for Python, which are indented. For a layout of transformers one block; for the
// original's two: the tokenizer's, for every transformers since 4.41, and the model's, for those in which the
// original's code works. Of a folder in int8 (io/hf_int8.h) it says who reads it. The interop check runs them
// as they are.
std::string card_usage(const io::HfModel& model, io::HfLayout layout, bool int8 = false);

}  // namespace espalier::model
