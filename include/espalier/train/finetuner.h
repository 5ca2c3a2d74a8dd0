// Fine-tuning a pretrained encoder on labelled texts.
#pragma once

#include <filesystem>
#include <string>

#include "espalier/config/finetune_config.h"
#include "espalier/io/json.h"

namespace espalier::train {

struct FinetuneOptions {
  std::string title = "finetune";  // begins each line of progress
  bool report_unread = true;       // warn of texts that the tokenizer cannot read
  bool report_data = true;         // classes found, lines left out, bytes that are not UTF-8
  // What an earlier look at the files recorded (train/run_inputs.h); InputError if they hold something else.
  io::Json inputs = io::Json::object();
};

// Trains as `config` says, evaluates after each epoch, and leaves in `run`: config.yaml, metrics.jsonl,
// checkpoints, last.h5, best.h5 (by the first metric), predictions_dev*.tsv of the last evaluation and
// predictions_best_dev*.tsv of the best, train_results.json, eval_results.json and all_results.json with
// Hugging Face's names. Returns the content of all_results.json. Errors as pretrain().
io::Json finetune(const config::FinetuneConfig& config, const FinetuneOptions& options = {});

// The evaluations that the run in a folder logged, an array with an object an epoch: step, epoch, eval_loss,
// eval_METRIC, eval_METRIC_interval ([low, high], 95 %, by bootstrap), eval_samples, best (whether it was the
// best so far) and warnings (of degenerate scores), names with suffix _mm for a second evaluation set.
io::Json finetune_evaluations(const std::filesystem::path& run);

}  // namespace espalier::train
