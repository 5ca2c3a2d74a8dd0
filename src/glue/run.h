// One training of a GLUE run, from the plan to its result on the disk.
#pragma once

#include <limits>
#include <string>

#include "espalier/glue/results.h"
#include "glue/folder.h"
#include "glue/plan.h"

namespace espalier::glue {

// What the trainings of a task share.
struct GlueJob {
  const config::GlueConfig& config;
  const GlueTaskPlan& plan;
  const train::RunInputs& inputs;  // of model and rows, as they were first read: files may change meanwhile
  const GlueFolder& folder;
};

// Which training TASK/model.h5 is of, in TASK/model.json.
struct KeptModel {
  std::string folder;
  double score = -std::numeric_limits<double>::infinity();
};
void describe(KeptModel& kept, io::JsonFields& fields);

// A training as its result.json has it, if it is finished; else it is trained.
GlueTraining read_or_train(const GlueJob& job, const GlueSetting& setting, const std::string& progress);

// The first metric on the first dev file at the epoch that `config` reports; -infinity if it is not defined.
double selection_score(const config::GlueConfig& config, const GlueTraining& training);

}  // namespace espalier::glue
