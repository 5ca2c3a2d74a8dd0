// What an encoder is made of. Defaults are the published 1x11 UltraFastBERT, a crammed BERT; bert_options()
// are those of the BERT that everybody else means. Field names follow the original's architecture files where
// they mean the same. Every mixture of the two computes, but only what has a class elsewhere can be exported
// to it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "espalier/ops/tree_size.h"

namespace espalier::nn {

// Whose defaults an architecture begins with, and whose names it is exported under.
enum class Family { kCrammed, kBert };

// Where the LayerNorms of a layer stand.
enum class NormPlacement {
  kPre,   // x + f(norm(x)): Xiong et al., "On layer normalization in the transformer architecture" (2020)
  kPost,  // norm(x + f(x)): Vaswani et al. (2017), BERT
};

enum class Activation {
  kGelu,      // x Phi(x)
  kGeluTanh,  // its approximation by a tanh: `gelu_new` of transformers, the first BERT's
  kRelu,
};

enum class Positions {
  kScaledSinusoidal,  // a learned scalar times a sinusoid table (the original)
  kLearned,           // a table of learned vectors
  kNone,              // none here (use with rotary attention)
};

struct EmbeddingOptions {
  std::int64_t vocab_size = 32768;
  std::int64_t max_positions = 128;  // longest sequence the position table serves
  Positions positions = Positions::kScaledSinusoidal;
  std::int64_t token_types = 0;  // rows of the table of token types (BERT's segments); 0: none is added
  bool norm = true;              // LayerNorm after the sum
  double dropout = 0.1;
  std::int64_t pad_id = 0;  // its row gets no gradient from the look-up
};

struct AttentionOptions {
  std::int64_t heads = 12;
  bool rotary = false;  // queries and keys rotated in each layer (`llama` pairing, base 10000)
  bool qkv_bias = false;
  double dropout = 0.1;        // of the attention probabilities
  bool output_dropout = true;  // EncoderOptions::dropout after the block; DistilBERT has none there
};

enum class FeedForwardType {
  kNeuronTree,  // a neuron in every node (UltraFastBERT)
  kLeafTree,    // gates inside, an MLP in every leaf (fastfeedforward)
  kDense,       // linear, activation, linear; width 0: none (no layer at all, without a linear path)
  kGated,       // linear to `width`, the second half gates the first, linear
};

// Of the trees that keys and others' files may ask for: deeper ones can be computed, but none was trained.
inline constexpr std::int64_t kDeepestTree = 20;

struct FeedForwardOptions {
  FeedForwardType type = FeedForwardType::kNeuronTree;
  std::int64_t width = 3072;                  // dense and gated: units of the first linear layer
  Activation activation = Activation::kGelu;  // dense: of its units; and of the head's transform
  std::int64_t trees = 1;                     // parallel trees
  std::int64_t depth = 11;                    // levels of decisions; a neuron tree has 2^(depth+1)-1 nodes
  std::int64_t leaf_width = 16;               // leaf trees: hidden units of a leaf
  ops::LeafActivation leaf_activation = ops::LeafActivation::kRelu;
  // Of an always-on linear path beside the layer of any type, f(x) + up(down(x)); 0: none.
  std::int64_t linear_rank = 0;
  // The layers, from 0, that are as above; empty: all. The others are dense with `other_width` units (0:
  // none) of the same activation.
  std::vector<std::int64_t> layers = {};
  std::int64_t other_width = 0;
};

struct EncoderOptions {
  Family family = Family::kCrammed;
  std::int64_t layers = 16;
  std::int64_t hidden_size = 768;
  double dropout = 0.1;  // after attention and after the feedforward layer
  double norm_eps = 1e-12;
  bool use_bias = false;  // biases in attention's output and in dense layers
  NormPlacement norm_placement = NormPlacement::kPre;
  bool final_norm = true;
  double init_std = 0.02;  // N(0, std^2) for embeddings and every linear weight
  // The head of a masked language model: decoder(transform(hidden)), the decoder tied to the word embedding.
  bool masked_lm_head = true;   // false: a model that only encodes
  bool head_transform = false;  // LayerNorm(activation(linear(hidden))) before the decoder
  bool decoder_bias = false;
  // Keeps the tanh layer over the first state that BERT was pretrained with. A masked LM carries it along
  // unchanged, a classifier of its shape starts from it.
  bool pooler = false;
  EmbeddingOptions embedding;
  AttentionOptions attention;
  FeedForwardOptions ffn;
};

// bert-base: post-norm, biases, learned positions, two token types, dense layers of 3072.
EncoderOptions bert_options();
EncoderOptions options_of(Family family);

// The same architecture as layer `layer` sees it: its own feedforward layer, as if all were so.
EncoderOptions layer_options(const EncoderOptions& options, std::int64_t layer);

// "1x11", "dense 3072", "gated 3072", "8x5 leaves of 16", "4x5 + linear 24", "1x11 in layers 0, 3, others
// dense 3072": the feedforward layer in a word.
std::string describe(const FeedForwardOptions& options);
// Whether there is a layer at all: not where it is dense of width 0 without a linear path.
bool has_feed_forward(const FeedForwardOptions& options);
// Whether the layer routes: a tree of either kind.
bool has_trees(const FeedForwardOptions& options);
// The numbers of the layers that route.
std::vector<std::int64_t> tree_layers(const EncoderOptions& options);
// The size of its trees, which only a layer that routes has.
ops::TreeSize tree_size(const FeedForwardOptions& options);

// Hidden units of a feedforward layer, and how many of them a token meets with hard routing. A gate of a leaf
// tree counts as one, and so does a rank of the linear path.
struct Neurons {
  std::int64_t all = 0, used = 0;
};
Neurons neurons_of(const FeedForwardOptions& options);

// Throws InputError naming the field that is out of its range or does not fit another, e.g. when hidden_size
// is not a multiple of heads.
void validate(const EncoderOptions& options);

}  // namespace espalier::nn
