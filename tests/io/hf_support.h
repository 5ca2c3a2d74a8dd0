// What the tests of Hugging Face folders share.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "espalier/io/hf_model.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::io::hf_testing {

// Two layers 8 wide with one tree of depth 2, and BERT's of the same size.
nn::EncoderOptions small_trees();
nn::EncoderOptions small_bert();

// A line each.
std::string joined(const std::vector<std::string>& lines);

// Writes DIR/in and reads it.
HfModel read_back(const testing::HfFolder& folder, const testing::TempDir& dir);
std::string error_of_reading(const testing::HfFolder& folder);

// All tensors of a folder: type, shape and bytes.
std::map<std::string, std::string> stored(const std::filesystem::path& folder);

// Folder -> model -> JSON of its source and back -> folder: every tensor's bytes, the config and the
// tokenizer's files are what they were.
void check_round_trip(const testing::HfFolder& folder);

}  // namespace espalier::io::hf_testing
