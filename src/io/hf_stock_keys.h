// What transformers' BERT and DistilBERT call the same settings in config.json, and their defaults there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "espalier/io/hf_model.h"

namespace espalier::io {

struct StockKeys {
  const char* model_type;
  const char* layers;
  const char* hidden_size;
  const char* heads;
  const char* width;
  const char* activation;
  const char* dropout;
  const char* attention_dropout;
  const char* head_dropout;
  std::int64_t default_layers;
  // Classes that are read.
  const char* encoder_class;
  const char* masked_lm_class;
  const char* pretraining_class;  // null: none
  const char* classifier_class;
};

const StockKeys& stock_keys(HfLayout layout);

// transformers' names of activations that are one of ours, the usual one first.
struct StockActivation {
  nn::Activation activation;
  std::vector<std::string> names;
};
const std::vector<StockActivation>& stock_activations();

}  // namespace espalier::io
