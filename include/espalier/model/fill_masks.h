// Words for the masks of a text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "espalier/model/loaded_model.h"

namespace espalier::model {

struct MaskPrediction {
  double score = 0;  // probability among all words
  std::int32_t token = 0;
  std::string token_str;
  std::string sequence;  // the text with the token in place, decoded
};

// Why fill_masks would refuse a text (no mask, or too long for the model), which it quotes; "" if it would
// not.
std::string mask_problem(const LoadedModel& model, const std::string& text);

// For each text, for each of its mask tokens in order, the `top` most likely words, best first (lower id
// first among equals). As transformers' fill-mask pipeline: special tokens are left out of `sequence` where a
// text has a single mask. InputError quotes the text that has no mask or is too long for the model.
std::vector<std::vector<std::vector<MaskPrediction>>> fill_masks(LoadedModel& model,
                                                                 std::span<const std::string> texts,
                                                                 std::int64_t top,
                                                                 const ops::TreeRouting& routing);

}  // namespace espalier::model
