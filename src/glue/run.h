// One training of a GLUE run, from the plan to its result on the disk.
#pragma once

#include <string>

#include "espalier/io/json.h"
#include "glue/folder.h"
#include "glue/plan.h"

namespace espalier::glue {

// What the trainings of a task share.
struct GlueTraining {
  const config::GlueConfig& config;
  const GlueTaskPlan& plan;
  const io::Json&
      inputs;  // of model and rows, as train/run_inputs.h records them: files may change meanwhile
  const GlueFolder& folder;
};

// What is known of a finished training, its result.json:
//
//     {task, seed, lr, batch_size, folder, train_rows, train_loss, seconds, eval_seconds, tokens_per_second,
//      padding_share, last, best,
//      epochs: [{epoch, step, scores: [{set, metric, value, low, high, n}], warnings}]}
//
// `last` and `best` are indices into `epochs`; `set` is the split; low and high are the ends of the 95 %
// interval; null stands for what is not defined.
io::Json read_or_train(const GlueTraining& training, const GlueSetting& setting, const std::string& progress);

// The first metric on the first dev file at the epoch that `config` reports; -infinity if it is not defined.
double selection_score(const config::GlueConfig& config, const io::Json& result);

}  // namespace espalier::glue
