// Folders in int8: weights by row, as `--precision int8` has them, in the format of compressed-tensors that
// is called int-quantized (https://github.com/vllm-project/compressed-tensors), which transformers and vLLM
// read: `NAME` I8 [rows, columns] and `NAME_scale` F32 [rows, 1] for each, weight = scale * byte, and in
// config.json `quantization_config`. What reads them has a scale a token. All other tensors are F32.
//
// In bytes are the word embedding, the weights of linear layers, and of trees of neurons with hard routing
// `linear_in.weight` and `linear_out.weight_t`, where --precision int8 has them so: nn::Int8Form.
#pragma once

#include <set>
#include <string>

#include "espalier/io/hf_model.h"
#include "io/hf_tensor_file.h"

namespace espalier::io {

std::string scale_name_of(const std::string& name);

// The names of ours that an export in int8 has in bytes.
std::set<std::string> tensors_in_bytes(const HfModel& model);

// Whether config.json says so. InputError for any other quantization.
bool says_int8(const JsonView& document, HfLayout layout);
// `quantization_config` of an export.
Json int8_config(const HfModel& model, HfLayout layout);

[[noreturn]] void refuse_int8(const std::filesystem::path& folder);
// After reading: InputError for bytes of a tensor that is none of those that may be in bytes.
void check_bytes(const HfModel& model, const HfTensorFile& file);
// Moves `bytes` to `tensors`.
void dequantize_all(HfModel& model);

}  // namespace espalier::io
