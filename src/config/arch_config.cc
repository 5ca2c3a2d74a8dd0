#include "espalier/config/arch_config.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace espalier::config {

using nn::Activation;
using nn::Family;
using nn::FeedForwardType;
using nn::NormPlacement;
using nn::Positions;

static void describe_embedding(nn::EmbeddingOptions& embedding, Fields& fields) {
  fields.add(
      "arch.embedding.vocab_size", embedding.vocab_size,
      "Rows of the embedding table; 0 takes the size of the data's tokenizer, with `init` that model's.",
      at_least(0));
  fields.add("arch.embedding.max_positions", embedding.max_positions, "Longest sequence the model can read.",
             at_least(1));
  fields.choice(
      "arch.embedding.positions", embedding.positions,
      {{"scaled_sinusoidal", Positions::kScaledSinusoidal},
       {"learned", Positions::kLearned},
       {"none", Positions::kNone}},
      "What is added to the word embeddings: a learned scalar times a sinusoid table (the original), a "
      "learned table, or nothing.");
  fields.add(
      "arch.embedding.token_types", embedding.token_types,
      "Rows of the table of token types (BERT's segments: first and second text), which is added too; 0: "
      "none.",
      at_least(0));
  fields.add("arch.embedding.norm", embedding.norm, "LayerNorm after the sum of word, position and type.");
  fields.add("arch.embedding.dropout", embedding.dropout,
             "Dropout after the embedding, where training uses dropout.", fraction_below_one());
  fields.add("arch.embedding.pad_id", embedding.pad_id,
             "Id of the padding token; its row gets no look-up gradient.", at_least(0));
}

static void describe_ffn(nn::FeedForwardOptions& ffn, Fields& fields) {
  fields.choice(
      "arch.ffn.type", ffn.type,
      {{"neuron_tree", FeedForwardType::kNeuronTree},
       {"leaf_tree", FeedForwardType::kLeafTree},
       {"dense", FeedForwardType::kDense},
       {"gated", FeedForwardType::kGated}},
      "The feedforward layer: a tree with a neuron in every node (UltraFastBERT), a tree of gates with an "
      "MLP in every leaf (fastfeedforward), a dense layer, or a dense GELU-gated unit.");
  fields.add(
      "arch.ffn.width", ffn.width,
      "dense: neurons, 0 for no feedforward at all; gated: outputs of the first linear layer, half of them "
      "gates.",
      at_least(0));
  fields.choice(
      "arch.ffn.activation", ffn.activation,
      {{"gelu", Activation::kGelu}, {"gelu_tanh", Activation::kGeluTanh}, {"relu", Activation::kRelu}},
      "dense: the units' activation, exact GELU, its approximation by a tanh (`gelu_new` of transformers) "
      "or ReLU; also that of arch.head_transform.");
  fields.add("arch.ffn.trees", ffn.trees, "Parallel trees of a layer (K of KxD).", at_least(1));
  fields.add("arch.ffn.depth", ffn.depth, "Decisions from root to leaf (D of KxD).",
             between(0, nn::kDeepestTree));
  fields.add("arch.ffn.leaf_width", ffn.leaf_width, "leaf_tree: hidden neurons of each leaf's MLP.",
             at_least(1));
  fields.choice("arch.ffn.leaf_activation", ffn.leaf_activation,
                {{"relu", ops::LeafActivation::kRelu}, {"gelu", ops::LeafActivation::kGelu}},
                "leaf_tree: activation inside a leaf.");
  fields.add(
      "arch.ffn.linear_rank", ffn.linear_rank,
      "Rank of an always-on linear path beside the layer, whatever its type; 0: none. With type dense and "
      "width 0 it is the whole layer.",
      at_least(0));
  fields.add(
      "arch.ffn.layers", ffn.layers,
      "Layers, counted from 0, whose feedforward layer is the one above; none named: all. The others are "
      "dense with other_width units of the same activation.",
      at_least(0));
  fields.add("arch.ffn.other_width", ffn.other_width,
             "Units of the feedforward layers that arch.ffn.layers leaves out; 0: they have none.",
             at_least(0));
  fields.goes_with("arch.ffn.width", "arch.ffn.type", {"dense", "gated"});
  fields.goes_with("arch.ffn.trees", "arch.ffn.type", {"neuron_tree", "leaf_tree"});
  fields.goes_with("arch.ffn.depth", "arch.ffn.type", {"neuron_tree", "leaf_tree"});
  fields.goes_with("arch.ffn.leaf_", "arch.ffn.type", {"leaf_tree"});
  fields.goes_with("arch.ffn.activation", "arch.ffn.type", {"dense"});
  fields.goes_with("arch.ffn.activation", "arch.head_transform", {"true"});
  fields.goes_with("arch.ffn.activation", "arch.ffn.other_width");
}

