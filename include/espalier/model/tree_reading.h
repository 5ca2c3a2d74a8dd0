// What the leaves of a model's trees read: which tokens end in each leaf by hard routing, which of them do so
// more often than by chance, and how much two models agree on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "espalier/io/json_fields.h"
#include "espalier/io/token_store.h"
#include "espalier/model/loaded_model.h"

namespace espalier::model {

// A token that a leaf meets more often than by chance.
struct LeafToken {
  std::string token;       // as in the tokenizer, "##ing"
  std::int64_t id = 0;     // of the vocabulary
  std::int64_t count = 0;  // how often in this leaf
  double share = 0;        // of all occurrences of the token, those in this leaf
  double pmi = 0;          // pointwise mutual information in bits: 3 is eight times as often here as anywhere
};
void describe(LeafToken& token, io::JsonFields& fields);

// Lists are of the largest pmi first, of tokens with at least `min_count` occurrences in the leaf, above
// chance (pmi > 0).
struct LeafReading {
  std::int64_t tree = 0;
  std::int64_t leaf = 0;            // from the left; the kernels' number, and that of `leaf_tokens`
  std::string path;                 // turns from the root, "LRRL"
  std::int64_t count = 0;           // tokens that end in it
  double share = 0;                 // of all tokens
  std::vector<LeafToken> tokens;    // what is read
  std::vector<LeafToken> previous;  // the token before, within the sequence
  std::vector<LeafToken> next;      // the token after
};
void describe(LeafReading& leaf, io::JsonFields& fields);

struct LayerReading {
  std::int64_t layer = 0;       // of the encoder, from 0
  std::int64_t tree_layer = 0;  // among the layers with trees, as in metrics.jsonl's eval_routing
  std::string type;             // neuron_tree or leaf_tree
  std::int64_t trees = 0, depth = 0;
  std::vector<double> leaf_perplexity;  // of each tree: exp(entropy of leaf usage), 1 to 2^depth
  std::vector<std::int64_t> dead;       // of each tree: leaves that no token reached
  std::vector<LeafReading> leaves;      // those that some did, by tree and leaf
};
void describe(LayerReading& layer, io::JsonFields& fields);

// Adjusted mutual information of the leaves that two models send the same tokens to: 1 for the same
// division of the tokens whatever the leaves' numbers, 0 for chance.
struct TreeAgreement {
  std::int64_t tree = 0;   // of the model
  std::int64_t other = 0;  // of the other model: of those compared, the one that agrees most
  double adjusted_mutual_information = 0;
};
void describe(TreeAgreement& trees, io::JsonFields& fields);

struct LayerAgreement {
  std::int64_t layer = 0;
  double adjusted_mutual_information = 0;  // mean over `trees`
  std::vector<TreeAgreement> trees;
};
void describe(LayerAgreement& layer, io::JsonFields& fields);

// `espalier trees --json`, and its --output.
struct TreesReading {
  std::string model, data;
  std::string precision = "float32";              // that the model was put into
  std::optional<std::string> compared_precision;  // ... and the other one
  std::optional<std::string> compared_with;
  std::int64_t tokens = 0;     // that were read ...
  std::int64_t available = 0;  // ... of those there are
  std::int64_t min_count = 0;
  std::vector<LayerReading> layers;
  std::vector<LayerAgreement> agreement;  // empty: nothing was compared
};
void describe(TreesReading& reading, io::JsonFields& fields);

struct TreesOptions {
  std::optional<std::int64_t> layer;  // of the encoder; none: all that have trees
  std::int64_t tokens = 10'000'000;   // at most, whole sequences, evenly spread; 0: all
  std::int64_t top = 10;              // entries of each list
  std::int64_t min_count = 20;        // occurrences below which a pmi is noise
  std::string title;  // shows progress under this name, and lets Ctrl-C throw Interrupted; empty: neither
};

// Reads the training split of `data`, as it is (no masks), through `model` and, where not null, `other`. The
// counts of a layer take trees * 2^depth * vocabulary * 12 bytes, whatever the tokens read. InputError: a
// model without trees, a layer that has none, other words or longer sequences than the model's, counts beyond
// 4 GB; nothing to compare.
TreesReading read_trees(LoadedModel& model, LoadedModel* other, const io::TokenStoreReader& data,
                        const TreesOptions& options);

}  // namespace espalier::model
