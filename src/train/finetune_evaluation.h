// The scores of a fine-tuning at one moment, on all its evaluation sets.
#pragma once

#include <string>
#include <vector>

#include "espalier/train/finetune_results.h"
#include "train/finetune_run.h"
#include "train/set_predictions.h"

namespace espalier::train {

struct EpochScore {
  std::vector<SetScores> sets;        // one for each of FinetuneRun::evaluation
  double primary = 0;                 // the first metric on the first set, the higher the better; may be NaN
  std::vector<SetPredictions> rows;   // of each set
  std::vector<std::string> warnings;  // "f1: no row was predicted positive (class 1): F1 is 0"
};

// Scores the model as it is, and warns of degenerate scores. Adds the time to the state.
EpochScore evaluate(FinetuneRun& run);

// Writes predictions_dev*.tsv, and with `best` the same as predictions_best_dev*.tsv: a line a row of the
// file, with its line there, truth, prediction, and for classes the probability.
void write_predictions(const FinetuneRun& run, const EpochScore& score, bool best);

// Adds the evaluation's line to metrics.jsonl.
void log_evaluation(FinetuneRun& run, const EpochScore& score, bool best);

// At the end of the run: train_results.json, eval_results.json and all_results.json.
FinetuneResults write_results(const FinetuneRun& run, const EpochScore& score);

}  // namespace espalier::train
