// What a GLUE run will do: which tasks there are, and every training of each.
#pragma once

#include <string>
#include <vector>

#include "espalier/config/glue_config.h"
#include "espalier/data/glue.h"
#include "espalier/train/run_inputs.h"

namespace espalier::glue {

// One training of a task.
struct GlueSetting {
  double lr = 0;
  std::int64_t batch_size = 0;
  std::uint64_t seed = 0;
};

struct GlueTaskPlan {
  const data::GlueTask* task = nullptr;
  config::FinetuneConfig recipe;  // with the exceptions for this task
  std::vector<std::int64_t> seeds;
  std::vector<GlueSetting> sweep;         // all pairs with the first seed; one pair without a sweep
  std::vector<data::GlueFile> dev_files;  // those that are there, the first always
  std::vector<data::GlueFile> test_files;
  train::RunInputs inputs;           // the rows of train and dev files
  train::RunInputs test_inputs;      // ... and of test files
  std::vector<std::string> missing;  // names of submission files without a test file
};

struct SkippedTask {
  std::string name;
  std::string reason;
};

struct GluePlan {
  std::vector<GlueTaskPlan> tasks;
  std::vector<SkippedTask> skipped;
};

// Looks for all files and reads each once, so that a fault is found before the first training; reports what
// is missing or odd. InputError: an unknown or repeated task, no task at all, or a faulty file.
GluePlan plan_glue(const config::GlueConfig& config);

// A task's folder in the run, below it that of a training: "SST-2", "seed-1" or, in a sweep,
// "lr-4e-05-batch-16-seed-1".
std::string folder_of(const data::GlueTask& task);
std::string folder_of(const config::GlueConfig& config, const GlueSetting& setting);

// The fine-tuning of a setting, in the run's folder.
config::FinetuneConfig finetune_config(const config::GlueConfig& config, const GlueTaskPlan& plan,
                                       const GlueSetting& setting);

}  // namespace espalier::glue
