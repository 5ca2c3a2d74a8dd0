// What is inside a file: as one JSON document, which the tables for people are printed from.
#pragma once

#include <filesystem>

#include "espalier/io/json.h"
#include "espalier/nn/options.h"

namespace espalier::cli {

// The checkpoint, the token store, the vectors of `embed`, the .safetensors file or the Hugging Face folder
// at `path`; a run folder stands for its last.h5, a folder of `prepare` for its tokens.h5. With `verify`
// every byte is read and checked. InputError for anything else.
io::Json inspect(const std::filesystem::path& path, bool verify);

// `document` of inspect() as text for people.
std::string inspection_text(const io::Json& document);

// Parameters by what they belong to, from names and shapes [{name, shape}]; where `arch` is known and has
// trees, also how many of theirs a token meets.
io::Json parameter_counts(const io::Json& tensors, const nn::EncoderOptions* arch);

}  // namespace espalier::cli
