#include "io/hf_stock_keys.h"

namespace espalier::io {

const StockKeys& stock_keys(HfLayout layout) {
  static const StockKeys bert = {.model_type = "bert",
                                 .layers = "num_hidden_layers",
                                 .hidden_size = "hidden_size",
                                 .heads = "num_attention_heads",
                                 .width = "intermediate_size",
                                 .activation = "hidden_act",
                                 .dropout = "hidden_dropout_prob",
                                 .attention_dropout = "attention_probs_dropout_prob",
                                 .head_dropout = "classifier_dropout",
                                 .default_layers = 12,
                                 .encoder_class = "BertModel",
                                 .masked_lm_class = "BertForMaskedLM",
                                 .pretraining_class = "BertForPreTraining",
                                 .classifier_class = "BertForSequenceClassification"};
  static const StockKeys distilbert = {.model_type = "distilbert",
                                       .layers = "n_layers",
                                       .hidden_size = "dim",
                                       .heads = "n_heads",
                                       .width = "hidden_dim",
                                       .activation = "activation",
                                       .dropout = "dropout",
                                       .attention_dropout = "attention_dropout",
                                       .head_dropout = "seq_classif_dropout",
                                       .default_layers = 6,
                                       .encoder_class = "DistilBertModel",
                                       .masked_lm_class = "DistilBertForMaskedLM",
                                       .pretraining_class = nullptr,
                                       .classifier_class = "DistilBertForSequenceClassification"};
  return layout == HfLayout::kBert ? bert : distilbert;
}

const std::vector<StockActivation>& stock_activations() {
  // gelu_fast writes sqrt(2 / pi) as 0.7978845608, which is the same float32.
  static const std::vector<StockActivation> all = {
      {nn::Activation::kGelu, {"gelu", "gelu_python"}},
      {nn::Activation::kGeluTanh,
       {"gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate", "gelu_python_tanh"}},
      {nn::Activation::kRelu, {"relu"}}};
  return all;
}

}  // namespace espalier::io
