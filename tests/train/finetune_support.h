// A tiny labelled task, and a tiny model to fine-tune on it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/config/finetune_config.h"
#include "tests/support/support.h"

namespace espalier::testing {

// Writes FILE: an untrained masked LM of d 16, 2 layers, one tree of depth 3, that reads single letters.
void write_tiny_model(const std::filesystem::path& file);

// Writes FILE (.tsv): `rows` texts of six letters in column `text`; `label` is `first` or `second`, by which
// half of the alphabet all letters are from; `share` is the share of letters from the second half, in rows of
// its own mixture where `mixed`.
void write_letters(const std::filesystem::path& file, int rows, std::uint64_t seed, bool mixed = false);

// DIR/model.h5 on DIR/train.tsv and DIR/dev.tsv into DIR/run: 6 steps an epoch, 3 epochs.
config::FinetuneConfig tiny_finetune(const std::filesystem::path& dir,
                                     const std::vector<std::string>& overrides = {});

// A folder with such a model, 96 rows to train on and 40 for dev; and fine-tunings.
struct FinetuneWorkspace {
  TempDir dir;

  FinetuneWorkspace();
  std::filesystem::path run(const std::string& name) const { return dir / name; }
  // Into run(NAME).
  config::FinetuneConfig config(const std::string& name, std::vector<std::string> overrides = {}) const;
};

}  // namespace espalier::testing
