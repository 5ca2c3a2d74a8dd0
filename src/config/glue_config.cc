#include "espalier/config/glue_config.h"

#include <fmt/format.h>

#include <set>

#include "espalier/base/error.h"

namespace espalier::config {
namespace {

struct TaskSetting {
  std::string task;
  Setting setting;  // without the task
};

TaskSetting split(const Setting& setting) {
  const std::size_t dot = setting.key.find('.');
  if (dot == std::string::npos) {
    throw InputError(fmt::format("{}: per_task.{}: expected per_task.TASK.KEY, as per_task.cola.train.epochs",
                                 setting.where, setting.key));
  }
  TaskSetting result{setting.key.substr(0, dot), setting};
  result.setting.key = setting.key.substr(dot + 1);
  return result;
}

template <class Value>
void require_distinct(const std::vector<Value>& values, const std::string& key) {
  if (std::set<Value>(values.begin(), values.end()).size() == values.size()) return;
  throw InputError(fmt::format("{}: a value is given twice: [{}]", key, fmt::join(values, ", ")));
}

}  // namespace

void describe(GlueConfig& config, Fields& fields) {
  fields.add("model", config.model,
             "MODEL to start from: a checkpoint, a run folder or a Hugging Face folder.");
  fields.add("run", config.run, "Folder of the run: results, predictions, models, submission.zip.");
  fields.add("resume", config.resume,
             "auto: continue the run folder at the unfinished task and seed; never: refuse a run folder that "
             "holds a run.");
  fields.add("glue.dir", config.dir,
             "GLUE in the official layout: a folder with CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE and "
             "WNLI; a task or test file that is not there is reported and skipped.");
  fields.add("glue.tasks", config.tasks, "The tasks, by name (sst2 or SST-2), in this order.");
  fields.add_numbered("glue.seeds", config.seeds,
                      "Seeds of every task (head, order, dropout, rows of task.max_train): their number, for "
                      "1, 2, ..., or a list.");
  fields.choice("glue.epoch", config.epoch, {{"last", ReportedEpoch::kLast}, {"best", ReportedEpoch::kBest}},
                "The epoch whose scores the table, the averages and the submission use (both are reported): "
                "the last, as published, or each run's best on dev, which is optimistic.");
  fields.add("glue.baseline", config.baseline,
             "The run folder of another model to compare with; empty: none.");
  fields.add("sweep.lr", config.sweep_lr,
             "Learning rates to try on each task; empty: train.lr. Each pair of rate and batch size is "
             "trained with the first seed, and the best on dev is used for all seeds.",
             above(0));
  fields.add("sweep.batch_size", config.sweep_batch_size,
             "Batch sizes to try on each task; empty: train.batch_size.", at_least(1));
  describe_recipe(config.recipe, fields);
  fields.add_group("per_task", config.per_task,
                   "The recipe of one task: per_task.TASK.KEY, KEY one of task.max_train, head.*, routing.*, "
                   "train.*, eval.* and log.* above; as per_task.cola.train.epochs.");
}

FinetuneConfig recipe_of(const GlueConfig& config, const std::string& task) {
  FinetuneConfig recipe = config.recipe;
  Fields fields;
  describe_recipe(recipe, fields);
  for (const Setting& setting : config.per_task) {
    const TaskSetting own = split(setting);
    if (own.task == task) fields.apply({&own.setting, 1});
  }
  return recipe;
}

void validate(const GlueConfig& config) {
  if (config.model.empty()) throw InputError("`model` is missing: the MODEL to start from");
  if (config.run.empty()) throw InputError("`run` is missing: the folder to write the run to");
  if (config.dir.empty()) throw InputError("`glue.dir` is missing: the folder of the GLUE tasks");
  if (config.resume != "auto" && config.resume != "never") {
    throw InputError(fmt::format("resume must be auto or never, got `{}`", config.resume));
  }
  if (config.tasks.empty()) throw InputError("glue.tasks: name one task at least");
  if (config.seeds.empty()) throw InputError("glue.seeds: give one seed at least");
  require_distinct(config.tasks, "glue.tasks");
  require_distinct(config.seeds, "glue.seeds");
  require_distinct(config.sweep_lr, "sweep.lr");
  require_distinct(config.sweep_batch_size, "sweep.batch_size");
  validate_recipe(config.recipe);
  for (const Setting& setting : config.per_task) validate_recipe(recipe_of(config, split(setting).task));
}

bool may_change_on_glue_resume(const std::string& key) {
  return key == "run" || key == "resume" || key == "log.steps" || key == "glue.tasks" ||
         key == "glue.seeds" || key == "glue.baseline";
}

std::string epoch_name(ReportedEpoch epoch) {
  return epoch == ReportedEpoch::kLast ? "last" : "best";
}

}  // namespace espalier::config
