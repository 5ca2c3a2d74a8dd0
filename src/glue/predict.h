// Predictions on the test files of GLUE.
#pragma once

#include <string>

#include "espalier/io/json.h"
#include "glue/folder.h"
#include "glue/plan.h"

namespace espalier::glue {

// Writes submission/NAME.tsv for every test file of the task (for MNLI the diagnostics set too), by
// TASK/model.h5, unless that was done with this very model. Returns {folder: of the model's training,
// files: [{name, rows}]}.
io::Json predict_tests(const config::GlueConfig& config, const GlueTaskPlan& plan, const GlueFolder& folder);

}  // namespace espalier::glue