void describe_arch(nn::EncoderOptions& options, Fields& fields) {
  fields.preset(
      "arch.family", options.family, {{"crammed", Family::kCrammed}, {"bert", Family::kBert}},
      "Whose defaults the other keys of arch have, and whose names an export: a crammed BERT with a tree "
      "(UltraFastBERT), or bert-base with dense layers.",
      [&options](Family family) { options = nn::options_of(family); });
  fields.add("arch.layers", options.layers, "Transformer layers.", at_least(0));
  fields.add("arch.hidden_size", options.hidden_size, "Width of the residual stream.", at_least(1));
  fields.add("arch.dropout", options.dropout,
             "Dropout after attention and after the feedforward layer, where training uses dropout.",
             fraction_below_one());
  fields.add("arch.norm_eps", options.norm_eps, "Added to the variance in every LayerNorm.", above(0));
  fields.add("arch.use_bias", options.use_bias,
             "Biases in attention's output projection and in dense layers.");
  fields.choice("arch.norm_placement", options.norm_placement,
                {{"pre", NormPlacement::kPre}, {"post", NormPlacement::kPost}},
                "LayerNorm before attention and feedforward (pre), or after the residual sum (post, BERT).");
  fields.add("arch.final_norm", options.final_norm, "LayerNorm after the last layer.");
  fields.add("arch.init_std", options.init_std,
             "Standard deviation of the initial embeddings and linear weights.", above(0));
  fields.add(
      "arch.masked_lm_head", options.masked_lm_head,
      "A masked-LM head; false: a model that only encodes, which can be fine-tuned but not pretrained.");
  fields.add("arch.head_transform", options.head_transform,
             "Linear, arch.ffn.activation and LayerNorm between the last layer and the tied decoder.");
  fields.add("arch.decoder_bias", options.decoder_bias, "A bias for each word in the tied decoder.");
  fields.add("arch.pooler", options.pooler,
             "The pooler that an imported model was pretrained with, kept for fine-tuning.");
  describe_embedding(options.embedding, fields);
  fields.add("arch.attention.heads", options.attention.heads, "Attention heads.", at_least(1));
  fields.add("arch.attention.rotary", options.attention.rotary,
             "Rotate queries and keys by position in each layer (neighbours 2i, 2i+1 paired, base 10000).");
  fields.add("arch.attention.qkv_bias", options.attention.qkv_bias,
             "Biases in the query, key and value projection.");
  fields.add("arch.attention.dropout", options.attention.dropout,
             "Dropout of attention probabilities, where training uses dropout.", fraction_below_one());
  fields.add("arch.attention.output_dropout", options.attention.output_dropout,
             "arch.dropout after attention too; false: after the feedforward layer alone, as in DistilBERT.");
  describe_ffn(options.ffn, fields);
}

std::vector<Setting> arch_settings(const nn::EncoderOptions& options) {
  nn::EncoderOptions copy = options;
  Fields fields;
  describe_arch(copy, fields);
  return fields.settings();
}

nn::EncoderOptions arch_from_settings(std::span<const Setting> settings) {
  nn::EncoderOptions options;
  Fields fields;
  describe_arch(options, fields);
  fields.apply(settings);
  return options;
}

}  // namespace espalier::config
