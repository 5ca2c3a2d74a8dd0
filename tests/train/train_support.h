// Tiny data and models for the tests of training.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/config/pretrain_config.h"
#include "tests/support/support.h"
#include "tests/support/tiny_vocabulary.h"

namespace espalier::testing {

// Writes DIR/tokens.h5: `train` and `validation` sequences of 16 tokens over 40 words, in which the next word
// mostly follows from the one before, so that a tiny model learns something.
void write_tiny_store(const std::filesystem::path& dir, std::int64_t train = 240,
                      std::int64_t validation = 32);

// A model of d 16, 2 layers, one tree of depth 3, 8 sequences an update, 20 updates, on DIR/data into
// DIR/run.
config::PretrainConfig tiny_pretrain(const std::filesystem::path& dir,
                                     std::vector<std::string> overrides = {});

// A folder with such a store as DIR/data, and pretrainings on it.
struct PretrainWorkspace {
  TempDir dir;

  PretrainWorkspace();
  std::filesystem::path run(const std::string& name) const { return dir / name; }
  // Into run(NAME).
  config::PretrainConfig config(const std::string& name, std::vector<std::string> overrides = {}) const;
};

// 16 hexadecimal digits over all model tensors of a checkpoint.
std::string weights_of(const std::filesystem::path& checkpoint);
// metrics.jsonl without what may differ between equal runs: time, tokens_per_s, rss.
std::string metrics_of(const std::filesystem::path& run);
// The number of line ends.
std::size_t count_lines(const std::string& text);

}  // namespace espalier::testing
