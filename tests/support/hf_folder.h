// Hugging Face folders of tiny crammed BERTs, built from lists of names and shapes that the tests spell out,
// not from the code under test.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/io/json.h"
#include "espalier/io/safetensors.h"

namespace espalier::testing {

struct HfFolder {
  io::Json config;  // config.json, complete
  std::vector<io::SafetensorsEntry> tensors;
  io::Json tokenizer_config = io::Json::object();  // beside the golden tokenizer's own keys

  io::SafetensorsEntry& tensor(const std::string& name);
  void remove(const std::string& name);
  // Writes config.json, model.safetensors and the golden tokenizer's three files.
  void write(const std::filesystem::path& folder) const;
};

// A masked LM with one tree of depth 11 a layer, as the published 1x11, at d 8, 2 heads, 2 layers, 450
// words, 32 positions: random weights, both tied tensors.
HfFolder published_layout();
// The same with trees of depth 2, for tests that need no 4095 nodes.
HfFolder small_masked_lm();
// A classifier of `labels` classes on that encoder.
HfFolder small_classifier(int labels);

}  // namespace espalier::testing
