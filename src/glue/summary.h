// From the trainings of a GLUE run to results.json.
#pragma once

#include <optional>
#include <vector>

#include "espalier/io/json.h"
#include "glue/folder.h"
#include "glue/plan.h"

namespace espalier::glue {

// A finished task: the trainings of all its seeds, of the other settings that a sweep tried, and what was
// predicted.
struct GlueTaskResults {
  const GlueTaskPlan* plan = nullptr;
  std::vector<io::Json> runs;
  std::vector<io::Json> sweep;  // empty without a sweep; the chosen setting's first seed included
  io::Json tests;
};

// An entry of `tasks`:
//     {title, metric, score, scores: [{set, metric, n, last: {...}, best: {...}}], train_rows, lr,
//     batch_size,
//      seconds, tokens_per_second, padding_share, warnings, model, tests, runs: [result.json ...], sweep:
//      [...]}
// with {median, mean, std, min, max, low, high} over the seeds, low and high the 95 % interval of the run
// whose value is the (lower) median; `score`, from 0 to 100, is the median of the first metric at the
// reported epoch, for MNLI the mean of both sets.
io::Json task_summary(const config::GlueConfig& config, const GlueTaskResults& task);

// The whole document; `model` says what was fine-tuned.
io::Json results_json(const config::GlueConfig& config, const GluePlan& plan, const io::Json& model,
                      const std::vector<GlueTaskResults>& tasks);

// The scores of a document's tasks in the order of data::glue_columns().
std::vector<std::optional<double>> column_scores(const io::Json& results);

}  // namespace espalier::glue
