#include "espalier/config/glue_config.h"

#include <fmt/format.h>

#include <set>

#include "espalier/base/error.h"

namespace espalier::config {
namespace {

std::string task_of(const Setting& setting) {
  const std::size_t dot = setting.key.find('.');
  if (dot == std::string::npos) {
    throw InputError(fmt::format("{}: per_task.{}: expected per_task.TASK.KEY, as per_task.cola.train.epochs",
                                 setting.where, setting.key));
  }
  return setting.key.substr(0, dot);
}

// What one task is trained with.
struct TaskConfiguration {
  FinetuneConfig recipe;
  std::vector<std::int64_t> seeds;
};

Fields fields_of(const std::string& task, TaskConfiguration& own) {
  Fields fields(fmt::format("per_task.{}.", task));
  fields.add_numbered("seeds", own.seeds, "As glue.seeds.");
  describe_recipe(own.recipe, fields);
  return fields;
}

std::vector<Setting> exceptions_of(const GlueConfig& config, const std::string& task) {
  std::vector<Setting> exceptions;
  for (Setting setting : config.per_task) {
    if (task_of(setting) != task) continue;
    setting.key = "per_task." + setting.key;
    exceptions.push_back(std::move(setting));
  }
  return exceptions;
}

TaskConfiguration configuration_of(const GlueConfig& config, const std::string& task) {
  TaskConfiguration result{config.recipe, config.seeds};
  Fields fields = fields_of(task, result);
  const std::size_t prefix = fmt::format("per_task.{}.", task).size();
  for (Setting setting : exceptions_of(config, task)) {
    fields.apply({&setting, 1});
    setting.key.erase(0, prefix);
    if (setting.key != "seeds") result.recipe.given.push_back(std::move(setting));
  }
  return result;
}

// What a sweep tries takes the place of the recipe's own value.
void require_without_sweep(bool sweeps, const std::string& key, bool given, const std::string& where) {
  if (!sweeps || !given) return;
  throw InputError(fmt::format("{0}: sweep.{1} tries values in the place of train.{1}: leave one of them out",
                               where, key));
}

template <class Value>
void require_distinct(const std::vector<Value>& values, const std::string& key) {
  if (std::set<Value>(values.begin(), values.end()).size() == values.size()) return;
  throw InputError(fmt::format("{}: a value is given twice: [{}]", key, fmt::join(values, ", ")));
}

void validate_task(const GlueConfig& config, const std::string& task) {
  const TaskConfiguration own = configuration_of(config, task);
  const std::string prefix = fmt::format("per_task.{}", task);
  if (own.seeds.empty()) throw InputError(prefix + ".seeds: give one seed at least");
  require_distinct(own.seeds, prefix + ".seeds");
  try {
    validate_recipe(own.recipe);
  } catch (const InputError& error) {
    throw InputError(prefix + ": " + error.what());
  }
}

}  // namespace

void describe(GlueConfig& config, Fields& fields) {
  fields.add("model", config.model,
             "MODEL to start from: a checkpoint, a run folder or a Hugging Face folder.");
  fields.add("run", config.run, "Folder of the run: results, predictions, models, submission.zip.");
  fields.add(
      "resume", config.resume,
      "auto: continue the run folder at the unfinished task and seed, if model and rows are the same as "
      "then, by whatever path; never: refuse a run folder that holds a run.");
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
  fields.one_of({"sweep.lr", "train.lr"});
  fields.one_of({"sweep.batch_size", "train.batch_size"});
  for (const char* keys : {"head.", "routing.", "train."}) fields.remember(keys, config.recipe.given);
  fields.add_group("per_task", config.per_task,
                   "Exceptions for one task: per_task.TASK.KEY, KEY `seeds` (as glue.seeds) or one of "
                   "task.max_train, head.*, routing.*, train.*, eval.* and log.* above; as "
                   "per_task.cola.train.epochs.");
}

FinetuneConfig recipe_of(const GlueConfig& config, const std::string& task) {
  return configuration_of(config, task).recipe;
}

void require_exceptions_read(const GlueConfig& config) {
  for (const Setting& setting : config.per_task) {
    const std::string task = task_of(setting);
    TaskConfiguration own;
    Fields fields = fields_of(task, own);
    own = configuration_of(config, task);  // after its defaults are known
    fields.require_read(exceptions_of(config, task));
    if (setting.where != kCommandLine) continue;
    const std::string where = fmt::format("{}: per_task.{}", setting.where, setting.key);
    require_without_sweep(!config.sweep_lr.empty(), "lr", setting.key.ends_with(".train.lr"), where);
    require_without_sweep(!config.sweep_batch_size.empty(), "batch_size",
                          setting.key.ends_with(".train.batch_size"), where);
  }
}

std::vector<std::int64_t> seeds_of(const GlueConfig& config, const std::string& task) {
  return configuration_of(config, task).seeds;
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
  const FinetuneConfig defaults;
  require_without_sweep(!config.sweep_lr.empty(), "lr", config.recipe.optimizer.lr != defaults.optimizer.lr,
                        "train.lr");
  require_without_sweep(!config.sweep_batch_size.empty(), "batch_size",
                        config.recipe.batch_size != defaults.batch_size, "train.batch_size");
  validate_recipe(config.recipe);
  for (const Setting& setting : config.per_task) validate_task(config, task_of(setting));
}

ResumeRule glue_resume_rule(const std::string& key) {
  if (key == "model" || key == "glue.dir") return ResumeRule::kInput;
  if (key.starts_with("per_task.")) {
    const bool free = key.ends_with(".seeds") || key.find(".log.") != std::string::npos;
    return free ? ResumeRule::kFree : ResumeRule::kSame;
  }
  const bool free = key == "run" || key == "resume" || key == "glue.tasks" || key == "glue.seeds" ||
                    key == "glue.baseline" || key == "train.detect_anomaly" || key.starts_with("log.");
  return free ? ResumeRule::kFree : ResumeRule::kSame;
}

std::string epoch_name(ReportedEpoch epoch) {
  return epoch == ReportedEpoch::kLast ? "last" : "best";
}

}  // namespace espalier::config
