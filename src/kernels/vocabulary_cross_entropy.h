// The vocabulary head fused with its cross entropy: logits = hidden table^T + bias exist for one chunk of
// rows at a time, and their gradient is turned into those of hidden, table and bias before the chunk is
// forgotten.
//
// Computing the gradients here, in the forward pass, saves the third of the arithmetic that computing the
// logits a second time in backward would cost.
#pragma once

#include <cstdint>

namespace espalier::kernels {

struct VocabularyProblem {
  std::int64_t rows, width, vocabulary;
  const float* hidden;          // [rows, width]
  const float* table;           // [vocabulary, width]
  const float* bias;            // [vocabulary]; may be null
  const std::int32_t* targets;  // [rows], each in [0, vocabulary)
  bool bfloat16 = false;        // the factors of every product, the logits' gradient among them, are rounded
};

// Gradients of factor * (sum of losses), overwritten; each pointer may be null if nobody wants it.
struct VocabularyGradients {
  float factor = 0.0F;
  float* hidden = nullptr;  // [rows, width]
  float* table = nullptr;   // [vocabulary, width]
  float* bias = nullptr;    // [vocabulary]
};

// losses[r] = log sum exp(logits[r]) - logits[r][target]; correct[r] = 1 if the target is the first of the
// largest logits, else 0.
// Chunks have kGradientRows rows (kernels/matmul.h; a last chunk of under 48 joins the one before). What a
// chunk adds to the gradients of table and bias is summed by itself and then added, so a batch gives the bits
// of its chunks, computed alone and added one after the other. Working memory: a chunk's logits; with
// bfloat16 the rounded hidden and table too.
void vocabulary_cross_entropy(const VocabularyProblem& problem, const VocabularyGradients& gradients,
                              float* losses, std::uint8_t* correct);

}  // namespace espalier::kernels
