// Using a model on text: filling masks, classifying, embedding. Results depend on the texts alone, not on the
// thread count; nothing is padded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "espalier/model/loaded_model.h"

namespace espalier::model {

// Computes in `precision` from now on; none: float32, or int8 for a folder in int8. Returns which. InputError
// naming the model and the parameter that int8 cannot express, or where such a folder is to compute in
// another one.
ops::Precision fix_precision(LoadedModel& model, std::optional<ops::Precision> precision);

// Whether its trees are those of a folder in int8, which have no soft routing.
bool has_trees_in_bytes(const LoadedModel& model);

// Hard routing, or the mixture at `temperature` (by default the one where the training stopped). InputError:
// a model without trees, one in int8, or one never trained softly and no temperature.
ops::TreeRouting inference_routing(const LoadedModel& model, bool soft,
                                   std::optional<double> temperature = std::nullopt);

// A warning if hard routing is asked of trees that had not finished hardening, with the gap; empty if there
// is nothing to say.
std::string unfinished_warning(const LoadedModel& model, const ops::TreeRouting& routing);

struct TextPair {
  std::string text;
  std::optional<std::string> pair;  // none: a single text
};

struct Classification {
  std::string label;  // the most likely class; for a regression the model's name for the value
  double score = 0;   // its probability; for a regression the value
  std::vector<double> probabilities;  // of all classes, in order; empty for a regression
  bool truncated = false;             // the text was longer than what is read of it
};

// Reads max_length tokens of each text; 0: reading_length().
std::vector<Classification> classify(LoadedModel& model, std::span<const TextPair> texts,
                                     const ops::TreeRouting& routing, std::int64_t max_length = 0);

struct EmbeddingOptions {
  io::SentencePooling pooling = io::SentencePooling::kMean;  // of the final states
  bool normalize = false;                                    // the vector, to length 1
  std::int64_t max_length = 0;                               // tokens that are read; 0: reading_length()
  std::string prompt;                                        // put before each text
  std::int64_t dimensions = 0;  // numbers of the vector that are kept, its first; 0: all
};
// Tokens of a text that the model reads where nobody says otherwise: all its positions, or fewer where the
// folder that it came from says so (model_max_length of tokenizer_config.json).
std::int64_t reading_length(const LoadedModel& model);
// Those of a sentence-transformers model, else the mean of all that the model can read. `prompt` is the name
// of one of its prompts; none: its default one, if it has one. InputError names what there is.
EmbeddingOptions embedding_options(const LoadedModel& model,
                                   const std::optional<std::string>& prompt = std::nullopt);

struct Embeddings {
  Tensor values;               // [texts, hidden_size, or EmbeddingOptions::dimensions]
  std::int64_t truncated = 0;  // texts longer than max_length
};

// InputError for more dimensions than the model's states have.
Embeddings embed(LoadedModel& model, std::span<const std::string> texts, const EmbeddingOptions& options,
                 const ops::TreeRouting& routing);

}  // namespace espalier::model
