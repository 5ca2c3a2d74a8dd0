// Fine-tuning a pretrained encoder on labelled texts.
#pragma once

#include <string>

#include "espalier/config/finetune_config.h"
#include "espalier/train/finetune_results.h"
#include "espalier/train/run_inputs.h"

namespace espalier::train {

struct FinetuneOptions {
  std::string title = "finetune";  // begins each line of progress
  bool report_unread = true;       // warn of texts that the tokenizer cannot read
  bool report_data = true;         // classes found, lines left out, bytes that are not UTF-8
  // What an earlier look at the files recorded; InputError if they hold something else.
  RunInputs inputs;
};

// Trains as `config` says, evaluates after each epoch, and leaves in `run`: config.yaml, metrics.jsonl,
// trainer_state.json, checkpoints, last.h5, best.h5 (by the first metric), predictions_dev*.tsv of the last
// evaluation and predictions_best_dev*.tsv of the best, train_results.json, eval_results.json and
// all_results.json with Hugging Face's names. Errors as pretrain().
FinetuneResults finetune(const config::FinetuneConfig& config, const FinetuneOptions& options = {});

// InputError if more processes were started than can share an update of it. finetune() asks first thing, too.
void require_share_for_all(const config::FinetuneConfig& config);

}  // namespace espalier::train
