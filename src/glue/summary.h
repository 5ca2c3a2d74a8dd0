// From the trainings of a GLUE run to results.json.
#pragma once

#include <optional>
#include <vector>

#include "espalier/glue/results.h"
#include "glue/plan.h"

namespace espalier::glue {

// A finished task: the trainings of all its seeds, of the other settings that a sweep tried, and what was
// predicted.
struct GlueTaskResults {
  const GlueTaskPlan* plan = nullptr;
  std::vector<GlueTraining> runs;
  std::vector<GlueTraining> sweep;  // empty without a sweep; the chosen setting's first seed included
  GlueTests tests;
};

// `model` says what was fine-tuned.
GlueResults summary_of(const config::GlueConfig& config, const GluePlan& plan, const GlueModel& model,
                       const std::vector<GlueTaskResults>& tasks);

// The scores of the tasks in the order of data::glue_columns().
std::vector<std::optional<double>> column_scores(const GlueResults& results);

}  // namespace espalier::glue
