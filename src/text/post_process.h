// After WordPiece: templates with truncation, and decoding.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "espalier/text/tokenizer.h"

namespace espalier::text {

using Ids = std::span<const std::int32_t>;

// Throws InputError unless `single` uses A alone, `pair` uses A and B, and all ids are within [0, size).
void check_templates(const TokenizerModel& model, std::int32_t size);

// How many ids a template inserts.
std::size_t template_length(const Template& pieces);

// Lengths of the two parts that together have at most `room` ids (Hugging Face's longest_first).
std::pair<std::size_t, std::size_t> longest_first(std::size_t a, std::size_t b, std::size_t room);

Encoding fill_template(const Template& pieces, Ids a, Ids b);

// Appends one token to a decoded text. `first`: nothing was decoded before it.
void append_decoded(const std::optional<WordPieceDecoder>& decoder, std::string_view token, bool first,
                    std::string& text);

}  // namespace espalier::text
