// What a parameter is for, as the module that owns it says: from this follow its first values, whether weight
// decay applies, and what stays where decisions are frozen.
#pragma once

namespace espalier::nn {

enum class ParameterRole {
  kHiddenMatrix,    // weights of a linear map from hidden units to hidden units
  kMatrix,          // other weights that are multiplied: of a classifier's outputs, of nodes and leaves
  kBias,            // what is added to its result
  kNorm,            // weight or bias of a LayerNorm
  kEmbedding,       // a table with a vector a word or position
  kScale,           // a single factor, whose first value the module computes
  kDecisionMatrix,  // weights by which a tree decides: of gates, or the input weights of all its neurons
  kDecisionBias,    // what is added to their logits
  kCarried,         // of a layer that the model keeps for others and does not compute: never trained
};

// Whether initialize() draws it at random. All others keep the values that their module gave them.
constexpr bool starts_random(ParameterRole role) {
  return role == ParameterRole::kHiddenMatrix || role == ParameterRole::kMatrix ||
         role == ParameterRole::kDecisionMatrix || role == ParameterRole::kEmbedding;
}

// Whether weight decay applies, as in the original: to all but biases and norms, so to the position scale
// too.
constexpr bool decays(ParameterRole role) {
  return role != ParameterRole::kBias && role != ParameterRole::kDecisionBias && role != ParameterRole::kNorm;
}

constexpr bool decides(ParameterRole role) {
  return role == ParameterRole::kDecisionMatrix || role == ParameterRole::kDecisionBias;
}

}  // namespace espalier::nn
