// Encoded texts in batches of equal length.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "espalier/nn/tokens.h"
#include "espalier/text/tokenizer.h"

namespace espalier::model {

// Calls visit(rows, tokens [rows, length]) for batches of at most 32 sequences of equal length, shortest
// first and in order among equals; `rows` are indices into `sequences`. None may be empty; all have type ids
// or none.
void for_each_batch(
    const std::vector<text::Encoding>& sequences,
    const std::function<void(const std::vector<std::size_t>& rows, const nn::Tokens& tokens)>& visit);

// Throws RunError naming the model if a result is infinite or not a number.
void require_finite(std::span<const float> values, const std::string& model);

}  // namespace espalier::model
