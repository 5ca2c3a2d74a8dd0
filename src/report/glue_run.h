// The results of a GLUE run, ours or, with scores alone, another program's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "espalier/glue/results.h"
#include "report/predictions.h"
#include "report/run_folder.h"

namespace espalier::report {

struct GlueTaskView {
  std::string name = {}, title = {};
  std::optional<double> score = {};                 // in 0 .. 100, as tables have it
  std::vector<PredictionSummary> predictions = {};  // of all its seeds
};

struct GlueRun {
  RunFolder run;
  std::string model;
  std::optional<glue::GlueResults> results;  // none of another program's
  std::vector<GlueTaskView> tasks;
};

GlueRun read_glue_run(RunFolder run);

}  // namespace espalier::report
