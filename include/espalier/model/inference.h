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

// Hard routing, or the mixture at `temperature` (by default the one where the training stopped). InputError:
// a model without trees, or one never trained softly and no temperature.
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
  bool truncated = false;             // the text was longer than the model reads
};

std::vector<Classification> classify(LoadedModel& model, std::span<const TextPair> texts,
                                     const ops::TreeRouting& routing);

enum class EmbeddingPooling {
  kMean,   // of the final states of all positions
  kFirst,  // the final state at position 0
};

struct Embeddings {
  Tensor values;               // [texts, hidden_size]
  std::int64_t truncated = 0;  // texts longer than the model reads
};

Embeddings embed(LoadedModel& model, std::span<const std::string> texts, EmbeddingPooling pooling,
                 const ops::TreeRouting& routing);

}  // namespace espalier::model
