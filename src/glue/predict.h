// Predictions on the test files of GLUE.
#pragma once

#include "espalier/glue/results.h"
#include "glue/folder.h"
#include "glue/plan.h"

namespace espalier::glue {

// Writes submission/NAME.tsv for every test file of the task (for MNLI the diagnostics set too), by
// TASK/model.h5, unless that was done with this very model.
GlueTests predict_tests(const config::GlueConfig& config, const GlueTaskPlan& plan, const GlueFolder& folder);

}  // namespace espalier::glue
