// A folder's tensors into a model, for each family of layouts.
#pragma once

#include "espalier/io/hf_model.h"
#include "io/hf_config.h"
#include "io/hf_tensor_file.h"

namespace espalier::io {

// They set `classifier` and `labels` and fill `tensors` and `source.buffers` of a model that has the
// architecture of the config. InputError names the file and the tensor.
void read_original(HfModel& model, const HfConfig& config, HfTensorFile& file);
void read_espalier(HfModel& model, const HfConfig& config, HfTensorFile& file);
void read_stock(HfModel& model, const HfConfig& config, HfTensorFile& file);

// The model is a classifier. `weight` is the tensor whose rows are its labels where the config is silent.
void set_classifier(HfModel& model, const HfConfig& config, const HfTensorFile& file,
                    const std::string& weight);
// nn::validate(), naming the config.
void validate_arch(const HfModel& model, const HfConfig& config);

}  // namespace espalier::io
