// Encoded texts in packed batches.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "espalier/nn/tokens.h"
#include "espalier/text/tokenizer.h"

namespace espalier::model {

struct LoadedModel;

// So many tokens are computed together: enough for fast products, few enough that a layer stays in the cache.
inline constexpr std::size_t kBatchTokens = 2048;

// Calls visit(rows, packed tokens) for batches of at most kBatchTokens tokens, or of one sequence, shortest
// first and in order among equals; `rows` are indices into `sequences`. None may be empty; all have type ids
// or none.
void for_each_batch(
    const std::vector<text::Encoding>& sequences,
    const std::function<void(const std::vector<std::size_t>& rows, const nn::Tokens& tokens)>& visit);

// Throws RunError naming the model, and the weight where it is one, if a result is infinite or not a number.
void require_finite(std::span<const float> values, LoadedModel& model);

}  // namespace espalier::model
