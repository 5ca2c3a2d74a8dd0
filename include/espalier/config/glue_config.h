// What `espalier glue` reads: which tasks and seeds, and the fine-tuning recipe, with exceptions for single
// tasks.
#pragma once

#include <string>
#include <vector>

#include "espalier/config/fields.h"
#include "espalier/config/finetune_config.h"
#include "espalier/config/resume_rule.h"

namespace espalier::config {

// The epoch whose scores the table, the averages, the submission and the choice between settings use.
enum class ReportedEpoch { kLast, kBest };

struct GlueConfig {
  std::string model;
  std::string run;
  std::string resume = "auto";
  std::string dir;
  std::vector<std::string> tasks = {"cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli"};
  std::vector<std::int64_t> seeds = {1, 2, 3, 4, 5};
  ReportedEpoch epoch = ReportedEpoch::kLast;
  std::string baseline;
  // Tried on each task with the first seed; empty: the recipe's value.
  std::vector<double> sweep_lr;
  std::vector<std::int64_t> sweep_batch_size;
  FinetuneConfig recipe;          // only what describe_recipe() binds
  std::vector<Setting> per_task;  // keys TASK.KEY, KEY `seeds` or one of the recipe's
};

void describe(GlueConfig& config, Fields& fields);
// Checks what single keys cannot. Throws InputError naming the keys.
void validate(const GlueConfig& config);
// Free is what changes no finished result: where the run lies, logging, and which tasks and seeds are wanted.
ResumeRule glue_resume_rule(const std::string& key);

// InputError for a key of `per_task` on the command line that the task's own recipe, or a sweep, does not
// read.
void require_exceptions_read(const GlueConfig& config);

// Recipe and seeds of one task, by the name that `per_task` uses.
FinetuneConfig recipe_of(const GlueConfig& config, const std::string& task);
std::vector<std::int64_t> seeds_of(const GlueConfig& config, const std::string& task);
// "last" or "best".
std::string epoch_name(ReportedEpoch epoch);

}  // namespace espalier::config
