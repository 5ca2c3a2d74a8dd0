// Fine-tuning a pretrained encoder on labelled texts.
#pragma once

#include <filesystem>

#include "espalier/config/finetune_config.h"
#include "espalier/io/json.h"

namespace espalier::train {

// Trains as `config` says, evaluates after each epoch, and leaves in `run`: config.yaml, metrics.jsonl,
// checkpoints, last.h5, best.h5 (by the first metric), predictions_dev*.tsv, train_results.json,
// eval_results.json and all_results.json with Hugging Face's names. Returns the content of all_results.json.
// Errors as pretrain().
io::Json finetune(const config::FinetuneConfig& config);

}  // namespace espalier::train
