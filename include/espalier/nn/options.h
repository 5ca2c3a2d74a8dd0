// What a crammed BERT is made of. Defaults are the published 1x11 UltraFastBERT; field names follow the
// original's architecture files where they mean the same.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/ops/tree_size.h"

namespace espalier::nn {

enum class Positions {
  kScaledSinusoidal,  // a learned scalar times a sinusoid table (the original)
  kLearned,           // a table of learned vectors
  kNone,              // none here (use with rotary attention)
};

struct EmbeddingOptions {
  std::int64_t vocab_size = 32768;
  std::int64_t max_positions = 128;  // longest sequence the position table serves
  Positions positions = Positions::kScaledSinusoidal;
  bool norm = true;  // LayerNorm after the sum of word and position
  double dropout = 0.1;
  std::int64_t pad_id = 0;  // its row gets no gradient from the look-up
};

struct AttentionOptions {
  std::int64_t heads = 12;
  bool rotary = false;  // queries and keys rotated in each layer (`llama` pairing, base 10000)
  bool qkv_bias = false;
  double dropout = 0.1;  // of the attention probabilities
};

enum class FeedForwardType {
  kNeuronTree,  // a neuron in every node (UltraFastBERT)
  kLeafTree,    // gates inside, an MLP in every leaf (fastfeedforward)
  kDense,       // linear, activation, linear; width 0: no feedforward layer at all
  kGated,       // linear to `width`, the second half gates the first, linear
};

enum class Activation { kGelu, kRelu };

struct FeedForwardOptions {
  FeedForwardType type = FeedForwardType::kNeuronTree;
  std::int64_t width = 3072;     // dense and gated: units of the first linear layer
  std::int64_t trees = 1;        // parallel trees
  std::int64_t depth = 11;       // levels of decisions; a neuron tree has 2^(depth+1)-1 nodes
  std::int64_t leaf_width = 16;  // leaf trees: hidden units of a leaf
  Activation leaf_activation = Activation::kRelu;
};

struct CrammedBertOptions {
  std::int64_t layers = 16;
  std::int64_t hidden_size = 768;
  double dropout = 0.1;  // after attention and after the feedforward layer
  double norm_eps = 1e-12;
  bool use_bias = false;  // biases in attention's output and in dense layers
  bool final_norm = true;
  double init_std = 0.02;  // N(0, std^2) for embeddings and every linear weight
  bool decoder_bias = false;
  EmbeddingOptions embedding;
  AttentionOptions attention;
  FeedForwardOptions ffn;
};

// "1x11", "dense 3072", "gated 3072", "8x5 leaves of 16": the feedforward layer in a word.
std::string describe(const FeedForwardOptions& options);
// Whether there is a layer at all: not where it is dense of width 0.
bool has_feed_forward(const FeedForwardOptions& options);
// Whether the layer routes: a tree of either kind.
bool has_trees(const FeedForwardOptions& options);
// The size of its trees, which only a layer that routes has.
ops::TreeSize tree_size(const FeedForwardOptions& options);

// Hidden units of a feedforward layer, and how many of them a token meets with hard routing. A gate of a leaf
// tree counts as one.
struct Neurons {
  std::int64_t all = 0, used = 0;
};
Neurons neurons_of(const FeedForwardOptions& options);

// Throws InputError naming the field, e.g. when hidden_size is not a multiple of heads.
void validate(const CrammedBertOptions& options);

}  // namespace espalier::nn
